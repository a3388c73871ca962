//! The shortest matches of a pattern that is one chain, between each two nodes at its ends. From
//! each node at the left end, all states that can be reached are found in the order of their
//! distance, each with the ways that lead to it; the ways to the right end are the matches.

use std::collections::{HashMap, HashSet};

use datafusion::error::Result;
use kql::hir::{GraphCycles, GraphPaths};

use super::matches::{Match, Matches};
use super::pattern::{Pattern, Space};
use crate::node::whole::Work;

/// How far a walk along the pattern has come.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Position {
    /// The place for edges that it is in; behind the last at the right end.
    hop: usize,
    /// How many edges of that place it has followed, as far as that matters.
    length: usize,
    /// The distance from the start, if that matters.
    distance: usize,
    node: u32,
}

/// A position that was reached.
struct State {
    hop: usize,
    length: usize,
    distance: usize,
    node: u32,
    /// The states before this one.
    ways: Vec<Way>,
}

/// A state, and the edge from there; none where a place ends.
#[derive(Clone, Copy)]
struct Way {
    state: usize,
    edge: Option<u32>,
}

pub(super) fn search(
    pattern: &Pattern,
    space: &Space,
    matches: &mut Matches<'_>,
    work: &Work,
) -> Result<()> {
    let (Some(first), Some(last)) = (pattern.hops.first(), pattern.hops.last()) else {
        return Ok(());
    };
    let ends = space.candidates(last.right);
    let mut accounted = 0;
    for start in 0..space.node_count as u32 {
        work.check()?;
        if !space.takes_node(first.left, start) {
            continue;
        }
        let mut walk = Walk {
            pattern,
            space,
            is_any_way_fine: pattern.predicate.is_none()
                && pattern.hops.iter().all(|hop| hop.least <= 1),
            states: Vec::new(),
            known: HashMap::new(),
            found: HashSet::new(),
            size: 0,
            matches: &mut *matches,
            work,
        };
        walk.from(start, ends, &mut accounted)?;
    }
    Ok(())
}

struct Walk<'s, 'm, 'w> {
    pattern: &'s Pattern,
    space: &'s Space,
    /// Whether each shortest way is a match, so that longer ones need not be remembered.
    is_any_way_fine: bool,
    states: Vec<State>,
    known: HashMap<Position, usize>,
    /// Nodes at the right end that need no more matches.
    found: HashSet<u32>,
    /// Roughly what the states take.
    size: usize,
    matches: &'m mut Matches<'w>,
    work: &'s Work,
}

