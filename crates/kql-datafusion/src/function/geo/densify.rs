//! Lines and polygons with points added, so that edges that follow straight lines of longitude
//! and latitude are near to the arcs of great circles that Kusto makes of them.

use arrow::array::ArrayRef;
use datafusion::common::Result;

use super::super::arguments::Arguments;
use super::super::udf::{Evaluate, code};
use super::edge::interpolate;
use super::geojson::Geometry;
use super::input::{optional_bool, optional_real};
use super::line;
use super::polygon::{self, Region};
use super::ring::curvature;
use super::vector::{EARTH_RADIUS_METERS, Position, Vector};

/// Tolerances in metres that are accepted.
const TOLERANCES: std::ops::RangeInclusive<f64> = 0.1..=10_000.0;

/// The tolerance where none is given.
const TOLERANCE_DEFAULT_METERS: f64 = 10.0;

/// Most points of a result.
const POINTS_MAX: usize = 10_485_760;

/// Where on an edge the distance to the arc is measured, from either end.
const MEASURED_FRACTION: f64 = 0.312_156_910_822_483_1;

/// The distance there as a part of the largest, at least.
const MEASURED_PART: f64 = 0.838_299_925_698_885_1;

/// Densifying functions by name.
pub(super) fn find(name: &str) -> Option<Evaluate> {
    Some(match name {
        "geo_line_densify" => code(|a| densify(a, line)),
        "geo_polygon_densify" => code(|a| densify(a, polygon)),
        _ => return None,
    })
}

fn densify(
    arguments: &Arguments<'_>,
    shape: fn(&str, &Densifier) -> Option<Geometry>,
) -> Result<ArrayRef> {
    let shapes = arguments.raw(0)?;
    let tolerances = optional_real(arguments, 1, TOLERANCE_DEFAULT_METERS);
    let preserves_crossing = optional_bool(arguments, 2);
    arguments.optional_strings(|row, out| {
        let tolerance = tolerances.get(row)?;
        if !TOLERANCES.contains(&tolerance) {
            return None;
        }
        let densifier = Densifier {
            tolerance: MEASURED_PART * tolerance / EARTH_RADIUS_METERS,
            crosses_antimeridian: preserves_crossing.get(row)?,
        };
        shape(shapes.get(row)?, &densifier)?.write(out);
        Some(())
    })
}

fn line(bag: &str, densifier: &Densifier) -> Option<Geometry> {
    let parts = line::read_positions(bag)?;
    let parts: Option<Vec<_>> = parts.iter().map(|part| densifier.path(part)).collect();
    Some(Geometry::lines(parts?))
}

fn polygon(bag: &str, densifier: &Densifier) -> Option<Geometry> {
    Region::read(bag)?;
    let polygons = polygon::read_positions(bag)?.into_iter().map(|rings| {
        let rings = rings.into_iter().enumerate().map(|(position, mut ring)| {
            let vertices: Vec<Vector> = ring.iter().skip(1).map(|p| p.vector()).collect();
            // Shells become counterclockwise, holes clockwise.
            if (curvature(&vertices) < 0.0) == (position == 0) {
                ring.reverse();
                ring.rotate_left(1);
                ring.pop();
                ring.push(ring[0]);
            }
            densifier.path(&ring)
        });
        rings.collect::<Option<Vec<_>>>()
    });
    Some(Geometry::polygons(polygons.collect::<Option<_>>()?))
}

/// How points are added.
struct Densifier {
    /// Largest distance between the measured points of an edge and its arc, in radians.
    tolerance: f64,
    /// Edges that span more than half of the longitudes stay as they are drawn on a flat map.
    crosses_antimeridian: bool,
}

impl Densifier {
    fn path(&self, path: &[Position]) -> Option<Vec<Position>> {
        let mut points = vec![path[0]];
        for ends in path.windows(2) {
            let (from, mut to) = (ends[0], ends[1]);
            let span = to.longitude - from.longitude;
            if span.abs() > 180.0 && !self.crosses_antimeridian {
                to.longitude -= 360.0_f64.copysign(span);
            }
            let last = points.len();
            self.add(from, to, &mut points)?;
            for point in &mut points[last..] {
                point.longitude = wrapped(point.longitude);
            }
        }
        // The points of the result are those of the sphere, where the last digits differ.
        Some(
            points
                .into_iter()
                .map(|point| point.vector().position())
                .collect(),
        )
    }

    /// Adds the end of an edge, and before it the points that are needed.
    fn add(&self, from: Position, to: Position, points: &mut Vec<Position>) -> Option<()> {
        if self.is_near(from, to) {
            points.push(to);
            return (points.len() <= POINTS_MAX).then_some(());
        }
        let middle = between(from, to, 0.5);
        self.add(from, middle, points)?;
        self.add(middle, to, points)
    }

    fn is_near(&self, from: Position, to: Position) -> bool {
        let (a, b) = (from.vector(), to.vector());
        if a.dot(b) < -1e-14 {
            return false;
        }
        [MEASURED_FRACTION, 1.0 - MEASURED_FRACTION]
            .into_iter()
            .all(|fraction| {
                let drawn = between(from, to, fraction).vector();
                interpolate(a, b, fraction).angle(drawn) <= self.tolerance
            })
    }
}

fn between(from: Position, to: Position, fraction: f64) -> Position {
    let at = |from: f64, to: f64| (1.0 - fraction) * from + fraction * to;
    Position {
        longitude: at(from.longitude, to.longitude),
        latitude: at(from.latitude, to.latitude),
    }
}

fn wrapped(longitude: f64) -> f64 {
    if longitude > 180.0 {
        longitude - 360.0
    } else if longitude < -180.0 {
        longitude + 360.0
    } else {
        longitude
    }
}
