//! Lines: chains of edges, one or several. How they meet other shapes is in `overlay.rs`.

use super::distance::is_edge;
use super::edge;
use super::geojson::Geometry;
use super::vector::{EARTH_RADIUS_METERS, Position, Vector};

/// A line or several of them.
#[derive(Clone, Debug)]
pub(super) struct Line {
    pub(super) parts: Vec<Vec<Vector>>,
}

/// The positions of a line or several of them, each with two at least and no edge of half a
/// turn.
pub(super) fn read_positions(bag: &str) -> Option<Vec<Vec<Position>>> {
    let parts = match Geometry::read(bag)? {
        Geometry::Line(part) => vec![part],
        Geometry::MultiLine(parts) => parts,
        _ => return None,
    };
    let is_valid = !parts.is_empty()
        && parts.iter().all(|part| {
            part.len() > 1
                && part.windows(2).all(|ends| {
                    let [from, to] = [ends[0].vector(), ends[1].vector()];
                    from == to || is_edge(from, to)
                })
        });
    is_valid.then_some(parts)
}

impl Line {
    /// Reads a line or several.
    pub(super) fn read(bag: &str) -> Option<Self> {
        let vectors =
            |part: Vec<Position>| part.into_iter().map(Position::vector).collect::<Vec<_>>();
        let parts = read_positions(bag)?;
        Some(Self {
            parts: parts.into_iter().map(vectors).collect(),
        })
    }

    /// Reads a single line.
    pub(super) fn read_one(bag: &str) -> Option<Self> {
        Self::read(bag).filter(|line| line.parts.len() == 1)
    }

    /// All edges.
    pub(super) fn edges(&self) -> impl Iterator<Item = (Vector, Vector)> + '_ {
        self.parts
            .iter()
            .flat_map(|part| part.windows(2).map(|ends| (ends[0], ends[1])))
    }

    /// The length in radians.
    fn radians(&self) -> f64 {
        self.edges().map(|(a, b)| a.angle(b)).sum()
    }

    /// The length.
    pub(super) fn length_meters(&self) -> f64 {
        self.radians() * EARTH_RADIUS_METERS
    }

    /// The middle of all its points.
    pub(super) fn centroid(&self) -> Option<Vector> {
        let mut sum = Vector::new(0.0, 0.0, 0.0);
        for (a, b) in self.edges() {
            sum = sum + edge::centroid(a, b);
        }
        (sum.length() > 0.0).then(|| sum.normalized())
    }

    /// The point closest to another, and how far along the line it is, in radians.
    pub(super) fn closest_point(&self, point: Vector) -> Option<(Vector, f64)> {
        let mut best: Option<(f64, Vector, f64)> = None;
        let mut before = 0.0;
        for (a, b) in self.edges() {
            let closest = edge::closest_point(point, a, b);
            let distance = point.angle(closest);
            if best.is_none_or(|(held, _, _)| distance < held) {
                best = Some((distance, closest, before + a.angle(closest)));
            }
            before += a.angle(b);
        }
        best.map(|(_, closest, along)| (closest, along))
    }

    /// The smallest distance from a point.
    pub(super) fn distance_meters(&self, point: Vector) -> Option<f64> {
        let (closest, _) = self.closest_point(point)?;
        Some(point.angle(closest) * EARTH_RADIUS_METERS)
    }

    /// How far along the line the point closest to another is, from 0 to 1.
    pub(super) fn locate(&self, point: Vector) -> Option<f64> {
        let (_, along) = self.closest_point(point)?;
        let length = self.radians();
        Some(if length > 0.0 {
            (along / length).min(1.0)
        } else {
            0.0
        })
    }

    /// The point at a fraction of its length.
    pub(super) fn interpolate(&self, fraction: f64) -> Option<Vector> {
        let mut left = fraction * self.radians();
        let mut last = None;
        for (a, b) in self.edges() {
            let length = a.angle(b);
            if left < length {
                return Some(if left <= 0.0 {
                    a
                } else {
                    edge::at_distance(a, b, left)
                });
            }
            left -= length;
            last = Some(b);
        }
        last
    }
}
