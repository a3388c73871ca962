//! Polygons around points, lines and polygons. Each edge and each corner adds a piece: a strip
//! beside the edge, a slice of a circle around the corner; the result is their union. Circles
//! become polygons as in the S2 library, so that the vertices are the same.

use std::f64::consts::{FRAC_PI_2, PI, TAU};

use arrow::array::ArrayRef;
use datafusion::common::Result;

use super::super::arguments::Arguments;
use super::super::udf::{Evaluate, code};
use super::edge::on_ray;
use super::input::{Places, Shapes, optional_real};
use super::line::Line;
use super::overlay::Overlay;
use super::polygon::{Border, Polygon};
use super::predicate::sign;
use super::ring::Ring;
use super::union::united;
use super::vector::{EARTH_RADIUS_METERS, Vector};

/// The tolerance where none is given.
pub(super) const TOLERANCE_DEFAULT_METERS: f64 = 10.0;

/// Smallest tolerance as a part of the radius.
const ERROR_FRACTION_MIN: f64 = 1e-6;

/// Keeps a last step from being made for a rest that is only an error of rounding.
const ROUNDING: f64 = 1e-15;

/// Buffers by name.
pub(super) fn find(name: &str) -> Option<Evaluate> {
    Some(match name {
        "geo_point_buffer" => code(|a| {
            let places = Places::new(a, 0);
            buffers(a, 2, |row, shape| {
                shape.add_point(places.get(row)?.vector());
                Some(())
            })
        }),
        "geo_line_buffer" => code(|a| {
            let lines = Shapes::new(a, 0, Line::read)?;
            buffers(a, 1, |row, shape| {
                for part in &lines.get(row)?.parts {
                    shape.add_line(part);
                }
                Some(())
            })
        }),
        "geo_polygon_buffer" => code(|a| {
            let polygons = Shapes::new(a, 0, united)?;
            buffers(a, 1, |row, shape| {
                shape.add_polygon(&*polygons.get(row)?);
                Some(())
            })
        }),
        _ => return None,
    })
}

/// One polygon per row; the argument at `position` is the radius, the next the tolerance.
fn buffers(
    arguments: &Arguments<'_>,
    position: usize,
    add: impl Fn(usize, &mut Buffer) -> Option<()>,
) -> Result<ArrayRef> {
    let radii = arguments.reals_in(position);
    let tolerances = optional_real(arguments, position + 1, TOLERANCE_DEFAULT_METERS);
    arguments.optional_strings(|row, out| {
        let mut buffer = Buffer::new(radii.get(row)?, tolerances.get(row)?)?;
        add(row, &mut buffer)?;
        buffer.polygon().geometry().write(out);
        Some(())
    })
}

/// The polygon of all points in a radius of a polygon.
pub(super) fn of_polygon(
    polygon: &Polygon,
    radius_meters: f64,
    tolerance_meters: f64,
) -> Option<Polygon> {
    let mut buffer = Buffer::new(radius_meters, tolerance_meters)?;
    buffer.add_polygon(polygon);
    Some(buffer.polygon())
}

/// Pieces of a buffer.
struct Buffer {
    radius: f64,
    /// Angle between two vertices of a circle around a corner.
    vertex_step: f64,
    /// Angle between two vertices of a whole circle.
    point_step: f64,
    /// Angle between two vertices beside an edge.
    edge_step: f64,
    pieces: Vec<Polygon>,
}

impl Buffer {
    /// `None` if the radius or the tolerance is not valid, or if the radius is a quarter of the
    /// way around the Earth or more.
    fn new(radius_meters: f64, tolerance_meters: f64) -> Option<Self> {
        let radius = radius_meters / EARTH_RADIUS_METERS;
        if !(radius > 0.0 && radius < FRAC_PI_2 && tolerance_meters > 0.0) {
            return None;
        }
        let fraction = (tolerance_meters / radius_meters).clamp(ERROR_FRACTION_MIN, 1.0);
        let vertex_step = edge_span_max(radius, fraction * radius);
        let edge_step = edge_span_max(FRAC_PI_2 - radius, fraction * radius);
        Some(Self {
            radius,
            vertex_step,
            point_step: TAU / (TAU / vertex_step).ceil() + ROUNDING,
            edge_step,
            pieces: Vec::new(),
        })
    }

