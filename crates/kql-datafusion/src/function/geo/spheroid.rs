//! Distances on the WGS-84 ellipsoid, for the functions that may measure on it.

use geographiclib_rs::{DirectGeodesic, Geodesic, InverseGeodesic};

use super::line::Line;
use super::vector::Position;

/// How often the part of an edge that holds the closest point is made smaller; each step leaves
/// less than two thirds.
const SEARCH_STEPS: usize = 64;

/// The length of the shortest line between two places.
pub(super) fn distance_meters(from: Position, to: Position) -> f64 {
    Geodesic::wgs84().inverse(from.latitude, from.longitude, to.latitude, to.longitude)
}

/// How far along the line the point closest to a place is, from 0 to 1.
pub(super) fn locate(line: &Line, place: Position) -> Option<f64> {
    let mut best: Option<(f64, f64)> = None;
    let mut before = 0.0;
    for (a, b) in line.edges() {
        let edge = Edge::new(a.position(), b.position());
        let along = edge.closest(place);
        let distance = edge.distance(along, place);
        if best.is_none_or(|(held, _)| distance < held) {
            best = Some((distance, before + along));
        }
        before += edge.length;
    }
    let (_, along) = best?;
    Some(if before > 0.0 {
        (along / before).min(1.0)
    } else {
        0.0
    })
}

/// The shortest line between two places.
struct Edge {
    start: Position,
    azimuth: f64,
    length: f64,
}

impl Edge {
    fn new(start: Position, end: Position) -> Self {
        let (length, azimuth, _, _) =
            Geodesic::wgs84().inverse(start.latitude, start.longitude, end.latitude, end.longitude);
        Self {
            start,
            azimuth,
            length,
        }
    }

    /// The distance of a place from the point this far along the edge.
    fn distance(&self, along: f64, place: Position) -> f64 {
        let (latitude, longitude) = Geodesic::wgs84().direct(
            self.start.latitude,
            self.start.longitude,
            self.azimuth,
            along,
        );
        let point = Position {
            longitude,
            latitude,
        };
        distance_meters(point, place)
    }

    /// How far along the edge the closest point to a place is.
    fn closest(&self, place: Position) -> f64 {
        let golden = (5.0_f64.sqrt() - 1.0) / 2.0;
        let (mut low, mut high) = (0.0, self.length);
        for _ in 0..SEARCH_STEPS {
            let (first, second) = (high - golden * (high - low), low + golden * (high - low));
            if self.distance(first, place) <= self.distance(second, place) {
                high = second;
            } else {
                low = first;
            }
        }
        let middle = f64::midpoint(low, high);
        [0.0, self.length, middle]
            .into_iter()
            .min_by(|a, b| {
                self.distance(*a, place)
                    .total_cmp(&self.distance(*b, place))
            })
            .unwrap_or(middle)
    }
}
