//! What lines and polygons have in common, and whether they have anything in common.

use std::collections::HashSet;

use arrow::array::ArrayRef;
use datafusion::common::Result;

use super::super::arguments::Arguments;
use super::super::udf::{Evaluate, code};
use super::geojson::Geometry;
use super::input::Shapes;
use super::line::Line;
use super::overlay::{Overlay, Piece, Pieces, undirected};
use super::polygon::{Polygon, Region};
use super::predicate::{Meeting, meeting};
use super::sweep::near_pairs;
use super::union::{chains, united};
use super::vector::Vector;

/// Intersections by name.
pub(super) fn find(name: &str) -> Option<Evaluate> {
    Some(match name {
        "geo_intersects_2lines" => code(|a| {
            let (left, right) = (
                Shapes::new(a, 0, Line::read)?,
                Shapes::new(a, 1, Line::read)?,
            );
            a.bools(|row| {
                let (left, right) = (left.get(row)?, right.get(row)?);
                Some(touch(left.edges(), right.edges()))
            })
        }),
        "geo_intersects_2polygons" => code(|a| {
            let left = Shapes::new(a, 0, Region::read)?;
            let right = Shapes::new(a, 1, Region::read)?;
            a.bools(|row| {
                let (left, right) = (left.get(row)?, right.get(row)?);
                Some(
                    contains_any(&left, right.edges())
                        || contains_any(&right, left.edges())
                        || touch(left.edges(), right.edges()),
                )
            })
        }),
        "geo_intersects_line_with_polygon" => code(|a| {
            let lines = Shapes::new(a, 0, Line::read)?;
            let regions = Shapes::new(a, 1, Region::read)?;
            a.bools(|row| {
                let (line, region) = (lines.get(row)?, regions.get(row)?);
                let is_inside = contains_any(&region, line.edges());
                Some(is_inside || touch(line.edges(), region.edges()))
            })
        }),
        "geo_intersection_2lines" => code(|a| {
            let (left, right) = (
                Shapes::new(a, 0, Line::read)?,
                Shapes::new(a, 1, Line::read)?,
            );
            common(a, |row| Some(of_lines(&*left.get(row)?, &*right.get(row)?)))
        }),
        "geo_intersection_2polygons" => code(|a| {
            let (left, right) = (Shapes::new(a, 0, united)?, Shapes::new(a, 1, united)?);
            common(a, |row| {
                Some(of_polygons(&*left.get(row)?, &*right.get(row)?))
            })
        }),
        "geo_intersection_line_with_polygon" => code(|a| {
            let (lines, polygons) = (Shapes::new(a, 0, Line::read)?, Shapes::new(a, 1, united)?);
            common(a, |row| {
                Some(of_line_with_polygon(
                    &*lines.get(row)?,
                    &*polygons.get(row)?,
                ))
            })
        }),
        _ => return None,
    })
}

/// Whether an edge of the one touches one of the other.
fn touch(
    left: impl Iterator<Item = (Vector, Vector)>,
    right: impl Iterator<Item = (Vector, Vector)>,
) -> bool {
    let mut edges: Vec<(Vector, Vector)> = left.collect();
    let count = edges.len();
    edges.extend(right);
    let mut touch = false;
    near_pairs(&edges, |first, second| {
        if first < count && second >= count {
            let ((a, b), (c, d)) = (edges[first], edges[second]);
            touch = meeting(a, b, c, d) != Meeting::Apart;
        }
        !touch
    });
    touch
}

/// Whether the region contains the start of one of the edges.
fn contains_any(region: &Region, mut edges: impl Iterator<Item = (Vector, Vector)>) -> bool {
    edges.any(|(from, _)| region.contains(from))
}

/// One geometry per row.
fn common(arguments: &Arguments<'_>, common: impl Fn(usize) -> Option<Common>) -> Result<ArrayRef> {
    arguments.optional_strings(|row, out| {
        common(row)?.geometry().write(out);
        Some(())
    })
}

/// What two shapes have in common.
struct Common {
    points: Vec<Vector>,
    lines: Vec<Vec<Vector>>,
    polygon: Option<Polygon>,
}

