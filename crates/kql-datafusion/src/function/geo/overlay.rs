//! Several polygons and lines at once: their edges are cut where they meet, each piece learns
//! how many polygons lie on its left and right, and the pieces chosen by that are put together
//! again. The functions are in `union.rs` and `intersection.rs`.
//!
//! Pieces keep the order of the edges they are cut from, and rings start where S2 starts them:
//! after the last edge of the input that they hold.

use std::collections::HashMap;

use super::edge::closest_point;
use super::polygon::Polygon;
use super::predicate::{Meeting, intersection, is_ordered, meeting};
use super::ring::Ring;
use super::sweep::near_pairs;
use super::vector::Vector;

/// Points closer than this are one: the error of computing where two edges cross.
const MERGE_DISTANCE: f64 = 2e-15;

/// A piece of an edge between vertices by number.
#[derive(Clone, Copy, Debug)]
pub(super) struct Piece {
    pub(super) from: usize,
    pub(super) to: usize,
    /// The edge it is a piece of.
    pub(super) edge: usize,
}

/// Edges cut where they meet.
pub(super) struct Pieces {
    pub(super) vertices: Vec<Vector>,
    /// In the order of the edges, and along each.
    pub(super) pieces: Vec<Piece>,
}

impl Pieces {
    /// Cuts edges.
    pub(super) fn cut(edges: &[(Vector, Vector)]) -> Self {
        let mut cuts: Vec<Vec<Vector>> = vec![Vec::new(); edges.len()];
        near_pairs(edges, |first, second| {
            let ((a, b), (c, d)) = (edges[first], edges[second]);
            let mut is_touching = false;
            for (end, position, from, to) in [(a, second, c, d), (b, second, c, d)]
                .into_iter()
                .chain([(c, first, a, b), (d, first, a, b)])
            {
                if end != from && end != to && is_on(end, from, to) {
                    cuts[position].push(end);
                    is_touching = true;
                }
            }
            if !is_touching && meeting(a, b, c, d) == Meeting::Cross {
                let point = intersection(a, b, c, d);
                cuts[first].push(point);
                cuts[second].push(point);
            }
            true
        });
        Self::of_cuts(edges, cuts)
    }

    fn of_cuts(edges: &[(Vector, Vector)], cuts: Vec<Vec<Vector>>) -> Self {
        let mut vertices = Vertices::default();
        for (a, b) in edges {
            vertices.number(*a);
            vertices.number(*b);
        }
        vertices.merge_near(cuts.iter().flatten().copied());
        let mut pieces = Vec::with_capacity(edges.len());
        for (edge, ((a, b), mut cuts)) in edges.iter().zip(cuts).enumerate() {
            let along = |point: &Vector| (*point - *a).length();
            cuts.sort_by(|first, second| along(first).total_cmp(&along(second)));
            let mut from = vertices.number(*a);
            for point in cuts.into_iter().chain([*b]) {
                let to = vertices.number(point);
                if to != from {
                    pieces.push(Piece { from, to, edge });
                    from = to;
                }
            }
        }
        Self {
            vertices: vertices.points,
            pieces,
        }
    }

    /// The middle of a piece.
    pub(super) fn middle(&self, piece: Piece) -> Vector {
        (self.vertices[piece.from] + self.vertices[piece.to]).normalized()
    }
}

/// Whether a point lies on an edge, as far as can be told.
fn is_on(point: Vector, from: Vector, to: Vector) -> bool {
    (closest_point(point, from, to) - point).length() <= MERGE_DISTANCE
}

/// Points by number.
#[derive(Default)]
struct Vertices {
    points: Vec<Vector>,
    numbers: HashMap<[u64; 3], usize>,
}

impl Vertices {
    fn number(&mut self, point: Vector) -> usize {
        let next = self.points.len();
        let number = *self.numbers.entry(key(point)).or_insert(next);
        if number == next {
            self.points.push(point);
        }
        number
    }

    /// Gives points that are close to one with a number, or to each other, the same number.
    fn merge_near(&mut self, added: impl Iterator<Item = Vector>) {
        let mut points: Vec<(Vector, Option<usize>)> =
            self.points.iter().copied().zip((0..).map(Some)).collect();
        points.extend(added.map(|point| (point, None)));
        points.sort_by(|(a, _), (b, _)| a.x.total_cmp(&b.x));
        for position in 0..points.len() {
            let (point, None) = points[position] else {
                continue;
            };
            let is_near =
                |other: &&(Vector, Option<usize>)| (other.0.x - point.x).abs() <= MERGE_DISTANCE;
            let before = points[..position].iter().rev().take_while(is_near);
            let after = points[position..].iter().take_while(is_near);
            let same = before.chain(after).find_map(|(other, number)| {
                number.filter(|_| (*other - point).length() <= MERGE_DISTANCE)
            });
            let number = match same {
                Some(number) => *self.numbers.entry(key(point)).or_insert(number),
                None => self.number(point),
            };
            points[position].1 = Some(number);
        }
    }
}

