//! All matches of a pattern: places are filled one after the other, those that few nodes may
//! stand in first, and each edge from a node that is known already.

use datafusion::error::Result;
use kql::hir::GraphCycles;

use super::matches::{Match, Matches, Path};
use super::pattern::{Pattern, Space};
use crate::node::whole::Work;

/// What is done to fill the next place.
#[derive(Clone, Copy)]
enum Step {
    /// Tries all nodes in a place.
    Node(usize),
    /// Follows edges from a place whose node is known.
    Hop { hop: usize, is_leftward: bool },
}

pub(super) fn search(
    pattern: &Pattern,
    space: &Space,
    matches: &mut Matches<'_>,
    work: &Work,
) -> Result<()> {
    work.grow(space.edge_count + space.node_count * size_of::<u32>())?;
    let mut search = Search {
        pattern,
        space,
        steps: steps(pattern, space),
        nodes: vec![None; pattern.nodes],
        paths: vec![Vec::new(); pattern.hops.len()],
        is_used: vec![false; space.edge_count],
        visits: vec![0; space.node_count],
        matches,
        work,
    };
    search.step(0)
}

/// The order in which places are filled.
fn steps(pattern: &Pattern, space: &Space) -> Vec<Step> {
    let candidates: Vec<usize> = (0..pattern.nodes)
        .map(|place| space.candidates(place))
        .collect();
    let mut is_known = vec![false; pattern.nodes];
    let mut hops: Vec<usize> = (0..pattern.hops.len()).collect();
    let mut steps = Vec::new();
    loop {
        let next = hops
            .iter()
            .enumerate()
            .filter(|(_, hop)| {
                let hop = &pattern.hops[**hop];
                is_known[hop.left] || is_known[hop.right]
            })
            .min_by_key(|(_, hop)| {
                let hop = &pattern.hops[**hop];
                let closes = is_known[hop.left] && is_known[hop.right];
                (
                    !closes,
                    hop.most,
                    candidates[hop.left].min(candidates[hop.right]),
                )
            });
        if let Some((index, hop)) = next {
            let (left, right) = (pattern.hops[*hop].left, pattern.hops[*hop].right);
            let is_leftward = !is_known[left];
            steps.push(Step::Hop {
                hop: *hop,
                is_leftward,
            });
            is_known[left] = true;
            is_known[right] = true;
            hops.remove(index);
            continue;
        }
        let start = (0..pattern.nodes)
            .filter(|place| !is_known[*place])
            .min_by_key(|place| candidates[*place]);
        let Some(start) = start else { return steps };
        is_known[start] = true;
        steps.push(Step::Node(start));
    }
}

struct Search<'s, 'm> {
    pattern: &'s Pattern,
    space: &'s Space,
    steps: Vec<Step>,
    /// The node in each place so far.
    nodes: Vec<Option<u32>>,
    /// The edges in each place so far, each with the node behind it.
    paths: Vec<Path>,
    /// Which edges are in some place.
    is_used: Vec<bool>,
    /// How often the match so far comes to a node.
    visits: Vec<u32>,
    matches: &'s mut Matches<'m>,
    work: &'s Work,
}

impl Search<'_, '_> {
    fn step(&mut self, index: usize) -> Result<()> {
        match self.steps.get(index) {
            None => self.put_out(),
            Some(Step::Node(place)) => {
                let place = *place;
                for node in 0..self.space.node_count as u32 {
                    self.work.check()?;
                    self.place_node(place, node, index)?;
                }
                Ok(())
            }
            Some(Step::Hop { hop, is_leftward }) => {
                let (hop, is_leftward) = (*hop, *is_leftward);
                let from = if is_leftward {
                    self.pattern.hops[hop].right
                } else {
                    self.pattern.hops[hop].left
                };
                match self.nodes[from] {
                    Some(node) => self.walk(index, hop, is_leftward, node),
                    None => Ok(()),
                }
            }
        }
    }

    /// Goes on with a node in a place, if it may stand there.
    fn place_node(&mut self, place: usize, node: u32, index: usize) -> Result<()> {
        match self.nodes[place] {
            Some(known) if known == node => self.step(index + 1),
            Some(_) => Ok(()),
            None if !self.space.takes_node(place, node) => Ok(()),
            None => {
                self.nodes[place] = Some(node);
                let is_start = matches!(self.steps[index], Step::Node(_));
                self.visits[node as usize] += u32::from(is_start);
                let result = self.step(index + 1);
                self.visits[node as usize] -= u32::from(is_start);
                self.nodes[place] = None;
                result
            }
        }
    }

    /// Follows edges from a node that the path of this place has come to.
    fn walk(&mut self, index: usize, place: usize, is_leftward: bool, node: u32) -> Result<()> {
        self.work.check()?;
        let (pattern, space) = (self.pattern, self.space);
        let hop = &pattern.hops[place];
        let to = if is_leftward { hop.left } else { hop.right };
        let length = self.paths[place].len();
        if length >= hop.least {
            self.place_node(to, node, index)?;
        }
        let goes_on = length < hop.most && (length == 0 || space.takes_inner(place, node));
        let is_back = length > 0 && self.nodes[to] == Some(node);
        if !goes_on || (is_back && pattern.cycles == GraphCycles::None) {
            return Ok(());
        }
        for (edge, next) in space.neighbours(place, hop.direction, is_leftward, node) {
            let is_met = match pattern.cycles {
                GraphCycles::All => false,
                GraphCycles::UniqueEdges => self.is_used[edge as usize],
                // A place whose node is known is no cycle, unless the path goes on from there.
                GraphCycles::None => {
                    self.is_used[edge as usize]
                        || (self.visits[next as usize] > 0
                            && (self.nodes[to] != Some(next) || hop.left == hop.right))
                }
            };
            if is_met {
                continue;
            }
            let was_used = std::mem::replace(&mut self.is_used[edge as usize], true);
            self.visits[next as usize] += 1;
            self.paths[place].push((edge, next));
            self.walk(index, place, is_leftward, next)?;
            self.paths[place].pop();
            self.visits[next as usize] -= 1;
            self.is_used[edge as usize] = was_used;
        }
        Ok(())
    }

    fn put_out(&mut self) -> Result<()> {
        let mut paths = self.paths.clone();
        let nodes = self.nodes.iter().map(|node| node.unwrap_or_default());
        let nodes: Vec<u32> = nodes.collect();
        for step in &self.steps {
            if let Step::Hop {
                hop,
                is_leftward: true,
            } = step
            {
                let right = nodes[self.pattern.hops[*hop].right];
                paths[*hop] = turned(&paths[*hop], right);
            }
        }
        self.matches.push(Match { nodes, paths })
    }
}

/// A path that was followed from right to left, from left to right.
fn turned(path: &Path, right: u32) -> Path {
    let behind = path.iter().rev().skip(1).map(|(_, node)| *node);
    let edges = path.iter().rev().map(|(edge, _)| *edge);
    edges.zip(behind.chain([right])).collect()
}