impl Common {
    fn geometry(self) -> Geometry {
        let mut geometries = Vec::new();
        let mut points: Vec<_> = self.points.into_iter().map(Vector::position).collect();
        if points.len() > 1 {
            geometries.push(Geometry::MultiPoint(points));
        } else if let Some(point) = points.pop() {
            geometries.push(Geometry::Point(point));
        }
        if !self.lines.is_empty() {
            let positions =
                |line: Vec<Vector>| line.into_iter().map(Vector::position).collect::<Vec<_>>();
            let lines = self.lines.into_iter().map(positions).collect();
            geometries.push(Geometry::lines(lines));
        }
        if let Some(polygon) = self.polygon.filter(|p| !p.borders.is_empty()) {
            geometries.push(polygon.geometry());
        }
        if geometries.len() == 1 {
            return geometries.remove(0);
        }
        Geometry::Collection(geometries)
    }
}

/// The points where pieces of both shapes meet, without those of the pieces they share.
fn shared_points(cut: &Pieces, first_of_right: usize, kept: &[Piece]) -> Vec<Vector> {
    let ends = |pieces: &mut dyn Iterator<Item = &Piece>| -> HashSet<usize> {
        pieces.flat_map(|piece| [piece.from, piece.to]).collect()
    };
    let mut left = cut.pieces.iter().filter(|p| p.edge < first_of_right);
    let mut right = cut.pieces.iter().filter(|p| p.edge >= first_of_right);
    let (left, right, kept) = (ends(&mut left), ends(&mut right), ends(&mut kept.iter()));
    let mut shared: Vec<usize> = left.intersection(&right).copied().collect();
    shared.retain(|vertex| !kept.contains(vertex));
    shared.sort_unstable();
    shared
        .into_iter()
        .map(|vertex| cut.vertices[vertex])
        .collect()
}

/// Pieces as chains.
fn lines_of(cut: &Pieces, pieces: &[Piece]) -> Vec<Vec<Vector>> {
    let mut seen = HashSet::new();
    let edges: Vec<(Vector, Vector)> = pieces
        .iter()
        .filter(|piece| seen.insert(undirected(**piece)))
        .map(|piece| (cut.vertices[piece.from], cut.vertices[piece.to]))
        .collect();
    chains(&edges)
}

fn of_lines(left: &Line, right: &Line) -> Common {
    let mut edges: Vec<(Vector, Vector)> = left.edges().collect();
    let count = edges.len();
    edges.extend(right.edges());
    let cut = Pieces::cut(&edges);
    let in_right = pieces_from(&cut, count);
    let is_shared = |piece: &&Piece| piece.edge < count && in_right.contains(&undirected(**piece));
    let kept: Vec<Piece> = cut.pieces.iter().filter(is_shared).copied().collect();
    Common {
        points: shared_points(&cut, count, &kept),
        lines: lines_of(&cut, &kept),
        polygon: None,
    }
}

/// The places of pieces of the edges from `first` on.
fn pieces_from(cut: &Pieces, first: usize) -> HashSet<(usize, usize)> {
    let pieces = cut.pieces.iter().filter(|piece| piece.edge >= first);
    pieces.map(|piece| undirected(*piece)).collect()
}

fn of_line_with_polygon(line: &Line, polygon: &Polygon) -> Common {
    let mut edges: Vec<(Vector, Vector)> = line.edges().collect();
    let count = edges.len();
    edges.extend(polygon.edges());
    let cut = Pieces::cut(&edges);
    let on_border = pieces_from(&cut, count);
    let is_inside = |piece: &&Piece| {
        piece.edge < count
            && (on_border.contains(&undirected(**piece)) || polygon.contains(cut.middle(**piece)))
    };
    let kept: Vec<Piece> = cut.pieces.iter().filter(is_inside).copied().collect();
    Common {
        points: shared_points(&cut, count, &kept),
        lines: lines_of(&cut, &kept),
        polygon: None,
    }
}

fn of_polygons(left: &Polygon, right: &Polygon) -> Common {
    let overlay = Overlay::covered_by(&[left, right], 2);
    let count = left.vertex_count();
    let bounding: HashSet<(usize, usize)> = overlay
        .boundary
        .iter()
        .map(|piece| undirected(*piece))
        .collect();
    let in_right = pieces_from(&overlay.cut, count);
    // Borders that touch from both sides have a line in common, but no area.
    let is_touching = |piece: &&Piece| {
        let ends = undirected(**piece);
        piece.edge < count && in_right.contains(&ends) && !bounding.contains(&ends)
    };
    let touching: Vec<Piece> = overlay
        .cut
        .pieces
        .iter()
        .filter(is_touching)
        .copied()
        .collect();
    let kept = [overlay.boundary.as_slice(), touching.as_slice()].concat();
    Common {
        points: shared_points(&overlay.cut, count, &kept),
        lines: lines_of(&overlay.cut, &touching),
        polygon: Some(overlay.polygon()),
    }
}
