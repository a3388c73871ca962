//! What geographic functions take: places as pairs of numbers, shapes as GeoJSON, and numbers
//! that may be left out. A shape that is the same in all rows is read once.

use std::borrow::Cow;

use datafusion::common::Result;

use super::super::arguments::{Arguments, Numbers, Texts};
use super::vector::Position;

/// Two arguments that are a longitude and a latitude.
pub(super) struct Places {
    longitudes: Numbers<f64>,
    latitudes: Numbers<f64>,
}

impl Places {
    /// The arguments from `first` on.
    pub(super) fn new(arguments: &Arguments<'_>, first: usize) -> Self {
        Self {
            longitudes: arguments.reals_in(first),
            latitudes: arguments.reals_in(first + 1),
        }
    }

    /// The place of a row if it is valid.
    pub(super) fn get(&self, row: usize) -> Option<Position> {
        Position::new(self.longitudes.get(row)?, self.latitudes.get(row)?)
    }
}

/// A shape in each row.
pub(super) struct Shapes<T> {
    texts: Texts,
    read: fn(&str) -> Option<T>,
    constant: Constant<T>,
}

/// The shape of all rows.
enum Constant<T> {
    Valid(T),
    Invalid,
    /// Each row has its own.
    No,
}

impl<T: Clone> Shapes<T> {
    /// The argument at `position`.
    pub(super) fn new(
        arguments: &Arguments<'_>,
        position: usize,
        read: fn(&str) -> Option<T>,
    ) -> Result<Self> {
        let texts = arguments.raw(position)?;
        let constant = match texts.constant() {
            Some(text) => read(text).map_or(Constant::Invalid, Constant::Valid),
            None => Constant::No,
        };
        Ok(Self {
            texts,
            read,
            constant,
        })
    }

    /// The shape of a row if it is valid.
    pub(super) fn get(&self, row: usize) -> Option<Cow<'_, T>> {
        match &self.constant {
            Constant::Valid(shape) => Some(Cow::Borrowed(shape)),
            Constant::Invalid => None,
            Constant::No => (self.read)(self.texts.get(row)?).map(Cow::Owned),
        }
    }
}

/// A number that has a default when it is left out, not when it is null.
pub(super) struct Optional<T> {
    numbers: Option<Numbers<T>>,
    default: T,
}

impl<T: Copy> Optional<T> {
    /// The value of a row.
    pub(super) fn get(&self, row: usize) -> Option<T> {
        match &self.numbers {
            Some(numbers) => numbers.get(row),
            None => Some(self.default),
        }
    }
}

/// An integer argument that may be left out.
pub(super) fn optional_long(
    arguments: &Arguments<'_>,
    position: usize,
    default: i64,
) -> Optional<i64> {
    Optional {
        numbers: (arguments.len() > position).then(|| arguments.longs_in(position)),
        default,
    }
}

/// A real argument that may be left out.
pub(super) fn optional_real(
    arguments: &Arguments<'_>,
    position: usize,
    default: f64,
) -> Optional<f64> {
    Optional {
        numbers: (arguments.len() > position).then(|| arguments.reals_in(position)),
        default,
    }
}

/// A switch that is off when it is left out.
pub(super) fn optional_bool(arguments: &Arguments<'_>, position: usize) -> Optional<bool> {
    Optional {
        numbers: (arguments.len() > position).then(|| arguments.bools_in(position)),
        default: false,
    }
}
