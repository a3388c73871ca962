//! Simple closed chains of edges. A ring is held counterclockwise around the smaller of the two
//! parts it divides the sphere into, as Kusto reads it; rings within rings make the holes of
//! `polygon.rs`.

use std::f64::consts::PI;

use super::edge;
use super::predicate::{contains_vertex, is_crossing, sign};
use super::vector::Vector;

/// A point that no real place is equal to.
const ORIGIN: Vector = Vector::new(
    -0.009_999_466_435_025_02,
    0.002_592_454_260_932_412,
    0.999_946_643_502_502,
);

/// What the distance to the middle may be off by.
const BOUND_MARGIN: f64 = 1e-14;

/// A ring.
#[derive(Clone, Debug)]
pub(super) struct Ring {
    vertices: Vec<Vector>,
    contains_origin: bool,
    /// A cap around the ring: its middle and the least cosine of the angle from there; the
    /// whole sphere if the ring is too large for one.
    middle: Vector,
    cosine_min: f64,
}

impl Ring {
    /// The ring of different vertices, three at least; the first follows the last.
    pub(super) fn new(mut vertices: Vec<Vector>) -> Self {
        if curvature(&vertices) < 0.0 {
            vertices.reverse();
        }
        let mut sum = Vector::new(0.0, 0.0, 0.0);
        for vertex in &vertices {
            sum = sum + *vertex;
        }
        let middle = sum.normalized();
        let cosine = vertices.iter().map(|v| middle.dot(*v)).fold(1.0, f64::min);
        let mut ring = Self {
            vertices,
            contains_origin: false,
            middle,
            cosine_min: if cosine > 0.01 {
                cosine - BOUND_MARGIN
            } else {
                -1.0 - BOUND_MARGIN
            },
        };
        let [a, b, c] = [0, 1, 2].map(|position| ring.vertices[position]);
        ring.contains_origin = contains_vertex(a, b, c) != ring.crosses_from_origin(b);
        ring
    }

    /// The vertices, counterclockwise.
    pub(super) fn vertices(&self) -> &[Vector] {
        &self.vertices
    }

    /// The edges, counterclockwise.
    pub(super) fn edges(&self) -> impl Iterator<Item = (Vector, Vector)> + '_ {
        let next = self.vertices.iter().cycle().skip(1);
        self.vertices.iter().copied().zip(next.copied())
    }

    /// Whether the way from the origin crosses the ring an odd number of times.
    fn crosses_from_origin(&self, point: Vector) -> bool {
        let mut crosses = false;
        for (a, b) in self.edges() {
            crosses ^= is_crossing(ORIGIN, point, a, b);
        }
        crosses
    }

    /// Whether a point may be inside or on the ring, which is quick to tell.
    pub(super) fn is_near(&self, point: Vector) -> bool {
        self.middle.dot(point) >= self.cosine_min
    }

    /// The range of one coordinate in which all of it lies.
    pub(super) fn extent(&self, coordinate: impl Fn(Vector) -> f64) -> (f64, f64) {
        // The distance through the sphere is larger than that of any coordinate.
        let reach = (2.0 - 2.0 * self.cosine_min).sqrt();
        let middle = coordinate(self.middle);
        (middle - reach, middle + reach)
    }

    /// Whether a point is one of the vertices.
    pub(super) fn has_vertex(&self, point: Vector) -> bool {
        self.is_near(point) && self.vertices.contains(&point)
    }

    /// Whether a point is inside. Of rings that share a border without gap or overlap exactly
    /// one contains a point of it.
    pub(super) fn contains(&self, point: Vector) -> bool {
        self.is_near(point) && self.contains_origin != self.crosses_from_origin(point)
    }

    /// The area inside, as a part of the square of the radius.
    pub(super) fn area(&self) -> f64 {
        let first = self.vertices[0];
        let triangles = self.vertices[1..].windows(2);
        let area: f64 = triangles
            .map(|ends| edge::triangle_area(first, ends[0], ends[1]))
            .sum();
        if area < 0.0 { area + 4.0 * PI } else { area }
    }

    /// The integral of all positions inside.
    pub(super) fn centroid(&self) -> Vector {
        let first = self.vertices[0];
        let mut sum = Vector::new(0.0, 0.0, 0.0);
        for ends in self.vertices[1..].windows(2) {
            sum = sum + edge::triangle_centroid(first, ends[0], ends[1]);
        }
        sum
    }

    /// The length in radians.
    pub(super) fn length(&self) -> f64 {
        self.edges().map(|(a, b)| a.angle(b)).sum()
    }
}

/// How much a closed chain turns to the left in all: 2π less the area on its left.
pub(super) fn curvature(vertices: &[Vector]) -> f64 {
    let count = vertices.len();
    let turn = |position: usize| {
        let [a, b, c] = [0, 1, 2].map(|step| vertices[(position + step) % count]);
        let angle = a.stable_cross(b).angle(b.stable_cross(c));
        if sign(a, b, c) > 0 { angle } else { -angle }
    };
    (0..count).map(turn).sum()
}
