//! Unions of polygons and of lines.

use std::collections::{HashMap, HashSet};

use super::super::json;
use super::super::udf::{Evaluate, code};
use super::geojson::Geometry;
use super::line::Line;
use super::overlay::Overlay;
use super::polygon::{Polygon, Region};
use super::vector::{Position, Vector};

/// Unions by name.
pub(super) fn find(name: &str) -> Option<Evaluate> {
    Some(match name {
        "geo_union_polygons_array" => code(|a| {
            let arrays = a.raw(0)?;
            a.optional_strings(|row, out| {
                union_of_array(arrays.get(row)?)?.geometry().write(out);
                Some(())
            })
        }),
        "geo_union_lines_array" => code(|a| {
            let arrays = a.raw(0)?;
            a.optional_strings(|row, out| {
                let lines = json::elements(arrays.get(row)?)?.map(Line::read);
                let lines: Vec<Line> = lines.collect::<Option<_>>()?;
                if lines.is_empty() {
                    return None;
                }
                Geometry::lines(union_of_lines(&lines)).write(out);
                Some(())
            })
        }),
        _ => return None,
    })
}

/// Reads a polygon or several, of which it gives the union.
pub(super) fn united(bag: &str) -> Option<Polygon> {
    union(Region::read(bag)?.polygons)
}

/// The union of all polygons in an array.
pub(super) fn union_of_array(array: &str) -> Option<Polygon> {
    let polygons: Option<Vec<Polygon>> = json::elements(array)?.map(united).collect();
    union(polygons?)
}

/// The union of polygons: the two with the fewest vertices first, and so on. The order decides
/// where the rings of the result start.
pub(super) fn union(polygons: Vec<Polygon>) -> Option<Polygon> {
    let mut queue: Vec<(usize, Polygon)> = Vec::with_capacity(polygons.len());
    for polygon in polygons {
        insert(&mut queue, polygon.vertex_count(), polygon);
    }
    loop {
        let (first_size, first) = queue.pop()?;
        let Some((second_size, second)) = queue.pop() else {
            return Some(first);
        };
        let both = Overlay::covered_by(&[&first, &second], 1).polygon();
        insert(&mut queue, first_size + second_size, both);
    }
}

/// Keeps the queue from large to small; of equal ones the newer comes out later.
fn insert(queue: &mut Vec<(usize, Polygon)>, size: usize, polygon: Polygon) {
    let position = queue.partition_point(|(held, _)| *held > size);
    queue.insert(position, (size, polygon));
}

/// The edges of all lines, each once, as chains that end where they meet others.
fn union_of_lines(lines: &[Line]) -> Vec<Vec<Position>> {
    let key = |v: Vector| [v.x, v.y, v.z].map(f64::to_bits);
    let mut seen = HashSet::new();
    let mut edges: Vec<(Vector, Vector)> = Vec::new();
    for (a, b) in lines.iter().flat_map(Line::edges) {
        let (from, to) = (key(a), key(b));
        if from != to && seen.insert((from.min(to), from.max(to))) {
            edges.push((a, b));
        }
    }
    chains(&edges)
        .into_iter()
        .map(|chain| chain.into_iter().map(Vector::position).collect())
        .collect()
}

/// Puts edges together where just one ends and one starts.
pub(super) fn chains(edges: &[(Vector, Vector)]) -> Vec<Vec<Vector>> {
    let key = |v: Vector| [v.x, v.y, v.z].map(f64::to_bits);
    let mut leaving: HashMap<[u64; 3], Vec<usize>> = HashMap::new();
    let mut arriving: HashMap<[u64; 3], usize> = HashMap::new();
    for (position, (from, to)) in edges.iter().enumerate() {
        leaving.entry(key(*from)).or_default().push(position);
        *arriving.entry(key(*to)).or_default() += 1;
    }
    let continued = |vertex: Vector| match leaving.get(&key(vertex)).map(Vec::as_slice) {
        Some([only]) if arriving.get(&key(vertex)) == Some(&1) => Some(*only),
        _ => None,
    };
    let mut is_used = vec![false; edges.len()];
    let mut chains = Vec::new();
    let starts = (0..edges.len()).filter(|edge| continued(edges[*edge].0).is_none());
    // What is left after the chains with an end are closed ones.
    for start in starts.chain(0..edges.len()) {
        let mut next = (!is_used[start]).then_some(start);
        let mut chain = Vec::new();
        while let Some(edge) = next.filter(|edge| !is_used[*edge]) {
            is_used[edge] = true;
            if chain.is_empty() {
                chain.push(edges[edge].0);
            }
            chain.push(edges[edge].1);
            next = continued(edges[edge].1);
        }
        if !chain.is_empty() {
            chains.push(chain);
        }
    }
    chains
}
