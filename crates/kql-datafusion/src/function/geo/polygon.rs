//! Polygons with holes, alone or several, read from GeoJSON and checked by Kusto's rules. What
//! is left of several that overlap is found in `overlay.rs`.

use std::collections::HashSet;

use super::distance::is_edge;
use super::edge;
use super::geojson::Geometry;
use super::predicate::{Meeting, meeting};
use super::ring::Ring;
use super::sweep::near_pairs;
use super::vector::{EARTH_RADIUS_METERS, Position, Vector};

/// A ring that adds area or takes it away.
#[derive(Clone, Debug)]
pub(super) struct Border {
    pub(super) ring: Ring,
    pub(super) is_hole: bool,
}

impl Border {
    /// The vertices with the area on their left.
    pub(super) fn path(&self) -> Vec<Vector> {
        let mut path = self.ring.vertices().to_vec();
        if self.is_hole {
            path.reverse();
        }
        path
    }
}

/// A polygon: shells and the holes in them. Parts of one polygon never overlap.
#[derive(Clone, Debug, Default)]
pub(super) struct Polygon {
    pub(super) borders: Vec<Border>,
}

impl Polygon {
    /// The polygon of rings within rings; `None` if they cross or share edges.
    pub(super) fn new(rings: Vec<Ring>) -> Option<Self> {
        is_simple(&rings).then(|| Self::nested(rings))
    }

    /// The polygon of rings within rings that are known not to cross.
    pub(super) fn nested(rings: Vec<Ring>) -> Self {
        let is_hole = |position: usize| {
            let (a, b) = (rings[position].vertices()[0], rings[position].vertices()[1]);
            let inside = (a + b).normalized();
            let around = rings
                .iter()
                .enumerate()
                .filter(|(other, ring)| *other != position && ring.contains(inside));
            around.count() % 2 == 1
        };
        let holes: Vec<bool> = (0..rings.len()).map(is_hole).collect();
        let borders = rings.into_iter().zip(holes);
        Self {
            borders: borders
                .map(|(ring, is_hole)| Border { ring, is_hole })
                .collect(),
        }
    }

    /// Whether it contains a point; its vertices belong to it.
    pub(super) fn contains(&self, point: Vector) -> bool {
        self.covers(point)
            || self
                .borders
                .iter()
                .any(|border| border.ring.has_vertex(point))
    }

    /// Whether it contains a point, where borders belong to one side only.
    fn covers(&self, point: Vector) -> bool {
        let around = self.borders.iter().filter(|b| b.ring.contains(point));
        around.count() % 2 == 1
    }

    /// How many vertices its rings have.
    pub(super) fn vertex_count(&self) -> usize {
        let borders = self.borders.iter();
        borders.map(|border| border.ring.vertices().len()).sum()
    }

    /// The edges of all rings.
    pub(super) fn edges(&self) -> impl Iterator<Item = (Vector, Vector)> + '_ {
        self.borders.iter().flat_map(|border| border.ring.edges())
    }

    /// The area.
    pub(super) fn area_square_meters(&self) -> f64 {
        let area: f64 = self
            .borders
            .iter()
            .map(|border| {
                let area = border.ring.area();
                if border.is_hole { -area } else { area }
            })
            .sum();
        area * EARTH_RADIUS_METERS * EARTH_RADIUS_METERS
    }

    /// The length of all rings.
    pub(super) fn perimeter_meters(&self) -> f64 {
        let length: f64 = self.borders.iter().map(|border| border.ring.length()).sum();
        length * EARTH_RADIUS_METERS
    }

    /// The middle of its area.
    pub(super) fn centroid(&self) -> Option<Vector> {
        let mut sum = Vector::new(0.0, 0.0, 0.0);
        for border in &self.borders {
            let centroid = border.ring.centroid();
            sum = if border.is_hole {
                sum - centroid
            } else {
                sum + centroid
            };
        }
        (sum.length() > 0.0).then(|| sum.normalized())
    }

    /// The polygon as GeoJSON.
    pub(super) fn geometry(&self) -> Geometry {
        let mut polygons: Vec<Vec<Vec<Position>>> = Vec::new();
        let mut shells: Vec<&Ring> = Vec::new();
        for border in self.borders.iter().filter(|border| !border.is_hole) {
            polygons.push(vec![closed(border)]);
            shells.push(&border.ring);
        }
        for hole in self.borders.iter().filter(|border| border.is_hole) {
            let [a, b] = [0, 1].map(|position| hole.ring.vertices()[position]);
            let inside = (a + b).normalized();
            let around = (0..shells.len()).filter(|shell| shells[*shell].contains(inside));
            let shell = around.min_by(|a, b| shells[*a].area().total_cmp(&shells[*b].area()));
            if let Some(shell) = shell {
                polygons[shell].push(closed(hole));
            }
        }
        Geometry::polygons(polygons)
    }
}