fn key(point: Vector) -> [u64; 3] {
    // Adding 0 turns -0 into 0, which is the same place.
    [point.x + 0.0, point.y + 0.0, point.z + 0.0].map(f64::to_bits)
}

/// Two vertices in either order.
pub(super) fn undirected(piece: Piece) -> (usize, usize) {
    (piece.from.min(piece.to), piece.from.max(piece.to))
}

/// How many polygons are to the left and right of a piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Sides {
    left: i32,
    right: i32,
}

/// What overlapping polygons have in common, or all they cover.
pub(super) struct Overlay {
    pub(super) cut: Pieces,
    /// The pieces that bound the result, with it on their left.
    pub(super) boundary: Vec<Piece>,
}

impl Overlay {
    /// The area that `count` of the polygons or more cover.
    pub(super) fn covered_by(polygons: &[&Polygon], count: i32) -> Self {
        let mut edges = Vec::new();
        let mut ring_of_edge = Vec::new();
        let mut rings: Vec<(&Ring, i32)> = Vec::new();
        for border in polygons.iter().flat_map(|polygon| &polygon.borders) {
            let path = border.path();
            for (position, from) in path.iter().enumerate() {
                edges.push((*from, path[(position + 1) % path.len()]));
                ring_of_edge.push(rings.len());
            }
            rings.push((&border.ring, if border.is_hole { -1 } else { 1 }));
        }
        let cut = Pieces::cut(&edges);
        let mut on_border: HashMap<(usize, usize), Vec<(Piece, usize)>> = HashMap::new();
        for piece in &cut.pieces {
            let held = on_border.entry(undirected(*piece)).or_default();
            held.push((*piece, ring_of_edge[piece.edge]));
        }
        let rings = Rings::new(rings);
        let degrees = degrees(&cut);
        let mut boundary = Vec::new();
        let mut last: Option<(Piece, Sides)> = None;
        for piece in &cut.pieces {
            let same = &on_border[&undirected(*piece)];
            // Only the first of several pieces in the same place speaks for all of them.
            if same[0].0.edge != piece.edge {
                last = None;
                continue;
            }
            let sides = match last {
                Some((before, sides))
                    if before.to == piece.from
                        && degrees[piece.from] == 2
                        && same.len() == 1
                        && ring_of_edge[before.edge] == ring_of_edge[piece.edge] =>
                {
                    sides
                }
                _ => sides_of(*piece, same, &rings, cut.middle(*piece)),
            };
            last = (same.len() == 1).then_some((*piece, sides));
            let (left, right) = (sides.left >= count, sides.right >= count);
            if left == right {
                continue;
            }
            let direction = if left {
                (piece.from, piece.to)
            } else {
                (piece.to, piece.from)
            };
            let highest = same
                .iter()
                .filter(|(other, _)| (other.from, other.to) == direction)
                .map(|(other, _)| *other)
                .next();
            boundary.extend(highest);
        }
        boundary.sort_by_key(|piece| piece.edge);
        Self { cut, boundary }
    }

    /// The result as a polygon.
    pub(super) fn polygon(&self) -> Polygon {
        let paths = trace(&self.cut.vertices, &self.boundary);
        Polygon::nested(paths.into_iter().map(Ring::new).collect())
    }
}

/// How many different pieces end at each vertex.
fn degrees(cut: &Pieces) -> Vec<usize> {
    let mut ends: Vec<(usize, usize)> = cut.pieces.iter().map(|p| undirected(*p)).collect();
    ends.sort_unstable();
    ends.dedup();
    let mut degrees = vec![0; cut.vertices.len()];
    for (from, to) in ends {
        degrees[from] += 1;
        degrees[to] += 1;
    }
    degrees
}

/// Counts the polygons beside a piece. A ring that the piece is part of lies on one side of it;
/// all others are on both sides or on none.
fn sides_of(piece: Piece, same: &[(Piece, usize)], rings: &Rings<'_>, middle: Vector) -> Sides {
    let mut sides = Sides { left: 0, right: 0 };
    for position in rings.near(middle) {
        let (ring, weight) = rings.all[position];
        match same.iter().find(|(_, held)| *held == position) {
            // The pieces of a shell have it on the left, those of a hole have it on the right.
            Some((other, _)) if (other.from == piece.from) == (weight > 0) => {
                sides.left += weight;
            }
            Some(_) => sides.right += weight,
            None if ring.contains(middle) => {
                sides.left += weight;
                sides.right += weight;
            }
            None => {}
        }
    }
    sides
}