    fn polygon(&self) -> Polygon {
        let pieces: Vec<&Polygon> = self.pieces.iter().collect();
        Overlay::covered_by(&pieces, 1).polygon()
    }

    fn add_piece(&mut self, mut path: Vec<Vector>) {
        path.dedup();
        if path.len() > 2 {
            let border = Border {
                ring: Ring::new(path),
                is_hole: false,
            };
            self.pieces.push(Polygon {
                borders: vec![border],
            });
        }
    }

    fn add_point(&mut self, point: Vector) {
        let mut path = Vec::new();
        let (mut start, mut angle) = (point.orthogonal(), 0.0);
        for _ in 0..4 {
            let rotated = point.cross(start).normalized();
            while angle < FRAC_PI_2 {
                path.push(self.beside(point, on_ray(start, rotated, angle)));
                angle += self.point_step;
            }
            angle -= FRAC_PI_2;
            start = rotated;
        }
        self.add_piece(path);
    }

    fn add_line(&mut self, line: &[Vector]) {
        let mut line = line.to_vec();
        line.dedup();
        let count = line.len();
        if count == 1 {
            return self.add_point(line[0]);
        }
        self.add_end(line[1], line[0]);
        self.add_side(&line);
        self.add_end(line[count - 2], line[count - 1]);
        line.reverse();
        self.add_side(&line);
    }

    /// Adds what is on the right of a line.
    fn add_side(&mut self, line: &[Vector]) {
        for (position, ends) in line.windows(2).enumerate() {
            self.add_edge(ends[0], ends[1]);
            if let Some(next) = line.get(position + 2) {
                self.add_corner(ends[0], ends[1], *next);
            }
        }
    }

    fn add_polygon(&mut self, polygon: &Polygon) {
        self.pieces.push(polygon.clone());
        for border in &polygon.borders {
            let path = border.path();
            let at = |position: usize| path[position % path.len()];
            for position in 0..path.len() {
                let [a, b, c] = [0, 1, 2].map(|step| at(position + step));
                self.add_edge(a, b);
                self.add_corner(a, b, c);
            }
        }
    }

    /// The point in the distance of the radius from another.
    fn beside(&self, point: Vector, direction: Vector) -> Vector {
        on_ray(point, direction, self.radius)
    }

    /// Adds the strip on the right of an edge.
    fn add_edge(&mut self, a: Vector, b: Vector) {
        let axis = right_of(a, b);
        let along = a.cross(axis).normalized();
        let (mut path, span) = (vec![a, self.beside(a, axis)], a.angle(b));
        let mut angle = self.edge_step;
        while angle < span {
            path.push(self.beside(on_ray(a, along, angle), axis));
            angle += self.edge_step;
        }
        path.extend([self.beside(b, axis), b]);
        self.add_piece(path);
    }

    /// Adds the slice between the strips of two edges that make a turn to the left.
    fn add_corner(&mut self, a: Vector, b: Vector, c: Vector) {
        // Where the line turns back there is a half circle.
        if a == c || sign(a, b, c) > 0 {
            self.add_slice(b, right_of(a, b), right_of(b, c));
        }
    }

    /// Adds the half circle at the end `b` of an edge.
    fn add_end(&mut self, a: Vector, b: Vector) {
        let axis = right_of(a, b);
        self.add_slice(b, axis, -axis);
    }

    /// Adds a slice of the circle around a point, counterclockwise.
    fn add_slice(&mut self, point: Vector, start: Vector, end: Vector) {
        let rotated = point.cross(start).normalized();
        let mut path = vec![point, self.beside(point, start)];
        let span = start.angle(end);
        let mut angle = self.vertex_step;
        while angle < span {
            path.push(self.beside(point, on_ray(start, rotated, angle)));
            angle += self.vertex_step;
        }
        path.push(self.beside(point, end));
        self.add_piece(path);
    }
}

/// The direction to the right of an edge.
fn right_of(a: Vector, b: Vector) -> Vector {
    b.stable_cross(a).normalized()
}

/// The largest angle between vertices of a circle whose edges come closer to its middle by no
/// more than the error.
fn edge_span_max(radius: f64, error: f64) -> f64 {
    let widest = 2.0 * PI / 3.0 + ROUNDING;
    let smallest_radius = radius - error;
    if smallest_radius <= 0.0 {
        return widest;
    }
    widest.min(2.0 * (smallest_radius.tan() / radius.tan()).acos())
}
