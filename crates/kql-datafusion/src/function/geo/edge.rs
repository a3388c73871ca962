//! Measures of one edge, the shorter arc of the great circle between two points.

use super::vector::Vector;

/// The point of the edge `ab` that is closest to `p`.
pub(super) fn closest_point(p: Vector, a: Vector, b: Vector) -> Vector {
    if p == a || p == b {
        return p;
    }
    let normal = a.stable_cross(b).normalized();
    let on_circle = p - normal * (p.dot(normal) / normal.dot(normal));
    let ahead_of_start = normal.cross(a).dot(on_circle) > 0.0;
    let before_end = b.cross(normal).dot(on_circle) > 0.0;
    if a != b && ahead_of_start && before_end {
        return on_circle.normalized();
    }
    if (p - a).length() <= (p - b).length() {
        a
    } else {
        b
    }
}

/// The angle between a point and the closest one of the edge `ab`.
pub(super) fn distance(p: Vector, a: Vector, b: Vector) -> f64 {
    p.angle(closest_point(p, a, b))
}

/// The point at a distance along the edge `ab`, in radians.
pub(super) fn at_distance(a: Vector, b: Vector, radians: f64) -> Vector {
    let direction = a.stable_cross(b).cross(a).normalized();
    on_ray(a, direction, radians)
}

/// The point at an angle from `start` towards `direction`, which is across it.
pub(super) fn on_ray(start: Vector, direction: Vector, radians: f64) -> Vector {
    (start * radians.cos() + direction * radians.sin()).normalized()
}

/// The point at a fraction of the edge `ab`.
pub(super) fn interpolate(a: Vector, b: Vector, fraction: f64) -> Vector {
    at_distance(a, b, fraction * a.angle(b))
}

/// The integral of the positions along the edge.
pub(super) fn centroid(a: Vector, b: Vector) -> Vector {
    let (difference, sum) = (a - b, a + b);
    let squared = sum.dot(sum);
    if squared == 0.0 {
        return Vector::new(0.0, 0.0, 0.0);
    }
    sum * (difference.dot(difference) / squared).sqrt()
}

/// The signed area of the triangle: positive if its corners turn left.
pub(super) fn triangle_area(a: Vector, b: Vector, c: Vector) -> f64 {
    let volume = a.dot((b - a).cross(c - a));
    2.0 * volume.atan2(1.0 + a.dot(b) + b.dot(c) + c.dot(a))
}

/// The integral of the positions in the triangle, signed as its area is.
pub(super) fn triangle_centroid(a: Vector, b: Vector, c: Vector) -> Vector {
    let ratio = |from: Vector, to: Vector| {
        let angle = from.angle(to);
        if angle == 0.0 {
            1.0
        } else {
            angle / angle.sin()
        }
    };
    let ratios = [ratio(b, c), ratio(c, a), ratio(a, b)];
    // The solution of three linear equations, after taking the first corner from the others,
    // which keeps the digits of small triangles.
    let row = |[first, second, third]: [f64; 3]| Vector::new(first, second - first, third - first);
    let rows = [[a.x, b.x, c.x], [a.y, b.y, c.y], [a.z, b.z, c.z]].map(row);
    let ratios = row(ratios);
    let part = |first: usize, second: usize| rows[first].cross(rows[second]).dot(ratios);
    Vector::new(part(1, 2), part(2, 0), part(0, 1)) * 0.5
}