impl Walk<'_, '_, '_> {
    /// Finds the matches that start at a node, as long as fewer than `ends` ends are found.
    fn from(&mut self, start: u32, ends: usize, accounted: &mut usize) -> Result<()> {
        let mut layer = Vec::new();
        self.reach((0, 0, start), 0, None, &mut layer);
        let mut distance = 0;
        while !layer.is_empty() && self.found.len() < ends {
            // Where a place ends the next one starts: that is no edge away, so it is in the layer.
            let mut next = 0;
            while let Some(state) = layer.get(next) {
                self.end_place(*state, distance, &mut layer);
                next += 1;
            }
            for state in &layer {
                if self.states[*state].hop == self.pattern.hops.len() {
                    self.put_out(*state, start)?;
                }
            }
            distance += 1;
            let mut further = Vec::new();
            for state in layer {
                self.follow(state, distance, &mut further)?;
            }
            layer = further;
            self.work.grow(self.size.saturating_sub(*accounted))?;
            *accounted = self.size.max(*accounted);
        }
        Ok(())
    }

    /// Notes that a place, with so many of its edges followed, can be reached at a node.
    fn reach(
        &mut self,
        (hop, length, node): (usize, usize, u32),
        distance: usize,
        way: Option<Way>,
        layer: &mut Vec<usize>,
    ) {
        let least = self.pattern.hops.get(hop).map_or(0, |hop| hop.least);
        let fine = self.is_any_way_fine;
        let position = Position {
            hop,
            length: if fine { length.min(least) } else { length },
            distance: if fine { 0 } else { distance },
            node,
        };
        self.size += size_of::<Way>();
        if let Some(state) = self.known.get(&position) {
            let state = &mut self.states[*state];
            if state.distance == distance {
                state.ways.extend(way);
            }
            return;
        }
        self.size += 2 * size_of::<(Position, State)>();
        self.known.insert(position, self.states.len());
        layer.push(self.states.len());
        self.states.push(State {
            hop,
            length,
            distance,
            node,
            ways: way.into_iter().collect(),
        });
    }

    /// Goes on to the next place, if the one that the state is in may end there.
    fn end_place(&mut self, index: usize, distance: usize, layer: &mut Vec<usize>) {
        let state = &self.states[index];
        let Some(hop) = self.pattern.hops.get(state.hop) else {
            return;
        };
        if state.length >= hop.least && self.space.takes_node(hop.right, state.node) {
            let next = (state.hop + 1, 0, state.node);
            let way = Way {
                state: index,
                edge: None,
            };
            self.reach(next, distance, Some(way), layer);
        }
    }

    /// Follows the edges at a state.
    fn follow(&mut self, index: usize, distance: usize, layer: &mut Vec<usize>) -> Result<()> {
        let State {
            hop: place,
            length,
            node,
            ..
        } = self.states[index];
        let Some(hop) = self.pattern.hops.get(place) else {
            return Ok(());
        };
        let goes_on = length < hop.most && (length == 0 || self.space.takes_inner(place, node));
        if !goes_on {
            return Ok(());
        }
        let space = self.space;
        for (edge, next) in space.neighbours(place, hop.direction, false, node) {
            self.work.check()?;
            let way = Way {
                state: index,
                edge: Some(edge),
            };
            self.reach((place, length + 1, next), distance, Some(way), layer);
        }
        Ok(())
    }

    /// Puts out the ways from the start to a state at the right end: one that is a match, or all.
    fn put_out(&mut self, end: usize, start: u32) -> Result<()> {
        let node = self.states[end].node;
        if self.found.contains(&node) {
            return Ok(());
        }
        // The ways are followed back to the start; each state with the next of its ways to try.
        let mut path: Vec<(usize, usize)> = vec![(end, 0)];
        while let Some((state, tried)) = path.last_mut() {
            self.work.check()?;
            let ways = &self.states[*state].ways;
            if let Some(way) = ways.get(*tried) {
                *tried += 1;
                path.push((way.state, 0));
                continue;
            }
            if ways.is_empty()
                && let Some(found) = self.match_of(&path, start)
                && self.matches.offer(found)?
            {
                self.found.insert(node);
                if self.pattern.paths == GraphPaths::AnyShortest {
                    return Ok(());
                }
            }
            path.pop();
        }
        Ok(())
    }

    /// The match of a way back to the start, unless it comes back to where it was.
    fn match_of(&self, path: &[(usize, usize)], start: u32) -> Option<Match> {
        let mut nodes = vec![None; self.pattern.nodes];
        let mut paths = vec![Vec::new(); self.pattern.hops.len()];
        let mut edges = HashSet::new();
        let mut visited = HashSet::from([start]);
        nodes[self.pattern.hops.first()?.left] = Some(start);
        for (state, tried) in path[..path.len() - 1].iter().rev() {
            let state = &self.states[*state];
            let way = state.ways[*tried - 1];
            let place = self.states[way.state].hop;
            let Some(edge) = way.edge else {
                let known = nodes[self.pattern.hops[place].right].get_or_insert(state.node);
                if *known != state.node {
                    return None;
                }
                continue;
            };
            paths[place].push((edge, state.node));
            let is_new = match self.pattern.cycles {
                GraphCycles::All => true,
                GraphCycles::UniqueEdges => edges.insert(edge),
                GraphCycles::None => visited.insert(state.node),
            };
            if !is_new {
                return None;
            }
        }
        let nodes = nodes.into_iter().map(Option::unwrap_or_default);
        Some(Match {
            nodes: nodes.collect(),
            paths,
        })
    }
}
