//! Functions over single S2 cells. Cells that cover lines and polygons are in `cover.rs`.

use super::super::udf::{Evaluate, code};
use super::geohash::write_cells;
use super::geojson::Geometry;
use super::hash_order;
use super::input::{Places, optional_long};
use super::s2cell::{Cell, LEVEL_MAX};
use super::vector::Vector;

/// Level of the cells where none is given.
pub(super) const LEVEL_DEFAULT: i64 = 11;

/// Functions of S2 cells by name.
pub(super) fn find(name: &str) -> Option<Evaluate> {
    Some(match name {
        "geo_point_to_s2cell" => code(|a| {
            let (places, levels) = (Places::new(a, 0), optional_long(a, 2, LEVEL_DEFAULT));
            a.optional_strings(|row, out| {
                let level = level(levels.get(row)?)?;
                let cell = Cell::at(places.get(row)?.vector()).parent(level);
                out.push_str(&cell.token());
                Some(())
            })
        }),
        "geo_s2cell_to_central_point" => code(|a| {
            let tokens = a.texts(0)?;
            a.optional_strings(|row, out| {
                Geometry::point(Cell::parse(tokens.text(row))?.center()).write(out);
                Some(())
            })
        }),
        "geo_s2cell_to_polygon" => code(|a| {
            let tokens = a.texts(0)?;
            a.optional_strings(|row, out| {
                let corners = Cell::parse(tokens.text(row))?.corners();
                let around = corners.iter().chain(&corners[..1]);
                Geometry::Polygon(vec![around.copied().map(Vector::position).collect()]).write(out);
                Some(())
            })
        }),
        "geo_s2cell_neighbors" => code(|a| {
            let tokens = a.texts(0)?;
            a.optional_strings(|row, out| {
                let neighbors = Cell::parse(tokens.text(row))?.neighbors();
                let tokens = neighbors.into_iter().map(Cell::token).collect();
                write_cells(hash_order::ordered(tokens), out);
                Some(())
            })
        }),
        _ => return None,
    })
}

/// A level in range.
pub(super) fn level(level: i64) -> Option<u32> {
    u32::try_from(level)
        .ok()
        .filter(|level| *level <= LEVEL_MAX)
}
