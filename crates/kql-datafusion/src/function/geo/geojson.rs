//! Geometries as GeoJSON. What a line or polygon must fulfil beyond that is the business of
//! `line.rs` and `polygon.rs`; this reads positions in range and writes shapes.

use super::super::json;
use super::vector::{Position, Vector};

/// A geometry.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Geometry {
    Point(Position),
    MultiPoint(Vec<Position>),
    Line(Vec<Position>),
    MultiLine(Vec<Vec<Position>>),
    Polygon(Vec<Vec<Position>>),
    MultiPolygon(Vec<Vec<Vec<Position>>>),
    Collection(Vec<Geometry>),
}

impl Geometry {
    /// Reads a geometry of a bag, except collections, which no function takes.
    pub(super) fn read(bag: &str) -> Option<Self> {
        let coordinates = json::member(bag, "coordinates")?;
        let kind = json::unescape(json::member(bag, "type")?);
        Some(match &*kind {
            "Point" => Self::Point(position(coordinates)?),
            "LineString" => Self::Line(list(coordinates, position)?),
            "MultiLineString" => Self::MultiLine(list(coordinates, path)?),
            "Polygon" => Self::Polygon(list(coordinates, path)?),
            "MultiPolygon" => Self::MultiPolygon(list(coordinates, paths)?),
            _ => return None,
        })
    }

    /// A point.
    pub(super) fn point(point: Vector) -> Self {
        Self::Point(point.position())
    }

    /// One line or several.
    pub(super) fn lines(mut lines: Vec<Vec<Position>>) -> Self {
        if lines.len() == 1 {
            return Self::Line(lines.remove(0));
        }
        Self::MultiLine(lines)
    }

    /// One polygon or several.
    pub(super) fn polygons(mut polygons: Vec<Vec<Vec<Position>>>) -> Self {
        if polygons.len() == 1 {
            return Self::Polygon(polygons.remove(0));
        }
        Self::MultiPolygon(polygons)
    }

    /// Writes the geometry as a bag.
    pub(super) fn write(&self, out: &mut String) {
        match self {
            Self::Point(point) => member(out, "Point", |out| write_position(*point, out)),
            Self::MultiPoint(points) => {
                member(out, "MultiPoint", |out| write_path(points, out));
            }
            Self::Line(points) => member(out, "LineString", |out| write_path(points, out)),
            Self::MultiLine(lines) => {
                member(out, "MultiLineString", |out| write_paths(lines, out));
            }
            Self::Polygon(rings) => member(out, "Polygon", |out| write_paths(rings, out)),
            Self::MultiPolygon(polygons) => member(out, "MultiPolygon", |out| {
                write_list(polygons, out, |rings, out| write_paths(rings, out));
            }),
            Self::Collection(geometries) => {
                out.push_str(r#"{"type":"GeometryCollection","geometries":"#);
                write_list(geometries, out, Self::write);
                out.push('}');
            }
        }
    }
}

fn list<T>(array: &str, read: fn(&str) -> Option<T>) -> Option<Vec<T>> {
    json::elements(array)?.map(read).collect()
}

/// A position; a height after longitude and latitude means nothing.
fn position(array: &str) -> Option<Position> {
    let mut numbers = json::elements(array)?.map(|number| match json::kind(number) {
        json::Kind::Long | json::Kind::Real => number.parse::<f64>().ok(),
        _ => None,
    });
    let (longitude, latitude) = (numbers.next()??, numbers.next()??);
    Position::new(longitude, latitude)
}

fn path(array: &str) -> Option<Vec<Position>> {
    list(array, position)
}

fn paths(array: &str) -> Option<Vec<Vec<Position>>> {
    list(array, path)
}

fn member(out: &mut String, kind: &str, write: impl FnOnce(&mut String)) {
    out.push_str(r#"{"type":""#);
    out.push_str(kind);
    out.push_str(r#"","coordinates":"#);
    write(out);
    out.push('}');
}

fn write_list<T>(values: &[T], out: &mut String, write: impl Fn(&T, &mut String)) {
    out.push('[');
    for (position, value) in values.iter().enumerate() {
        if position > 0 {
            out.push(',');
        }
        write(value, out);
    }
    out.push(']');
}

fn write_position(position: Position, out: &mut String) {
    out.push('[');
    json::write_real(position.longitude, out);
    out.push(',');
    json::write_real(position.latitude, out);
    out.push(']');
}

fn write_path(path: &[Position], out: &mut String) {
    write_list(path, out, |position, out| write_position(*position, out));
}

fn write_paths(paths: &[Vec<Position>], out: &mut String) {
    write_list(paths, out, |path, out| write_path(path, out));
}
