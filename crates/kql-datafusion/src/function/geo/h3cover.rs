//! H3 cells whose centres lie in a polygon. Edges are straight lines of longitude and latitude
//! here, as in the H3 library, and the cells come in the order of its table.

use std::collections::{HashMap, HashSet};

use arrow::array::ArrayRef;
use datafusion::common::Result;
use h3o::{CellIndex, LatLng, Resolution};

use super::super::arguments::Arguments;
use super::super::udf::{Evaluate, code};
use super::buffer;
use super::geohash::write_cells;
use super::geojson::Geometry;
use super::h3cell::{RESOLUTION_DEFAULT, resolution};
use super::hash_order;
use super::input::{Shapes, optional_long, optional_real};
use super::polygon::Polygon;
use super::union::united;
use super::vector::{EARTH_RADIUS_METERS, Position};

/// Most cells of a polygon.
const CELLS_MAX: usize = 61_680;

/// Most cells along the edges: of these about every second one lies inside.
const EDGE_CELLS_MAX: usize = 4 * CELLS_MAX;

/// Radius of the Earth as the H3 library has it.
const RADIUS_KM: f64 = 6_371.007_180_918_475;

/// Slots of the table beyond the estimate.
const SPARE_SLOTS: usize = 12;

/// `geo_polygon_to_h3cells()`.
pub(super) fn find(name: &str) -> Option<Evaluate> {
    (name == "geo_polygon_to_h3cells").then(|| code(polygon_to_cells))
}

fn polygon_to_cells(arguments: &Arguments<'_>) -> Result<ArrayRef> {
    let polygons = Shapes::new(arguments, 0, united)?;
    let resolutions = optional_long(arguments, 1, RESOLUTION_DEFAULT);
    let radii = optional_real(arguments, 2, 0.0);
    arguments.optional_strings(|row, out| {
        let resolution = resolution(resolutions.get(row)?)?;
        let polygon = polygons.get(row)?.into_owned();
        let radius = radii.get(row)?;
        if !(0.0..=f64::MAX).contains(&radius) {
            return None;
        }
        let polygon = if radius > 0.0 {
            buffer::of_polygon(&polygon, radius, buffer::TOLERANCE_DEFAULT_METERS)?
        } else {
            polygon
        };
        let cells = cover(&polygon, resolution)?;
        let names = cells.iter().map(CellIndex::to_string).collect();
        write_cells(hash_order::ordered(names), out);
        Some(())
    })
}

/// The cells of all parts of a polygon, `None` if they are too many.
fn cover(polygon: &Polygon, resolution: Resolution) -> Option<Vec<CellIndex>> {
    let parts = match polygon.geometry() {
        Geometry::Polygon(rings) => vec![rings],
        Geometry::MultiPolygon(parts) => parts,
        _ => return None,
    };
    if polygon.area_square_meters() / resolution.area_m2() > EDGE_CELLS_MAX as f64 {
        return None;
    }
    let mut seen = HashSet::new();
    let mut cells = Vec::new();
    for rings in parts {
        for cell in Part::new(rings)?.cover(resolution)? {
            if seen.insert(cell) {
                cells.push(cell);
            }
        }
        if cells.len() > CELLS_MAX {
            return None;
        }
    }
    Some(cells)
}

/// A shell with its holes.
struct Part {
    rings: Vec<Vec<Position>>,
    west: f64,
    east: f64,
    south: f64,
    north: f64,
}

impl Part {
    /// `None` if the shell is flat. One across the antimeridian is continued beyond it.
    fn new(mut rings: Vec<Vec<Position>>) -> Option<Self> {
        let crosses = rings
            .first()?
            .windows(2)
            .any(|ends| (ends[0].longitude - ends[1].longitude).abs() > 180.0);
        if crosses {
            for position in rings.iter_mut().flatten() {
                if position.longitude < 0.0 {
                    position.longitude += 360.0;
                }
            }
        }
        let shell = rings.first()?.iter();
        let longitudes = shell.clone().map(|p| p.longitude);
        let latitudes = shell.map(|p| p.latitude);
        let part = Self {
            west: longitudes.clone().fold(f64::MAX, f64::min),
            east: longitudes.fold(f64::MIN, f64::max),
            south: latitudes.clone().fold(f64::MAX, f64::min),
            north: latitudes.fold(f64::MIN, f64::max),
            rings,
        };
        (part.west < part.east && part.south < part.north).then_some(part)
    }

    /// Whether a place is in the shell and in none of the holes.
    fn contains(&self, place: LatLng) -> bool {
        let mut longitude = place.lng();
        if longitude < 0.0 && self.east > 180.0 {
            longitude += 360.0;
        }
        let latitude = place.lat();
        let mut is_inside = false;
        for ends in self.rings.iter().flat_map(|ring| ring.windows(2)) {
            let [mut low, mut high] = [ends[0], ends[1]];
            if low.latitude > high.latitude {
                (low, high) = (high, low);
            }
            if latitude < low.latitude || latitude >= high.latitude {
                continue;
            }
            let fraction = (latitude - low.latitude) / (high.latitude - low.latitude);
            let crossing = low.longitude + fraction * (high.longitude - low.longitude);
            is_inside ^= longitude < crossing;
        }
        is_inside
    }

