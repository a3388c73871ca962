//! Exact yes-or-no questions about points on the sphere: on which side of an edge, do edges
//! cross. No three different points ever count as being in line: those that are get moved apart
//! in thought, always in the same way, so that answers never contradict each other.

use robust::{Coord, Coord3D, orient2d, orient3d};

use super::vector::Vector;

/// 1 if the three points turn to the left seen from outside, -1 if to the right, 0 if two of
/// them are equal.
pub(super) fn sign(a: Vector, b: Vector, c: Vector) -> i32 {
    if a == b || b == c || a == c {
        return 0;
    }
    let origin = Coord3D {
        x: 0.0,
        y: 0.0,
        z: 0.0,
    };
    match signum(orient3d(coord(a), coord(b), coord(c), origin)) {
        0 => perturbed_sign(a, b, c),
        sign => sign,
    }
}

fn coord(v: Vector) -> Coord3D<f64> {
    Coord3D {
        x: v.x,
        y: v.y,
        z: v.z,
    }
}

fn signum(value: f64) -> i32 {
    i32::from(value > 0.0) - i32::from(value < 0.0)
}

/// Sign of `a * d - b * c`, exact.
fn determinant(a: f64, b: f64, c: f64, d: f64) -> i32 {
    let origin = Coord { x: 0.0, y: 0.0 };
    signum(orient2d(Coord { x: a, y: b }, Coord { x: c, y: d }, origin))
}

/// The sign of points in line, as if each coordinate of each had been moved a little, those of
/// the smaller points by far more.
fn perturbed_sign(a: Vector, b: Vector, c: Vector) -> i32 {
    let mut points = [a, b, c];
    let mut swaps = 1;
    for (first, second) in [(0, 1), (1, 2), (0, 1)] {
        if points[second].is_before(points[first]) {
            points.swap(first, second);
            swaps = -swaps;
        }
    }
    let [a, b, c] = points;
    let terms = [
        determinant(b.x, b.y, c.x, c.y),
        determinant(b.z, b.x, c.z, c.x),
        determinant(b.y, b.z, c.y, c.z),
        determinant(c.x, c.y, a.x, a.y),
        signum(c.x),
        -signum(c.y),
        determinant(c.z, c.x, a.z, a.x),
        signum(c.z),
        determinant(a.x, a.y, b.x, b.y),
        -signum(b.x),
        signum(b.y),
        signum(a.x),
    ];
    swaps * terms.into_iter().find(|term| *term != 0).unwrap_or(1)
}

/// Whether the edges `oa`, `ob`, `oc` come in this order going counterclockwise around `o`.
pub(super) fn is_ordered(a: Vector, b: Vector, c: Vector, o: Vector) -> bool {
    let in_order = i32::from(sign(b, o, a) >= 0)
        + i32::from(sign(c, o, b) >= 0)
        + i32::from(sign(a, o, c) > 0);
    in_order >= 2
}

/// How two edges meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meeting {
    /// They have no point in common.
    Apart,
    /// They share an end.
    Ends,
    /// They cross inside of both.
    Cross,
}

/// How the edges `ab` and `cd` meet.
pub(super) fn meeting(a: Vector, b: Vector, c: Vector, d: Vector) -> Meeting {
    if a == c || a == d || b == c || b == d {
        return Meeting::Ends;
    }
    if a == b || c == d {
        return Meeting::Apart;
    }
    let side = -sign(a, b, c);
    if sign(a, b, d) != side || -sign(c, d, b) != side || sign(c, d, a) != side {
        return Meeting::Apart;
    }
    Meeting::Cross
}

/// Whether edges that share an end count as crossing, chosen so that a path around the shared
/// point crosses as often as it should.
fn is_vertex_crossing(a: Vector, b: Vector, c: Vector, d: Vector) -> bool {
    if a == b || c == d {
        false
    } else if a == c {
        b == d || is_ordered(a.orthogonal(), d, b, a)
    } else if b == d {
        is_ordered(b.orthogonal(), c, a, b)
    } else if a == d {
        b == c || is_ordered(a.orthogonal(), c, b, a)
    } else if b == c {
        is_ordered(b.orthogonal(), d, a, b)
    } else {
        false
    }
}

/// Whether the edge `ab` crosses `cd`; of edges that share ends some cross.
pub(super) fn is_crossing(a: Vector, b: Vector, c: Vector, d: Vector) -> bool {
    match meeting(a, b, c, d) {
        Meeting::Apart => false,
        Meeting::Cross => true,
        Meeting::Ends => is_vertex_crossing(a, b, c, d),
    }
}

/// Whether the angle from `bc` to `ba`, counterclockwise, contains the vertex `b` itself. Of all
/// angles around a vertex exactly one does.
pub(super) fn contains_vertex(a: Vector, b: Vector, c: Vector) -> bool {
    !is_ordered(b.orthogonal(), c, a, b)
}

/// The point where two edges cross, which they must.
pub(super) fn intersection(a: Vector, b: Vector, c: Vector, d: Vector) -> Vector {
    // The order of the arguments must not matter, so that each caller finds the same point.
    let (a, b) = if b.is_before(a) { (b, a) } else { (a, b) };
    let (c, d) = if d.is_before(c) { (d, c) } else { (c, d) };
    let (a, b, c, d) = if c.is_before(a) || (c == a && d.is_before(b)) {
        (c, d, a, b)
    } else {
        (a, b, c, d)
    };
    let (first, second) = (a.stable_cross(b), c.stable_cross(d));
    // The ends of the second edge weighed by their distance from the plane of the first: this
    // loses less than the product of the normals if the edges are short.
    let (from, to) = (first.dot(c), first.dot(d));
    let point = if (from - to).abs() > f64::MIN_POSITIVE {
        c * (to / (to - from)) - d * (from / (to - from))
    } else {
        first.cross(second)
    };
    let point = point.normalized();
    if point.dot(a + b + c + d) < 0.0 {
        -point
    } else {
        point
    }
}

#[cfg(test)]
mod tests {
    use super::super::vector::Position;
    use super::*;

    fn at(longitude: f64, latitude: f64) -> Vector {
        Position::new(longitude, latitude).unwrap().vector()
    }

    #[test]
    fn turning_left_is_positive() {
        assert_eq!(sign(at(0.0, 0.0), at(10.0, 0.0), at(5.0, 5.0)), 1);
        assert_eq!(sign(at(10.0, 0.0), at(0.0, 0.0), at(5.0, 5.0)), -1);
        assert_eq!(sign(at(10.0, 0.0), at(0.0, 0.0), at(0.0, 0.0)), 0);
    }

    #[test]
    fn points_in_line_take_a_side_and_keep_it() {
        let (a, b, c) = (at(0.0, 0.0), at(90.0, 0.0), at(45.0, 0.0));
        let side = sign(a, b, c);
        assert_ne!(side, 0);
        assert_eq!(sign(b, c, a), side);
        assert_eq!(sign(c, b, a), -side);
    }

    #[test]
    fn edges_cross_at_one_point_in_any_order() {
        let (a, b, c, d) = (at(-5.0, -5.0), at(5.0, 5.0), at(-5.0, 5.0), at(5.0, -5.0));
        assert_eq!(meeting(a, b, c, d), Meeting::Cross);
        assert_eq!(meeting(a, c, b, d), Meeting::Apart);
        assert_eq!(meeting(a, b, b, d), Meeting::Ends);
        let point = intersection(a, b, c, d);
        assert_eq!(point, intersection(d, c, a, b));
        assert!(point.angle(at(0.0, 0.0)) < 1e-15, "{point:?}");
    }
}
