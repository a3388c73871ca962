//! Functions over single H3 cells. Cells that cover polygons are in `h3cover.rs`.

use arrow::array::ArrayRef;
use datafusion::common::Result;
use h3o::{CellIndex, LatLng, Resolution};

use super::super::arguments::Arguments;
use super::super::udf::{Evaluate, code};
use super::geohash::write_cells;
use super::geojson::Geometry;
use super::hash_order;
use super::input::{Places, optional_long};
use super::vector::Position;

/// Resolution of the cells where none is given.
pub(super) const RESOLUTION_DEFAULT: i64 = 6;

/// How many resolutions children may be finer.
const CHILD_STEPS_MAX: u8 = 5;

/// Longest distance of rings.
const RING_DISTANCE_MAX: u32 = 142;

/// Functions of H3 cells by name.
pub(super) fn find(name: &str) -> Option<Evaluate> {
    Some(match name {
        "geo_point_to_h3cell" => code(point_to_cell),
        "geo_h3cell_to_central_point" => code(|a| {
            let tokens = a.texts(0)?;
            a.optional_strings(|row, out| {
                let center = position(LatLng::from(parse(tokens.text(row))?));
                Geometry::Point(center).write(out);
                Some(())
            })
        }),
        "geo_h3cell_to_polygon" => code(|a| {
            let tokens = a.texts(0)?;
            a.optional_strings(|row, out| {
                let boundary = parse(tokens.text(row))?.boundary();
                let around = boundary.iter().chain(&boundary[..1]);
                Geometry::Polygon(vec![around.copied().map(position).collect()]).write(out);
                Some(())
            })
        }),
        "geo_h3cell_neighbors" => code(|a| {
            let tokens = a.texts(0)?;
            a.optional_strings(|row, out| {
                let mut rings = rings(parse(tokens.text(row))?, 1);
                let names = rings
                    .swap_remove(1)
                    .into_iter()
                    .map(|cell| cell.to_string());
                write_cells(hash_order::ordered(names.collect()), out);
                Some(())
            })
        }),
        "geo_h3cell_rings" => code(cell_rings),
        "geo_h3cell_children" => code(children),
        "geo_h3cell_parent" => code(parent),
        "geo_h3cell_level" => code(|a| {
            let tokens = a.texts(0)?;
            a.longs(|row| Some(i64::from(u8::from(parse(tokens.text(row))?.resolution()))))
        }),
        _ => return None,
    })
}

/// The cell of a token.
fn parse(token: &str) -> Option<CellIndex> {
    token.parse().ok()
}

/// A resolution in range.
pub(super) fn resolution(resolution: i64) -> Option<Resolution> {
    u8::try_from(resolution).ok()?.try_into().ok()
}

fn position(place: LatLng) -> Position {
    Position {
        longitude: place.lng(),
        latitude: place.lat(),
    }
}

fn point_to_cell(arguments: &Arguments<'_>) -> Result<ArrayRef> {
    let places = Places::new(arguments, 0);
    let resolutions = optional_long(arguments, 2, RESOLUTION_DEFAULT);
    arguments.optional_strings(|row, out| {
        let (place, resolution) = (places.get(row)?, resolution(resolutions.get(row)?)?);
        let place = LatLng::new(place.latitude, place.longitude).ok()?;
        out.push_str(&place.to_cell(resolution).to_string());
        Some(())
    })
}

/// The cells at each distance up to the one given; cells that pentagons leave out are missing.
fn rings(origin: CellIndex, distance: u32) -> Vec<Vec<CellIndex>> {
    let mut rings = vec![Vec::new(); distance as usize + 1];
    for (cell, distance) in origin.grid_disk_distances::<Vec<_>>(distance) {
        rings[distance as usize].push(cell);
    }
    rings
}

fn cell_rings(arguments: &Arguments<'_>) -> Result<ArrayRef> {
    let (tokens, distances) = (arguments.texts(0)?, arguments.longs_in(1));
    arguments.optional_strings(|row, out| {
        let distance = u32::try_from(distances.get(row)?).ok()?;
        if distance > RING_DISTANCE_MAX {
            return None;
        }
        out.push('[');
        for (ring, cells) in rings(parse(tokens.text(row))?, distance).iter().enumerate() {
            if ring > 0 {
                out.push(',');
            }
            write_cells(cells.iter().map(CellIndex::to_string), out);
        }
        out.push(']');
        Some(())
    })
}

fn children(arguments: &Arguments<'_>) -> Result<ArrayRef> {
    let tokens = arguments.texts(0)?;
    let resolutions = (arguments.len() > 1).then(|| arguments.longs_in(1));
    arguments.optional_strings(|row, out| {
        let cell = parse(tokens.text(row))?;
        let finer = match &resolutions {
            Some(resolutions) => resolution(resolutions.get(row)?)?,
            None => cell.resolution().succ()?,
        };
        let steps = u8::from(finer).checked_sub(u8::from(cell.resolution()))?;
        if !(1..=CHILD_STEPS_MAX).contains(&steps) {
            return None;
        }
        write_cells(cell.children(finer).map(|child| child.to_string()), out);
        Some(())
    })
}

fn parent(arguments: &Arguments<'_>) -> Result<ArrayRef> {
    let tokens = arguments.texts(0)?;
    let resolutions = (arguments.len() > 1).then(|| arguments.longs_in(1));
    arguments.optional_strings(|row, out| {
        let cell = parse(tokens.text(row))?;
        let coarser = match &resolutions {
            Some(resolutions) => resolution(resolutions.get(row)?)?,
            None => cell.resolution().pred()?,
        };
        if coarser >= cell.resolution() {
            return None;
        }
        out.push_str(&cell.parent(coarser)?.to_string());
        Some(())
    })
}
