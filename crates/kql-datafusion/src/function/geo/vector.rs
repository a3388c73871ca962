//! Points on the unit sphere as vectors, and the way to and from longitude and latitude. What
//! is done with several of them is in `predicate.rs` and `edge.rs`.

use std::f64::consts::PI;
use std::ops::{Add, Mul, Neg, Sub};

/// Mean radius of the Earth in metres, the one of the S2 library.
pub(super) const EARTH_RADIUS_METERS: f64 = 6_371_010.0;

/// A longitude and a latitude in degrees, both in range.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Position {
    pub(super) longitude: f64,
    pub(super) latitude: f64,
}

impl Position {
    /// A position, unless it is out of range or not a number.
    pub(super) fn new(longitude: f64, latitude: f64) -> Option<Self> {
        let is_valid = (-180.0..=180.0).contains(&longitude) && (-90.0..=90.0).contains(&latitude);
        is_valid.then_some(Self {
            longitude,
            latitude,
        })
    }

    /// The angle to another position, exact even for places that are very close.
    pub(super) fn angle(self, other: Self) -> f64 {
        let radians = |degrees: f64| (PI / 180.0) * degrees;
        let (from, to) = (radians(self.latitude), radians(other.latitude));
        let north = (0.5 * (to - from)).sin();
        let east = (0.5 * (radians(other.longitude) - radians(self.longitude))).sin();
        let haversine = north * north + east * east * from.cos() * to.cos();
        2.0 * haversine.min(1.0).sqrt().asin()
    }

    /// The point on the unit sphere.
    pub(super) fn vector(self) -> Vector {
        let phi = (PI / 180.0) * self.latitude;
        let theta = (PI / 180.0) * self.longitude;
        Vector {
            x: theta.cos() * phi.cos(),
            y: theta.sin() * phi.cos(),
            z: phi.sin(),
        }
    }
}

/// A vector in space, mostly of length 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Vector {
    pub(super) x: f64,
    pub(super) y: f64,
    pub(super) z: f64,
}

impl Vector {
    pub(super) const fn new(x: f64, y: f64, z: f64) -> Self {
        Self { x, y, z }
    }

    pub(super) fn dot(self, other: Self) -> f64 {
        self.x * other.x + self.y * other.y + self.z * other.z
    }

    pub(super) fn cross(self, other: Self) -> Self {
        Self {
            x: self.y * other.z - self.z * other.y,
            y: self.z * other.x - self.x * other.z,
            z: self.x * other.y - self.y * other.x,
        }
    }

    pub(super) fn length(self) -> f64 {
        self.dot(self).sqrt()
    }

    /// The vector of length 1 in the same direction; the zero vector stays.
    pub(super) fn normalized(self) -> Self {
        let length = self.length();
        if length == 0.0 {
            return self;
        }
        self * (1.0 / length)
    }

    /// The angle between two vectors in radians, exact for small and large ones alike.
    pub(super) fn angle(self, other: Self) -> f64 {
        self.cross(other).length().atan2(self.dot(other))
    }

    /// A vector of length 1 across this one, the same on each call.
    pub(super) fn orthogonal(self) -> Self {
        let largest = self.largest_component();
        let mut other = [0.012, 0.0053, 0.004_57];
        other[(largest + 2) % 3] = 1.0;
        let other = Self::new(other[0], other[1], other[2]);
        self.cross(other).normalized()
    }

    fn largest_component(self) -> usize {
        let [x, y, z] = [self.x.abs(), self.y.abs(), self.z.abs()];
        if x > y {
            if x > z { 0 } else { 2 }
        } else if y > z {
            1
        } else {
            2
        }
    }

    /// The normal of the plane through the origin and both, of any length, accurate even where
    /// they are very close.
    pub(super) fn stable_cross(self, other: Self) -> Self {
        let normal = (other + self).cross(other - self);
        if normal == Self::new(0.0, 0.0, 0.0) {
            return self.orthogonal();
        }
        normal
    }

    /// Where it is on the globe.
    pub(super) fn position(self) -> Position {
        let latitude = self.z.atan2((self.x * self.x + self.y * self.y).sqrt());
        let longitude = self.y.atan2(self.x);
        Position {
            longitude: (180.0 / PI) * longitude,
            latitude: (180.0 / PI) * latitude,
        }
    }

    /// The key that orders points by x, then y, then z.
    pub(super) fn is_before(self, other: Self) -> bool {
        (self.x, self.y, self.z) < (other.x, other.y, other.z)
    }
}

impl Add for Vector {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self::new(self.x + other.x, self.y + other.y, self.z + other.z)
    }
}

impl Sub for Vector {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self::new(self.x - other.x, self.y - other.y, self.z - other.z)
    }
}

impl Neg for Vector {
    type Output = Self;

    fn neg(self) -> Self {
        Self::new(-self.x, -self.y, -self.z)
    }
}

impl Mul<f64> for Vector {
    type Output = Self;

    fn mul(self, factor: f64) -> Self {
        Self::new(self.x * factor, self.y * factor, self.z * factor)
    }
}
