//! Geographic functions: points, lines and polygons on a sphere, with shapes as GeoJSON, and the
//! grids that divide it. Edges are arcs of great circles, as in the S2 library, which Kusto uses;
//! `geo/vector.rs` says how large the Earth is. Aggregates and plugins are elsewhere.

mod buffer;
mod cover;
mod densify;
mod direction;
mod distance;
mod edge;
mod geohash;
mod geojson;
mod h3cell;
mod h3cover;
mod hash_order;
mod input;
mod intersection;
mod line;
mod measure;
mod overlay;
mod polygon;
mod predicate;
mod ring;
mod s2cell;
mod s2functions;
mod simplify;
mod spheroid;
mod sweep;
#[cfg(test)]
mod tests;
mod union;
mod vector;
mod wkt;

use kql::types::ScalarType;

use super::udf::Evaluate;

/// Geographic functions by name.
pub(super) fn find(name: &str, _: &[ScalarType]) -> Option<Evaluate> {
    if !name.starts_with("geo_") {
        return None;
    }
    let families = [
        distance::find,
        geohash::find,
        s2functions::find,
        h3cell::find,
        measure::find,
        union::find,
        intersection::find,
        densify::find,
        buffer::find,
        cover::find,
        simplify::find,
        h3cover::find,
        wkt::find,
    ];
    families.iter().find_map(|find| find(name))
}
