//! S2 cells of one level that cover lines or polygons, or all within a radius of them.

use std::rc::Rc;

use arrow::array::ArrayRef;
use datafusion::common::Result;

use super::super::arguments::Arguments;
use super::super::udf::{Evaluate, code};
use super::edge::distance;
use super::geohash::write_cells;
use super::input::{Shapes, optional_long, optional_real};
use super::line::Line;
use super::polygon::Region;
use super::predicate::{Meeting, meeting};
use super::s2cell::Cell;
use super::s2functions::{LEVEL_DEFAULT, level};
use super::vector::{EARTH_RADIUS_METERS, Vector};

/// Most cells of a shape.
const CELLS_MAX: usize = 65_536;

/// Most cells of one level that may be near the edges: more than are near in the end.
const NEAR_CELLS_MAX: usize = 4 * CELLS_MAX;

/// What counts as touching, in radians.
const TOUCH_DISTANCE: f64 = 1e-15;

/// Coverings by name.
pub(super) fn find(name: &str) -> Option<Evaluate> {
    Some(match name {
        "geo_line_to_s2cells" => code(|a| {
            let lines = Shapes::new(a, 0, Line::read)?;
            coverings(a, |row| {
                let line = lines.get(row)?;
                Some((line.edges().collect(), None))
            })
        }),
        "geo_polygon_to_s2cells" => code(|a| {
            let regions = Shapes::new(a, 0, Region::read)?;
            coverings(a, |row| {
                let region = regions.get(row)?;
                Some((region.edges().collect(), Some(region.into_owned())))
            })
        }),
        _ => return None,
    })
}

/// The edges of a shape, and what is inside of them if it is one of polygons.
type Shape = (Vec<(Vector, Vector)>, Option<Region>);

fn coverings(
    arguments: &Arguments<'_>,
    shape: impl Fn(usize) -> Option<Shape>,
) -> Result<ArrayRef> {
    let levels = optional_long(arguments, 1, LEVEL_DEFAULT);
    let radii = optional_real(arguments, 2, 0.0);
    arguments.optional_strings(|row, out| {
        let (level, radius) = (level(levels.get(row)?)?, radii.get(row)?);
        if !(0.0..=f64::MAX).contains(&radius) {
            return None;
        }
        let (edges, region) = shape(row)?;
        let mut covering = Covering {
            edges,
            region,
            level,
            radius: radius / EARTH_RADIUS_METERS + TOUCH_DISTANCE,
            cells: Vec::new(),
        };
        covering.run()?;
        write_cells(covering.cells.into_iter().map(Cell::token), out);
        Some(())
    })
}

/// The cells found so far.
struct Covering {
    edges: Vec<(Vector, Vector)>,
    region: Option<Region>,
    level: u32,
    radius: f64,
    cells: Vec<Cell>,
}

impl Covering {
    /// Finds all cells, level by level. `None` if there are too many.
    fn run(&mut self) -> Option<()> {
        let all: Rc<[usize]> = (0..self.edges.len()).collect();
        let faces = (0..6).map(|face| (Cell::face_cell(face), Rc::clone(&all)));
        let mut level: Vec<(Cell, Rc<[usize]>)> = faces.collect();
        while !level.is_empty() {
            let mut next = Vec::new();
            for (cell, edges) in level {
                self.add(cell, &edges, &mut next)?;
            }
            if next.len() > NEAR_CELLS_MAX {
                return None;
            }
            level = next;
        }
        self.cells.sort_unstable();
        Some(())
    }

    /// Adds a cell, or what is in it, if it is inside; its quarters are looked at next if one of
    /// the edges is near.
    fn add(
        &mut self,
        cell: Cell,
        edges: &[usize],
        next: &mut Vec<(Cell, Rc<[usize]>)>,
    ) -> Option<()> {
        let (center, corners) = (cell.center(), cell.corners());
        let reach = corners.iter().map(|c| center.angle(*c)).fold(0.0, f64::max);
        let is_near = |edge: &usize| {
            let (a, b) = self.edges[*edge];
            distance(center, a, b) <= reach + self.radius
        };
        let near: Rc<[usize]> = edges.iter().copied().filter(is_near).collect();
        if near.is_empty() {
            if self.is_inside(center) {
                self.add_all(cell)?;
            }
            return Some(());
        }
        if cell.level() < self.level {
            next.extend(cell.children()?.map(|child| (child, Rc::clone(&near))));
            return Some(());
        }
        let touches = |edge: &usize| self.is_near(cell, &corners, self.edges[*edge]);
        if near.iter().any(touches) || self.is_inside(center) {
            self.cells.push(cell);
        }
        (self.cells.len() <= CELLS_MAX).then_some(())
    }

    /// Adds all cells of the level in a cell.
    fn add_all(&mut self, cell: Cell) -> Option<()> {
        let divisions = self.level - cell.level();
        let count = 1_usize
            .checked_shl(2 * divisions)
            .filter(|_| divisions <= 8)?;
        if self.cells.len() + count > CELLS_MAX {
            return None;
        }
        let mut cells = vec![cell];
        for _ in 0..divisions {
            cells = cells
                .into_iter()
                .filter_map(Cell::children)
                .flatten()
                .collect();
        }
        self.cells.extend(cells);
        Some(())
    }

    fn is_inside(&self, point: Vector) -> bool {
        self.region
            .as_ref()
            .is_some_and(|region| region.contains(point))
    }

    /// Whether an edge comes as near to a cell as the radius.
    fn is_near(&self, cell: Cell, corners: &[Vector; 4], (a, b): (Vector, Vector)) -> bool {
        if Cell::at(a).parent(self.level) == cell {
            return true;
        }
        (0..4).any(|side| {
            let (from, to) = (corners[side], corners[(side + 1) % 4]);
            meeting(a, b, from, to) != Meeting::Apart
                || distance(from, a, b) <= self.radius
                || distance(a, from, to) <= self.radius
                || distance(b, from, to) <= self.radius
        })
    }
}