    /// The cells whose centres it contains: those at the edges first, then their neighbours as
    /// long as there are new ones.
    fn cover(&self, resolution: Resolution) -> Option<Vec<CellIndex>> {
        let slots = self.slots(resolution)?;
        let mut search = self.cells_at_edges(resolution)?;
        let mut seen = HashSet::new();
        let mut found = Vec::new();
        while !search.is_empty() {
            let mut added = Vec::new();
            for cell in search {
                for near in cell.grid_disk::<Vec<_>>(1) {
                    if seen.insert(near) && self.contains(LatLng::from(near)) {
                        added.push(near);
                    }
                }
            }
            found.extend_from_slice(&added);
            if found.len() > CELLS_MAX {
                return None;
            }
            search = added;
        }
        Some(by_slot(&found, slots.max(found.len())))
    }

    /// The cells along the edges.
    fn cells_at_edges(&self, resolution: Resolution) -> Option<Vec<CellIndex>> {
        let (mut cells, mut seen) = (Vec::new(), HashSet::new());
        let step_km = pentagon_radius_km(resolution);
        for ends in self.rings.iter().flat_map(|ring| ring.windows(2)) {
            let (from, to) = (ends[0], ends[1]);
            let steps = (distance_km(from, to) / step_km).ceil() * 2.0 + 1.0;
            if steps > EDGE_CELLS_MAX as f64 * 2.0 {
                return None;
            }
            for step in 0..=steps as u32 {
                let fraction = f64::from(step) / steps;
                let at = |from: f64, to: f64| from + (to - from) * fraction;
                let longitude = at(from.longitude, to.longitude);
                let latitude = at(from.latitude, to.latitude);
                let cell = LatLng::new(latitude, longitude).ok()?.to_cell(resolution);
                if seen.insert(cell) {
                    cells.push(cell);
                }
            }
            if cells.len() > EDGE_CELLS_MAX {
                return None;
            }
        }
        Some(cells)
    }

    /// How many slots the table of cells has: an estimate from the size of the bounding box.
    fn slots(&self, resolution: Resolution) -> Option<usize> {
        let radius = pentagon_radius_km(resolution);
        let cell_area = 0.8 * (2.598_076_211_35 * radius * radius);
        let north_east = Position {
            longitude: self.east,
            latitude: self.north,
        };
        let south_west = Position {
            longitude: self.west,
            latitude: self.south,
        };
        let diagonal = distance_km(north_east, south_west);
        let ratio = (self.east - self.west) / (self.north - self.south);
        let cells = (diagonal * diagonal / ratio.min(3.0) / cell_area).ceil();
        if cells > 1e12 {
            return None;
        }
        // A ring repeats its first position at its end, which is not counted.
        let vertices: usize = self.rings.iter().map(|ring| ring.len() - 1).sum();
        Some((cells as usize).max(vertices).max(1) + SPARE_SLOTS)
    }
}

fn distance_km(from: Position, to: Position) -> f64 {
    from.angle(to) * RADIUS_KM
}

/// From the middle of the first pentagon of a resolution to its corners.
fn pentagon_radius_km(resolution: Resolution) -> f64 {
    let corner = CellIndex::base_cells()
        .find_map(|cell| cell.is_pentagon().then(|| cell.center_child(resolution))?)
        .map(|pentagon| {
            let position = |place: LatLng| Position {
                longitude: place.lng(),
                latitude: place.lat(),
            };
            let corner = pentagon.boundary()[0];
            distance_km(position(LatLng::from(pentagon)), position(corner))
        });
    // A pentagon always has a middle at each resolution; the mean size stands in for it.
    corner.unwrap_or(EARTH_RADIUS_METERS / 1000.0)
}

/// Orders cells by their slots; a cell whose slot is taken gets the next free one.
fn by_slot(cells: &[CellIndex], slots: usize) -> Vec<CellIndex> {
    // For each slot that is taken, one further on where the search goes on.
    let mut further: HashMap<usize, usize> = HashMap::with_capacity(cells.len());
    let mut ordered: Vec<(usize, CellIndex)> = Vec::with_capacity(cells.len());
    for cell in cells {
        let wanted = (u64::from(*cell) % slots as u64) as usize;
        let mut slot = wanted;
        while let Some(next) = further.get(&slot) {
            slot = *next;
        }
        ordered.push((slot, *cell));
        let after = (slot + 1) % slots;
        let mut passed = wanted;
        while let Some(next) = further.insert(passed, after) {
            passed = next;
        }
    }
    ordered.sort_unstable_by_key(|(slot, _)| *slot);
    ordered.into_iter().map(|(_, cell)| cell).collect()
}