/// Rings that are found by where they are. A buffer has thousands of small ones.
struct Rings<'a> {
    /// The rings, with 1 for a shell and -1 for a hole.
    all: Vec<(&'a Ring, i32)>,
    /// Where the small ones begin along an axis, in order.
    small: Vec<(f64, usize)>,
    /// The widest of these.
    width: f64,
    large: Vec<usize>,
}

impl<'a> Rings<'a> {
    fn new(all: Vec<(&'a Ring, i32)>) -> Self {
        let extents = all.iter().map(|(ring, _)| ring.extent(|v| v.x));
        let extents: Vec<(f64, f64)> = extents.collect();
        let mut widths: Vec<f64> = extents.iter().map(|(low, high)| high - low).collect();
        widths.sort_by(f64::total_cmp);
        let width = widths
            .get(widths.len() * 9 / 10)
            .map_or(0.0, |width| 2.0 * width);
        let (mut small, mut large) = (Vec::new(), Vec::new());
        for (position, (low, high)) in extents.into_iter().enumerate() {
            if high - low <= width {
                small.push((low, position));
            } else {
                large.push(position);
            }
        }
        small.sort_by(|(a, _), (b, _)| a.total_cmp(b));
        Self {
            all,
            small,
            width,
            large,
        }
    }

    /// The rings that a point may be in.
    fn near(&self, point: Vector) -> impl Iterator<Item = usize> + '_ {
        let start = self
            .small
            .partition_point(|(low, _)| *low < point.x - self.width);
        let small = self.small[start..].iter();
        let small = small.take_while(move |(low, _)| *low <= point.x);
        let near = small
            .map(|(_, ring)| *ring)
            .chain(self.large.iter().copied());
        near.filter(move |ring| self.all[*ring].0.is_near(point))
    }
}

/// Puts pieces together to closed paths that touch no vertex twice, in the order of their first
/// edge.
fn trace(vertices: &[Vector], boundary: &[Piece]) -> Vec<Vec<Vector>> {
    let mut leaving: HashMap<usize, Vec<usize>> = HashMap::new();
    for (position, piece) in boundary.iter().enumerate() {
        leaving.entry(piece.from).or_default().push(position);
    }
    let mut is_used = vec![false; boundary.len()];
    let mut loops: Vec<Vec<usize>> = Vec::new();
    for start in 0..boundary.len() {
        // The part of the path since it last met itself.
        let mut path: Vec<usize> = Vec::new();
        let mut next = (!is_used[start]).then_some(start);
        while let Some(position) = next {
            is_used[position] = true;
            path.push(position);
            let piece = boundary[position];
            if let Some(met) = path.iter().position(|p| boundary[*p].from == piece.to) {
                loops.push(path.split_off(met));
            }
            next = next_piece(vertices, boundary, &leaving, &is_used, piece);
            if path.is_empty() {
                break;
            }
        }
    }
    let mut rotated: Vec<(usize, Vec<Vector>)> = loops
        .into_iter()
        .filter(|path| path.len() > 2)
        .map(|path| rotate(vertices, boundary, &path))
        .collect();
    rotated.sort_by_key(|(first, _)| *first);
    rotated.into_iter().map(|(_, path)| path).collect()
}

/// The unused piece that leaves where another ends, the first one clockwise from it.
fn next_piece(
    vertices: &[Vector],
    boundary: &[Piece],
    leaving: &HashMap<usize, Vec<usize>>,
    is_used: &[bool],
    piece: Piece,
) -> Option<usize> {
    let (from, at) = (vertices[piece.from], vertices[piece.to]);
    let candidates = leaving.get(&piece.to)?.iter().copied();
    candidates
        .filter(|position| !is_used[*position])
        .reduce(|best, other| {
            let (best_to, other_to) = (boundary[best].to, boundary[other].to);
            if is_ordered(vertices[best_to], vertices[other_to], from, at) {
                other
            } else {
                best
            }
        })
}

/// The vertices of a path, from the one after its last edge of the input on, with the first of
/// its edges.
fn rotate(vertices: &[Vector], boundary: &[Piece], path: &[usize]) -> (usize, Vec<Vector>) {
    let edge = |position: usize| boundary[path[position % path.len()]].edge;
    let highest = (0..path.len()).map(edge).max().unwrap_or(0);
    let start = (0..path.len())
        .find(|position| edge(*position) == highest && edge(position + 1) != highest)
        .map_or(0, |position| position + 1);
    let around = (0..path.len()).map(|step| boundary[path[(start + step) % path.len()]]);
    let first = (0..path.len()).map(edge).min().unwrap_or(0);
    (first, around.map(|piece| vertices[piece.from]).collect())
}
