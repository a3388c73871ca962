//! Distances and directions between points.

use std::f64::consts::TAU;

use arrow::array::ArrayRef;
use datafusion::common::Result;

use super::super::arguments::Arguments;
use super::super::udf::{Evaluate, code};
use super::input::{Places, optional_bool};
use super::predicate::sign;
use super::spheroid;
use super::vector::{EARTH_RADIUS_METERS, Vector};

/// How far apart the two vectors of one place may be.
const ROUNDING: f64 = 1e-15;

/// Functions of points by name.
pub(super) fn find(name: &str) -> Option<Evaluate> {
    Some(match name {
        "geo_distance_2points" => code(distance_2points),
        "geo_azimuth" => code(azimuth),
        "geo_angle" => code(angle),
        "geo_point_in_circle" => code(point_in_circle),
        _ => return None,
    })
}

fn distance_2points(arguments: &Arguments<'_>) -> Result<ArrayRef> {
    let (from, to) = (Places::new(arguments, 0), Places::new(arguments, 2));
    let use_spheroid = optional_bool(arguments, 4);
    arguments.reals(|row| {
        let (from, to) = (from.get(row)?, to.get(row)?);
        Some(if use_spheroid.get(row)? {
            spheroid::distance_meters(from, to)
        } else {
            from.angle(to) * EARTH_RADIUS_METERS
        })
    })
}

fn azimuth(arguments: &Arguments<'_>) -> Result<ArrayRef> {
    let (from, to) = (Places::new(arguments, 0), Places::new(arguments, 2));
    let north = Vector::new(0.0, 0.0, 1.0);
    arguments.reals(|row| {
        let (from, to) = (from.get(row)?.vector(), to.get(row)?.vector());
        if !is_edge(from, to) {
            return None;
        }
        Some(clockwise_angle(from, north, to))
    })
}

fn angle(arguments: &Arguments<'_>) -> Result<ArrayRef> {
    let [first, middle, last] = [0, 2, 4].map(|position| Places::new(arguments, position));
    arguments.reals(|row| {
        let middle = middle.get(row)?.vector();
        let (first, last) = (first.get(row)?.vector(), last.get(row)?.vector());
        if !is_edge(first, middle) || !is_edge(middle, last) {
            return None;
        }
        Some(clockwise_angle(middle, first, last))
    })
}

/// Whether two points are different and not opposite each other, so that one shortest line
/// joins them.
pub(super) fn is_edge(a: Vector, b: Vector) -> bool {
    a != b && (a + b).length() > ROUNDING
}

/// The angle at `corner`, clockwise from the edge to `from` to the edge to `to`.
fn clockwise_angle(corner: Vector, from: Vector, to: Vector) -> f64 {
    let (first, second) = (corner.stable_cross(from), corner.stable_cross(to));
    let angle = first.angle(second);
    if angle != 0.0 && sign(corner, from, to) > 0 {
        return TAU - angle;
    }
    angle
}

fn point_in_circle(arguments: &Arguments<'_>) -> Result<ArrayRef> {
    let (point, center) = (Places::new(arguments, 0), Places::new(arguments, 2));
    let radii = arguments.reals_in(4);
    arguments.bools(|row| {
        let radius = radii.get(row)?;
        let (point, center) = (point.get(row)?, center.get(row)?);
        if radius.is_nan() || radius < 0.0 {
            return None;
        }
        Some(point.angle(center) * EARTH_RADIUS_METERS <= radius)
    })
}
