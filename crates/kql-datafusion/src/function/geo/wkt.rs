//! Well-known text: geometries written as `POINT (1 2)` and the like. Text that is not of two
//! dimensions, empty or wrong gives nothing.

use super::super::udf::{Evaluate, code};
use super::geojson::Geometry;
use super::vector::Position;

/// Deepest nesting of collections.
const DEPTH_MAX: usize = 32;

/// `geo_from_wkt()`.
pub(super) fn find(name: &str) -> Option<Evaluate> {
    if name != "geo_from_wkt" {
        return None;
    }
    Some(code(|a| {
        let texts = a.texts(0)?;
        a.optional_strings(|row, out| {
            parse(texts.text(row))?.write(out);
            Some(())
        })
    }))
}

/// The geometry of a text.
fn parse(text: &str) -> Option<Geometry> {
    let mut reader = Reader { rest: text };
    let geometry = reader.geometry(0)?;
    reader.rest.trim_start().is_empty().then_some(geometry)
}

/// What is left of a text.
struct Reader<'a> {
    rest: &'a str,
}

impl<'a> Reader<'a> {
    fn word(&mut self, is_part: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest.trim_start();
        let end = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
        let (word, rest) = rest.split_at(end);
        self.rest = rest;
        word
    }

    fn take(&mut self, expected: char) -> Option<()> {
        self.rest = self.rest.trim_start().strip_prefix(expected)?;
        Some(())
    }

    fn is_next(&self, expected: char) -> bool {
        self.rest.trim_start().starts_with(expected)
    }

    fn geometry(&mut self, depth: usize) -> Option<Geometry> {
        let kind = self.word(|c| c.is_ascii_alphabetic()).to_ascii_uppercase();
        Some(match kind.as_str() {
            "POINT" => {
                let mut points = self.list(Self::position)?;
                let point = points.pop()?;
                return points.is_empty().then_some(Geometry::Point(point));
            }
            "MULTIPOINT" => Geometry::MultiPoint(self.list(Self::point)?),
            "LINESTRING" => Geometry::Line(self.line()?),
            "MULTILINESTRING" => Geometry::MultiLine(self.list(Self::line)?),
            "POLYGON" => Geometry::Polygon(self.polygon()?),
            "MULTIPOLYGON" => Geometry::MultiPolygon(self.list(Self::polygon)?),
            "GEOMETRYCOLLECTION" if depth < DEPTH_MAX => {
                Geometry::Collection(self.list(|reader| reader.geometry(depth + 1))?)
            }
            _ => return None,
        })
    }

    /// Elements in parentheses, one at least.
    fn list<T>(&mut self, mut element: impl FnMut(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        self.take('(')?;
        let mut elements = vec![element(self)?];
        while self.take(',').is_some() {
            elements.push(element(self)?);
        }
        self.take(')')?;
        Some(elements)
    }

    fn number(&mut self) -> Option<f64> {
        let is_part = |c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.' | 'e' | 'E');
        self.word(is_part).parse().ok()
    }

    fn position(&mut self) -> Option<Position> {
        Position::new(self.number()?, self.number()?)
    }

    /// A point of several, which may have parentheses of its own.
    fn point(&mut self) -> Option<Position> {
        if !self.is_next('(') {
            return self.position();
        }
        self.take('(')?;
        let point = self.position()?;
        self.take(')')?;
        Some(point)
    }

    fn line(&mut self) -> Option<Vec<Position>> {
        self.list(Self::position)
    }

    fn polygon(&mut self) -> Option<Vec<Vec<Position>>> {
        self.list(Self::line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        let mut out = String::new();
        match parse(text) {
            Some(geometry) => geometry.write(&mut out),
            None => out.push_str("null"),
        }
        assert_eq!(out, expected, "{text}");
    }

    #[test]
    fn each_kind_of_geometry() {
        check("POINT (1 2)", r#"{"type":"Point","coordinates":[1.0,2.0]}"#);
        let points = r#"{"type":"MultiPoint","coordinates":[[1.0,1.0],[2.0,2.0]]}"#;
        check("multipoint(1 1,2 2)", points);
        check("MULTIPOINT ((1 1), (2 2))", points);
        check(
            " MULTILINESTRING ((1 1, 2 2), (4 4, -5e0 .5)) ",
            r#"{"type":"MultiLineString","coordinates":[[[1.0,1.0],[2.0,2.0]],[[4.0,4.0],[-5.0,0.5]]]}"#,
        );
        check(
            "GEOMETRYCOLLECTION (POINT (1 1),POLYGON ((0 0, 2 0, 2 2, 0 0)))",
            concat!(
                r#"{"type":"GeometryCollection","geometries":["#,
                r#"{"type":"Point","coordinates":[1.0,1.0]},"#,
                r#"{"type":"Polygon","coordinates":[[[0.0,0.0],[2.0,0.0],[2.0,2.0],[0.0,0.0]]]}]}"#
            ),
        );
    }

    #[test]
    fn wrong_text_is_null() {
        for text in [
            "",
            "LINESTRING",
            "POINT (1 2 3)",
            "POINT (1, 2)",
            "POINT (181 2)",
            "POINT (1 2) x",
        ] {
            check(text, "null");
        }
        check(&"GEOMETRYCOLLECTION (".repeat(100_000), "null");
    }
}
