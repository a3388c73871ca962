//! Ranges of directions from a point, and the directions in which an edge from there passes
//! close enough to some points and far enough from others.

use std::f64::consts::{FRAC_PI_2, PI, TAU};

use super::vector::Vector;

/// What rounding may add to an angle.
const ROUNDING: f64 = 1e-14;

/// Directions from `low` counterclockwise to `high`, angles between -π and π.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Range {
    None,
    All,
    Part { low: f64, high: f64 },
}

impl Range {
    /// The directions at most `half_width` from the middle.
    fn around(middle: f64, half_width: f64) -> Self {
        Self::between(middle - half_width, middle + half_width)
    }

    fn between(low: f64, high: f64) -> Self {
        if high - low >= TAU {
            return Self::All;
        }
        Self::Part {
            low: wrapped(low),
            high: wrapped(high),
        }
    }

    fn contains(self, direction: f64) -> bool {
        match self {
            Self::None => false,
            Self::All => true,
            Self::Part { low, high } if low <= high => (low..=high).contains(&direction),
            Self::Part { low, high } => direction >= low || direction <= high,
        }
    }

    fn width(self) -> f64 {
        match self {
            Self::None => 0.0,
            Self::All => TAU,
            Self::Part { low, high } if low <= high => high - low,
            Self::Part { low, high } => high - low + TAU,
        }
    }

    /// The directions in both ranges; of two parts that are apart the smaller range stands for
    /// both.
    fn intersection(self, other: Self) -> Self {
        let (
            Self::Part { low, high },
            Self::Part {
                low: other_low,
                high: other_high,
            },
        ) = (self, other)
        else {
            return match (self, other) {
                (Self::None, _) | (_, Self::None) => Self::None,
                (Self::All, range) | (range, _) => range,
            };
        };
        match (self.contains(other_low), self.contains(other_high)) {
            (true, true) if self.width() < other.width() => self,
            (true, true) => other,
            (true, false) => Self::Part {
                low: other_low,
                high,
            },
            (false, true) => Self::Part {
                low,
                high: other_high,
            },
            (false, false) if other.contains(low) => self,
            (false, false) => Self::None,
        }
    }
}

fn wrapped(angle: f64) -> f64 {
    if angle > PI {
        angle - TAU
    } else if angle < -PI {
        angle + TAU
    } else {
        angle
    }
}

/// A range to stay out of, and whether what is there is on the left of the edges so far.
type Avoided = (f64, f64, bool);

/// The directions that are still allowed for an edge from a point.
pub(super) struct Window {
    start: Vector,
    x: Vector,
    y: Vector,
    allowed: Range,
    avoided: Vec<Avoided>,
}

impl Window {
    /// All directions from a point.
    pub(super) fn new(start: Vector) -> Self {
        let y = start.orthogonal();
        Self {
            start,
            x: y.cross(start),
            y,
            allowed: Range::All,
            avoided: Vec::new(),
        }
    }

    fn direction(&self, point: Vector) -> f64 {
        point.dot(self.y).atan2(point.dot(self.x))
    }

    /// Half of the angle in which the disc appears, `None` if it holds the start.
    fn half_width(&self, point: Vector, radius: f64) -> Option<f64> {
        let distance = self.start.angle(point);
        (distance > radius).then(|| (radius.sin() / distance.sin()).min(1.0).asin())
    }

    /// Demands that the edge passes through the disc; false if it can not any more.
    pub(super) fn pass(&mut self, point: Vector, radius: f64) -> bool {
        let Some(half_width) = self.half_width(point, radius) else {
            return true;
        };
        let target = Range::around(self.direction(point), half_width - ROUNDING);
        self.allowed = self.allowed.intersection(target);
        for avoided in std::mem::take(&mut self.avoided) {
            self.exclude(avoided);
        }
        self.allowed != Range::None
    }

    /// Demands that the edge leaves the disc on the side where it is; false if it can not any
    /// more.
    pub(super) fn avoid(&mut self, point: Vector, radius: f64, is_on_left: bool) -> bool {
        let Some(half_width) = self.half_width(point, radius) else {
            self.allowed = Range::None;
            return false;
        };
        let (middle, half_width) = (self.direction(point), half_width + ROUNDING);
        let avoided = if is_on_left {
            (middle - half_width, middle + FRAC_PI_2, true)
        } else {
            (middle - FRAC_PI_2, middle + half_width, false)
        };
        if self.allowed == Range::All {
            // Until the edge has something to pass, a range says nothing about a side.
            self.avoided.push(avoided);
            return true;
        }
        self.exclude(avoided);
        self.allowed != Range::None
    }

    fn exclude(&mut self, (avoided_low, avoided_high, is_on_left): Avoided) {
        let avoided = Range::between(avoided_low, avoided_high);
        let (
            Range::Part { low, high },
            Range::Part {
                low: from,
                high: to,
            },
        ) = (self.allowed, avoided)
        else {
            return;
        };
        let is_within = self.allowed.contains(from)
            && self.allowed.contains(to)
            && avoided.width() <= self.allowed.width();
        self.allowed = match (is_within, is_on_left) {
            (true, true) => Range::Part { low, high: from },
            (true, false) => Range::Part { low: to, high },
            (false, _) => self.allowed.intersection(Range::Part {
                low: to,
                high: from,
            }),
        };
    }

    /// Whether an edge to a point is allowed.
    pub(super) fn allows(&self, point: Vector) -> bool {
        let direction = self.direction(point);
        self.start.angle(point) <= FRAC_PI_2
            && self.allowed.contains(direction)
            && !self
                .avoided
                .iter()
                .any(|(low, high, _)| Range::between(*low, *high).contains(direction))
    }
}
