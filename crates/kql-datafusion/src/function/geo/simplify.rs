//! Lines and polygons with fewer points: points closer than the tolerance become one, and chains
//! of edges become single edges that pass each point they leave out within the tolerance. This
//! follows the S2 library, except that edges are not bent towards points they come close to.

use std::collections::{HashMap, HashSet};
use std::f64::consts::PI;

use super::super::json;
use super::super::udf::{Evaluate, code};
use super::direction::Window;
use super::edge;
use super::geojson::Geometry;
use super::input::{Shapes, optional_real};
use super::line::Line;
use super::polygon::{Border, Polygon};
use super::predicate::{is_ordered, sign};
use super::ring::Ring;
use super::s2cell::Cell;
use super::union::{chains, united};
use super::vector::{EARTH_RADIUS_METERS, Position, Vector};

/// The tolerance where none is given.
const TOLERANCE_DEFAULT_METERS: f64 = 10.0;

/// Largest tolerance as an angle: 70 degrees.
const TOLERANCE_MAX: f64 = 70.0 * PI / 180.0;

/// Longest edge that replaces others: beyond, it could leave them too far aside.
const EDGE_MAX: f64 = 0.859_6;

/// Simplifying functions by name.
pub(super) fn find(name: &str) -> Option<Evaluate> {
    Some(match name {
        "geo_line_simplify" => code(|a| {
            let lines = Shapes::new(a, 0, Line::read)?;
            let tolerances = optional_real(a, 1, TOLERANCE_DEFAULT_METERS);
            a.optional_strings(|row, out| {
                let tolerance = tolerance(tolerances.get(row)?)?;
                let lines = simplified_lines(&*lines.get(row)?, tolerance)?;
                Geometry::lines(lines).write(out);
                Some(())
            })
        }),
        "geo_polygon_simplify" => code(|a| {
            let polygons = Shapes::new(a, 0, united)?;
            let tolerances = optional_real(a, 1, TOLERANCE_DEFAULT_METERS);
            a.optional_strings(|row, out| {
                let tolerance = tolerance(tolerances.get(row)?)?;
                let polygon = polygons.get(row)?.into_owned();
                let simplified = simplified_polygons(vec![polygon], tolerance);
                combined(simplified)?.write(out);
                Some(())
            })
        }),
        "geo_simplify_polygons_array" => code(|a| {
            let arrays = a.raw(0)?;
            let tolerances = optional_real(a, 1, TOLERANCE_DEFAULT_METERS);
            a.optional_strings(|row, out| {
                let tolerance = tolerance(tolerances.get(row)?)?;
                let polygons = json::elements(arrays.get(row)?)?.map(united);
                let polygons: Vec<Polygon> = polygons.collect::<Option<_>>()?;
                combined(simplified_polygons(polygons, tolerance))?.write(out);
                Some(())
            })
        }),
        _ => return None,
    })
}

/// A tolerance in metres as an angle, if it is in range.
fn tolerance(meters: f64) -> Option<f64> {
    let angle = meters / EARTH_RADIUS_METERS;
    (0.0..=TOLERANCE_MAX).contains(&angle).then_some(angle)
}

/// Polygons as one geometry, `None` if nothing is left.
fn combined(polygons: Vec<Polygon>) -> Option<Geometry> {
    let mut parts = Vec::new();
    for polygon in polygons {
        match polygon.geometry() {
            Geometry::Polygon(part) => parts.push(part),
            Geometry::MultiPolygon(more) => parts.extend(more),
            _ => {}
        }
    }
    (!parts.is_empty()).then(|| Geometry::polygons(parts))
}

/// The parts of a line, simplified together; `None` if nothing is left.
fn simplified_lines(line: &Line, tolerance: f64) -> Option<Vec<Vec<Position>>> {
    let edges: Vec<(Vector, Vector)> = line.edges().filter(|(a, b)| a != b).collect();
    let paths = chains(&edges);
    let mut simplifier = Simplifier::new(paths.iter().flatten().copied(), tolerance);
    let snapped: Vec<Vec<usize>> = paths
        .iter()
        .map(|path| {
            let mut sites: Vec<usize> = path.iter().map(|v| simplifier.site_of(*v)).collect();
            sites.dedup();
            sites
        })
        .filter(|sites| sites.len() > 1)
        .collect();
    for sites in &snapped {
        simplifier.add_path(sites);
    }
    simplifier.run();
    let lines: Vec<Vec<Position>> = snapped
        .iter()
        .map(|sites| simplifier.kept(sites).map(Vector::position).collect())
        .collect();
    (!lines.is_empty()).then_some(lines)
}

