//! Functions that measure lines and polygons and find points on them.

use arrow::array::ArrayRef;
use datafusion::common::Result;

use super::super::arguments::Arguments;
use super::super::udf::{Evaluate, code};
use super::geojson::Geometry;
use super::input::{Places, Shapes, optional_bool};
use super::line::Line;
use super::polygon::{Polygon, Region};
use super::spheroid;
use super::union::united;
use super::vector::Vector;

/// Measures by name.
pub(super) fn find(name: &str) -> Option<Evaluate> {
    Some(match name {
        "geo_line_length" => code(|a| {
            let lines = Shapes::new(a, 0, Line::read)?;
            a.reals(|row| Some(lines.get(row)?.length_meters()))
        }),
        "geo_line_centroid" => code(|a| {
            let lines = Shapes::new(a, 0, Line::read)?;
            points(a, |row| lines.get(row)?.centroid())
        }),
        "geo_line_interpolate_point" => code(|a| {
            let (lines, fractions) = (Shapes::new(a, 0, Line::read_one)?, a.reals_in(1));
            points(a, |row| {
                let fraction = fractions.get(row).filter(|f| (0.0..=1.0).contains(f))?;
                lines.get(row)?.interpolate(fraction)
            })
        }),
        "geo_line_locate_point" => code(line_locate_point),
        "geo_distance_point_to_line" => code(|a| {
            let (places, lines) = (Places::new(a, 0), Shapes::new(a, 2, Line::read)?);
            a.reals(|row| lines.get(row)?.distance_meters(places.get(row)?.vector()))
        }),
        "geo_closest_point_on_line" => code(|a| {
            let (places, lines) = (Places::new(a, 0), Shapes::new(a, 2, Line::read)?);
            points(a, |row| {
                let (closest, _) = lines.get(row)?.closest_point(places.get(row)?.vector())?;
                Some(closest)
            })
        }),
        "geo_distance_point_to_polygon" => code(|a| {
            let (places, regions) = (Places::new(a, 0), Shapes::new(a, 2, Region::read)?);
            a.reals(|row| {
                let point = places.get(row)?.vector();
                Some(regions.get(row)?.distance_meters(point))
            })
        }),
        "geo_closest_point_on_polygon" => code(|a| {
            let (places, regions) = (Places::new(a, 0), Shapes::new(a, 2, Region::read)?);
            points(a, |row| {
                let point = places.get(row)?.vector();
                Some(regions.get(row)?.closest_point(point))
            })
        }),
        "geo_point_in_polygon" => code(|a| {
            let (places, regions) = (Places::new(a, 0), Shapes::new(a, 2, Region::read)?);
            a.bools(|row| {
                let point = places.get(row)?.vector();
                Some(regions.get(row)?.contains(point))
            })
        }),
        "geo_polygon_area" => code(|a| {
            let polygons = Shapes::new(a, 0, united)?;
            a.reals(|row| Some(polygons.get(row)?.area_square_meters()))
        }),
        "geo_polygon_perimeter" => code(|a| {
            let polygons = Shapes::new(a, 0, united)?;
            a.reals(|row| Some(polygons.get(row)?.perimeter_meters()))
        }),
        "geo_polygon_centroid" => code(|a| {
            let polygons = Shapes::<Polygon>::new(a, 0, united)?;
            points(a, |row| polygons.get(row)?.centroid())
        }),
        _ => return None,
    })
}

/// One point per row.
fn points(arguments: &Arguments<'_>, point: impl Fn(usize) -> Option<Vector>) -> Result<ArrayRef> {
    arguments.optional_strings(|row, out| {
        Geometry::point(point(row)?).write(out);
        Some(())
    })
}

fn line_locate_point(arguments: &Arguments<'_>) -> Result<ArrayRef> {
    let lines = Shapes::new(arguments, 0, Line::read_one)?;
    let (places, use_spheroid) = (Places::new(arguments, 1), optional_bool(arguments, 3));
    arguments.reals(|row| {
        let (line, place) = (lines.get(row)?, places.get(row)?);
        if use_spheroid.get(row)? {
            return spheroid::locate(&line, place);
        }
        line.locate(place.vector())
    })
}