/// The positions of a border from its first vertex around to it.
fn closed(border: &Border) -> Vec<Position> {
    let mut path = border.path();
    path.push(path[0]);
    path.into_iter().map(Vector::position).collect()
}

/// Whether no edges of the rings cross, and none occurs twice.
fn is_simple(rings: &[Ring]) -> bool {
    let edges: Vec<(Vector, Vector)> = rings.iter().flat_map(Ring::edges).collect();
    let mut is_simple = true;
    near_pairs(&edges, |first, second| {
        let ((a, b), (c, d)) = (edges[first], edges[second]);
        let is_shared = (a == c && b == d) || (a == d && b == c);
        is_simple = !is_shared && meeting(a, b, c, d) != Meeting::Cross;
        is_simple
    });
    is_simple
}

/// Polygons that may overlap.
#[derive(Clone, Debug)]
pub(super) struct Region {
    pub(super) polygons: Vec<Polygon>,
}

/// The positions of a polygon or several of them, each ring closed.
pub(super) fn read_positions(bag: &str) -> Option<Vec<Vec<Vec<Position>>>> {
    let polygons = match Geometry::read(bag)? {
        Geometry::Polygon(polygon) => vec![polygon],
        Geometry::MultiPolygon(polygons) => polygons,
        _ => return None,
    };
    let is_valid = !polygons.is_empty() && polygons.iter().all(|rings| !rings.is_empty());
    is_valid.then_some(polygons)
}

/// The ring of positions that end where they start, if it is one.
fn read_ring(positions: &[Position]) -> Option<Ring> {
    let mut vertices: Vec<Vector> = positions.iter().map(|p| p.vector()).collect();
    let last = vertices.pop()?;
    if vertices.len() < 3 || vertices[0] != last {
        return None;
    }
    let mut seen = HashSet::with_capacity(vertices.len());
    for (position, vertex) in vertices.iter().enumerate() {
        let next = vertices[(position + 1) % vertices.len()];
        let key = [vertex.x, vertex.y, vertex.z].map(f64::to_bits);
        if !seen.insert(key) || !is_edge(*vertex, next) {
            return None;
        }
    }
    Some(Ring::new(vertices))
}

impl Region {
    /// Reads a polygon or several.
    pub(super) fn read(bag: &str) -> Option<Self> {
        let polygons = read_positions(bag)?;
        let polygons = polygons.iter().map(|rings| {
            let rings: Option<Vec<Ring>> = rings.iter().map(|ring| read_ring(ring)).collect();
            Polygon::new(rings?)
        });
        Some(Self {
            polygons: polygons.collect::<Option<_>>()?,
        })
    }

    /// Whether one of the polygons contains a point.
    pub(super) fn contains(&self, point: Vector) -> bool {
        self.polygons.iter().any(|polygon| polygon.contains(point))
    }

    /// The edges of all polygons.
    pub(super) fn edges(&self) -> impl Iterator<Item = (Vector, Vector)> + '_ {
        self.polygons.iter().flat_map(Polygon::edges)
    }

    /// The point of the region closest to another, which is that one if it is inside.
    pub(super) fn closest_point(&self, point: Vector) -> Vector {
        if self.contains(point) {
            return point;
        }
        let on_edges = self.edges().map(|(a, b)| edge::closest_point(point, a, b));
        on_edges
            .min_by(|a, b| point.angle(*a).total_cmp(&point.angle(*b)))
            .unwrap_or(point)
    }

    /// The distance of a point, 0 inside.
    pub(super) fn distance_meters(&self, point: Vector) -> f64 {
        point.angle(self.closest_point(point)) * EARTH_RADIUS_METERS
    }
}