/// Polygons, simplified together so that their common borders stay common. Those of which
/// nothing is left are left out; one that would cross itself stays as it is.
fn simplified_polygons(polygons: Vec<Polygon>, tolerance: f64) -> Vec<Polygon> {
    let paths: Vec<Vec<Vec<Vector>>> = polygons
        .iter()
        .map(|polygon| polygon.borders.iter().map(Border::path).collect())
        .collect();
    let mut simplifier = Simplifier::new(paths.iter().flatten().flatten().copied(), tolerance);
    let mut snapped: Vec<Vec<Vec<usize>>> = Vec::with_capacity(paths.len());
    for rings in &paths {
        let rings = rings.iter().map(|ring| {
            let sites = ring.iter().map(|vertex| simplifier.site_of(*vertex));
            without_spikes(sites.collect())
        });
        snapped.push(rings.filter(|ring| ring.len() > 2).collect());
    }
    for ring in snapped.iter().flatten() {
        let mut path = ring.clone();
        path.push(ring[0]);
        simplifier.add_path(&path);
    }
    simplifier.run();
    let mut simplified = Vec::with_capacity(polygons.len());
    for (rings, polygon) in snapped.iter().zip(polygons) {
        let rings = rings.iter().map(|ring| simplifier.kept_ring(ring));
        let rings: Vec<Ring> = rings.filter(|ring| ring.len() > 2).map(Ring::new).collect();
        if !rings.is_empty() {
            simplified.push(Polygon::new(rings).unwrap_or(polygon));
        }
    }
    simplified
}

/// A ring without repeated sites and without ways there and back.
fn without_spikes(ring: Vec<usize>) -> Vec<usize> {
    let mut path: Vec<usize> = Vec::with_capacity(ring.len());
    for site in ring {
        if path.last() == Some(&site) {
            continue;
        }
        if path.len() > 1 && path[path.len() - 2] == site {
            path.pop();
        } else {
            path.push(site);
        }
    }
    while path.len() > 1 && path.first() == path.last() {
        path.pop();
        if path.len() > 2 && path[1] == path[path.len() - 1] {
            path.remove(0);
        }
    }
    path
}

/// Points that stay, and the edges between them.
struct Simplifier {
    tolerance: f64,
    sites: Vec<Vector>,
    site_of: HashMap<[u64; 3], usize>,
    /// The points that became each site.
    members: Vec<Vec<Vector>>,
    leaving: Vec<Vec<usize>>,
    arriving: Vec<Vec<usize>>,
    is_left_out: Vec<bool>,
    grid: Grid,
}

impl Simplifier {
    /// Chooses sites: the points in the order of their S2 cells, but none within the tolerance
    /// of one before. The others become the closest site.
    fn new(points: impl Iterator<Item = Vector>, tolerance: f64) -> Self {
        let mut points: Vec<Vector> = points.collect();
        points.sort_by_cached_key(|point| Cell::at(*point));
        points.dedup();
        let (mut sites, mut grid) = (Vec::new(), Grid::new(tolerance));
        for point in &points {
            let is_near = |site: usize| point.angle(sites[site]) <= tolerance;
            if !grid.near(*point, tolerance).into_iter().any(is_near) {
                grid.add(*point, sites.len());
                sites.push(*point);
            }
        }
        let mut members = vec![Vec::new(); sites.len()];
        let mut site_of = HashMap::with_capacity(points.len());
        for point in points {
            let closest = grid
                .near(point, tolerance)
                .into_iter()
                .min_by(|a, b| point.angle(sites[*a]).total_cmp(&point.angle(sites[*b])));
            // Every point is a site or within the tolerance of one.
            let Some(site) = closest else { continue };
            site_of.insert(key(point), site);
            members[site].push(point);
        }
        Self {
            tolerance,
            leaving: vec![Vec::new(); sites.len()],
            arriving: vec![Vec::new(); sites.len()],
            is_left_out: vec![false; sites.len()],
            sites,
            site_of,
            members,
            grid,
        }
    }

    fn site_of(&self, point: Vector) -> usize {
        self.site_of.get(&key(point)).copied().unwrap_or(0)
    }

    fn add_path(&mut self, path: &[usize]) {
        for ends in path.windows(2) {
            self.leaving[ends[0]].push(ends[1]);
            self.arriving[ends[1]].push(ends[0]);
        }
    }

    /// Whether a site lies between just two others, so that an edge may leave it out.
    fn is_interior(&self, site: usize) -> bool {
        let (leaving, arriving) = (&self.leaving[site], &self.arriving[site]);
        let ends: HashSet<usize> = leaving.iter().chain(arriving).copied().collect();
        let count = |end: usize| {
            let all = leaving.iter().chain(arriving);
            all.filter(|other| **other == end).count()
        };
        let counts: Vec<usize> = ends.iter().map(|end| count(*end)).collect();
        leaving.len() == arriving.len() && counts.len() == 2 && counts[0] == counts[1]
    }

    /// Leaves out what can be: first in chains that start where several meet, then in closed
    /// ones.
    fn run(&mut self) {
        let is_interior: Vec<bool> = (0..self.sites.len()).map(|s| self.is_interior(s)).collect();
        let mut used = HashSet::new();
        for only_from_ends in [true, false] {
            for site in 0..self.sites.len() {
                let mut next = self.leaving[site].clone();
                next.sort_unstable();
                for second in next {
                    let is_start = !only_from_ends || !is_interior[site];
                    if is_start && !used.contains(&undirected(site, second)) {
                        self.simplify_chain(site, second, &is_interior, &mut used);
                    }
                }
            }
        }
    }

