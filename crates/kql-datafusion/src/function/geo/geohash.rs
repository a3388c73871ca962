//! Geohash: rectangles of longitude and latitude, halved in turn, named by five bits a letter.

use arrow::array::ArrayRef;
use datafusion::common::Result;

use super::super::arguments::Arguments;
use super::super::json;
use super::super::udf::{Evaluate, code};
use super::geojson::Geometry;
use super::hash_order;
use super::input::{Places, optional_long};
use super::vector::Position;

const LETTERS: &[u8; 32] = b"0123456789bcdefghjkmnpqrstuvwxyz";

/// Letters of the longest geohash.
const LENGTH_MAX: usize = 18;

/// Functions of geohash cells by name.
pub(super) fn find(name: &str) -> Option<Evaluate> {
    Some(match name {
        "geo_point_to_geohash" => code(point_to_geohash),
        "geo_geohash_to_central_point" => code(|a| {
            let hashes = a.texts(0)?;
            a.optional_strings(|row, out| {
                let center = Cell::parse(hashes.text(row))?.center();
                Geometry::Point(center).write(out);
                Some(())
            })
        }),
        "geo_geohash_to_polygon" => code(|a| {
            let hashes = a.texts(0)?;
            a.optional_strings(|row, out| {
                let corners = Cell::parse(hashes.text(row))?.corners();
                Geometry::Polygon(vec![corners]).write(out);
                Some(())
            })
        }),
        "geo_geohash_neighbors" => code(|a| {
            let hashes = a.texts(0)?;
            a.optional_strings(|row, out| {
                let neighbors = Cell::parse(hashes.text(row))?.neighbors();
                let names = neighbors.iter().map(|cell| cell.name()).collect();
                write_cells(hash_order::ordered(names), out);
                Some(())
            })
        }),
        _ => return None,
    })
}

/// Writes names of cells as an array.
pub(super) fn write_cells(cells: impl IntoIterator<Item = String>, out: &mut String) {
    let quoted: Vec<String> = cells
        .into_iter()
        .map(|cell| format!("\"{cell}\""))
        .collect();
    json::write_array(quoted.iter().map(String::as_str), out);
}

fn point_to_geohash(arguments: &Arguments<'_>) -> Result<ArrayRef> {
    let (places, lengths) = (Places::new(arguments, 0), optional_long(arguments, 2, 5));
    arguments.optional_strings(|row, out| {
        let length = usize::try_from(lengths.get(row)?).ok()?;
        if !(1..=LENGTH_MAX).contains(&length) {
            return None;
        }
        out.push_str(&Cell::of(places.get(row)?, length).name());
        Some(())
    })
}

/// One side of a cell: which of the equal parts of a range it is.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Side {
    index: u64,
    bits: u32,
}

impl Side {
    /// The part of the range from `-limit` to `limit` that holds the value.
    fn of(value: f64, limit: f64, bits: u32) -> Self {
        let (mut low, mut high, mut index) = (-limit, limit, 0);
        for _ in 0..bits {
            let middle = f64::midpoint(low, high);
            index <<= 1;
            if value >= middle {
                index |= 1;
                low = middle;
            } else {
                high = middle;
            }
        }
        Self { index, bits }
    }

    /// The ends of the part.
    fn range(self, limit: f64) -> (f64, f64) {
        let (mut low, mut high) = (-limit, limit);
        for bit in (0..self.bits).rev() {
            let middle = f64::midpoint(low, high);
            if (self.index >> bit) & 1 == 1 {
                low = middle;
            } else {
                high = middle;
            }
        }
        (low, high)
    }

    /// The part `step` further.
    fn moved(self, step: i64) -> Option<Self> {
        let index = self.index.checked_add_signed(step)?;
        (index < 1 << self.bits).then_some(Self { index, ..self })
    }

    /// The part `step` further around the Earth.
    fn moved_around(self, step: i64) -> Self {
        let index = self.index.wrapping_add_signed(step) & ((1 << self.bits) - 1);
        Self { index, ..self }
    }
}

/// A cell.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Cell {
    longitude: Side,
    latitude: Side,
    length: usize,
}

impl Cell {
    fn of(position: Position, length: usize) -> Self {
        let bits = length as u32 * 5;
        Self {
            longitude: Side::of(position.longitude, 180.0, bits.div_ceil(2)),
            latitude: Side::of(position.latitude, 90.0, bits / 2),
            length,
        }
    }

    /// The cell of this name.
    fn parse(name: &str) -> Option<Self> {
        let length = name.len();
        if !(1..=LENGTH_MAX).contains(&length) {
            return None;
        }
        let (mut sides, mut next) = ([Side { index: 0, bits: 0 }; 2], 0);
        for letter in name.bytes() {
            let value = LETTERS.iter().position(|known| *known == letter)?;
            for bit in (0..5).rev() {
                let side = &mut sides[next];
                side.index = (side.index << 1) | ((value as u64 >> bit) & 1);
                side.bits += 1;
                next = 1 - next;
            }
        }
        let [longitude, latitude] = sides;
        Some(Self {
            longitude,
            latitude,
            length,
        })
    }

    fn name(self) -> String {
        let mut sides = [self.longitude, self.latitude];
        let mut name = String::with_capacity(self.length);
        let mut next = 0;
        for _ in 0..self.length {
            let mut value = 0;
            for _ in 0..5 {
                let side = &mut sides[next];
                side.bits -= 1;
                value = (value << 1) | (side.index >> side.bits) & 1;
                next = 1 - next;
            }
            name.push(char::from(LETTERS[value as usize]));
        }
        name
    }

    fn center(self) -> Position {
        let (west, east) = self.longitude.range(180.0);
        let (south, north) = self.latitude.range(90.0);
        Position {
            longitude: f64::midpoint(west, east),
            latitude: f64::midpoint(south, north),
        }
    }

    /// The corners, counterclockwise from the south-west and back to it.
    fn corners(self) -> Vec<Position> {
        let (west, east) = self.longitude.range(180.0);
        let (south, north) = self.latitude.range(90.0);
        [
            (west, south),
            (east, south),
            (east, north),
            (west, north),
            (west, south),
        ]
        .map(|(longitude, latitude)| Position {
            longitude,
            latitude,
        })
        .to_vec()
    }

    /// The cells around it; there are none beyond the poles.
    fn neighbors(self) -> Vec<Self> {
        NEIGHBORS
            .iter()
            .filter_map(|(east, north)| {
                let latitude = self.latitude.moved(*north)?;
                let longitude = self.longitude.moved_around(*east);
                let neighbor = Self {
                    longitude,
                    latitude,
                    ..self
                };
                (neighbor != self).then_some(neighbor)
            })
            .collect()
    }
}

/// The steps to the cells around, clockwise from the north-west.
const NEIGHBORS: [(i64, i64); 8] = [
    (-1, 1),
    (0, 1),
    (1, 1),
    (1, 0),
    (1, -1),
    (0, -1),
    (-1, -1),
    (-1, 0),
];