    fn simplify_chain(
        &mut self,
        start: usize,
        second: usize,
        is_interior: &[bool],
        used: &mut HashSet<(usize, usize)>,
    ) {
        let (mut from, mut to) = (start, second);
        loop {
            let mut window = Window::new(self.sites[from]);
            let first = from;
            self.avoid(first, from, to, &mut window);
            let is_done = loop {
                used.insert(undirected(from, to));
                if !is_interior[to] || to == start {
                    break true;
                }
                let next = self.leaving[to]
                    .iter()
                    .chain(&self.arriving[to])
                    .copied()
                    .find(|next| *next != from);
                let Some(next) = next.filter(|next| !used.contains(&undirected(to, *next))) else {
                    break true;
                };
                (from, to) = (to, next);
                let can_leave_out = self.members[from]
                    .iter()
                    .all(|point| window.pass(*point, self.tolerance))
                    && self.avoid(first, from, to, &mut window)
                    && window.allows(self.sites[to]);
                if !can_leave_out {
                    break false;
                }
                self.is_left_out[from] = true;
            };
            if is_done {
                return;
            }
        }
    }

    /// Demands that an edge from `first` that ends with the edge from `from` to `to` leaves all
    /// sites near it on their side. False if it can not.
    fn avoid(&self, first: usize, from: usize, to: usize, window: &mut Window) -> bool {
        let [start, before, end] = [first, from, to].map(|site| self.sites[site]);
        let (near, far) = (start.angle(before), start.angle(end));
        if far < near || far >= EDGE_MAX {
            return false;
        }
        let reach = 1.1 * self.tolerance + 0.5 * self.tolerance;
        let middle = (before + end).normalized();
        let around = self.grid.near(middle, before.angle(end) / 2.0 + reach);
        for site in around {
            let point = self.sites[site];
            let distance = start.angle(point);
            let is_beside = ![first, from, to].contains(&site)
                && distance > near
                && distance < far
                && edge::distance(point, before, end) <= reach;
            if !is_beside {
                continue;
            }
            let is_on_left = if first == from {
                sign(before, end, point) > 0
            } else {
                is_ordered(start, end, point, before)
            };
            if !window.avoid(point, 0.5 * self.tolerance, is_on_left) {
                return false;
            }
        }
        true
    }

    /// The sites of a path that are left.
    fn kept<'a>(&'a self, path: &'a [usize]) -> impl Iterator<Item = Vector> + 'a {
        let kept = path.iter().filter(|site| !self.is_left_out[**site]);
        kept.map(|site| self.sites[*site])
    }

    /// The sites of a ring that are left, from the one after the last edge of the input on.
    fn kept_ring(&self, ring: &[usize]) -> Vec<Vector> {
        let mut kept: Vec<Vector> = self.kept(ring).collect();
        if self.is_left_out[ring[0]] && !kept.is_empty() {
            kept.rotate_right(1);
        }
        kept
    }
}

fn undirected(a: usize, b: usize) -> (usize, usize) {
    (a.min(b), a.max(b))
}

fn key(point: Vector) -> [u64; 3] {
    [point.x, point.y, point.z].map(f64::to_bits)
}

/// Sites by the cubes of space they lie in.
struct Grid {
    side: f64,
    cubes: HashMap<[i64; 3], Vec<usize>>,
}

impl Grid {
    /// Cubes a bit larger than the tolerance, but not so small that there are too many.
    fn new(tolerance: f64) -> Self {
        Self {
            side: tolerance.max(1e-9) * 2.0,
            cubes: HashMap::new(),
        }
    }

    fn cube(&self, value: f64) -> i64 {
        (value / self.side).floor() as i64
    }

    fn add(&mut self, point: Vector, site: usize) {
        let cube = [point.x, point.y, point.z].map(|value| self.cube(value));
        self.cubes.entry(cube).or_default().push(site);
    }

    /// All sites that may be within a distance, and some others.
    fn near(&self, point: Vector, distance: f64) -> Vec<usize> {
        let ranges = [point.x, point.y, point.z]
            .map(|value| (self.cube(value - distance), self.cube(value + distance)));
        let count: f64 = ranges
            .iter()
            .map(|(low, high)| (high - low + 1) as f64)
            .product();
        if count >= self.cubes.len() as f64 {
            let is_in_range = |cube: &[i64; 3]| {
                cube.iter()
                    .zip(ranges)
                    .all(|(at, (low, high))| (low..=high).contains(at))
            };
            let cubes = self.cubes.iter().filter(|(cube, _)| is_in_range(cube));
            let mut near: Vec<usize> = cubes.flat_map(|(_, sites)| sites.clone()).collect();
            near.sort_unstable();
            return near;
        }
        let mut near = Vec::new();
        let [xs, ys, zs] = ranges;
        for x in xs.0..=xs.1 {
            for y in ys.0..=ys.1 {
                for z in zs.0..=zs.1 {
                    near.extend(self.cubes.get(&[x, y, z]).into_iter().flatten());
                }
            }
        }
        near
    }
}
