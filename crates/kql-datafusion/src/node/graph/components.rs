//! Connected nodes, numbered from 0 in the order of the first node of each component.

use std::sync::Arc;

use arrow::array::{Array, Int64Array};
use datafusion::error::Result;

use super::data::{Adjacency, Data};
use crate::node::whole::Work;

impl Data {
    /// Adds a column with the number of its component to the nodes.
    pub(super) fn mark_components(&mut self, strong: bool, work: &Work) -> Result<()> {
        let nodes = self.keys.len();
        work.grow(4 * nodes * size_of::<u64>())?;
        let components = if strong {
            let out = Adjacency::new(nodes, &self.source, &self.target, work)?;
            strong_components(nodes, &out, work)?
        } else {
            self.weak_components(work)?
        };
        let mut numbers = vec![None; nodes];
        let mut next = 0;
        let column = components.iter().map(|component| {
            *numbers[*component as usize].get_or_insert_with(|| {
                next += 1;
                next - 1
            })
        });
        self.nodes
            .push(Arc::new(Int64Array::from_iter_values(column)));
        Ok(())
    }

    /// One node of the component of each, where edges connect both ways.
    fn weak_components(&self, work: &Work) -> Result<Vec<u32>> {
        let mut parents: Vec<u32> = (0..self.keys.len() as u32).collect();
        for (edge, (source, target)) in self.source.iter().zip(&self.target).enumerate() {
            if edge % 4096 == 0 {
                work.check()?;
            }
            let (source, target) = (root(&mut parents, *source), root(&mut parents, *target));
            parents[source.max(target) as usize] = source.min(target);
        }
        Ok((0..self.keys.len() as u32)
            .map(|node| root(&mut parents, node))
            .collect())
    }
}

/// The root of a node's tree, which gets shorter on the way.
fn root(parents: &mut [u32], mut node: u32) -> u32 {
    while parents[node as usize] != node {
        let parent = parents[node as usize];
        parents[node as usize] = parents[parent as usize];
        node = parents[node as usize];
    }
    node
}

/// One node of the component of each, where nodes of a component lead to each other: Tarjan's
/// algorithm without recursion.
fn strong_components(nodes: usize, out: &Adjacency, work: &Work) -> Result<Vec<u32>> {
    const UNSEEN: u32 = u32::MAX;
    let mut components = vec![UNSEEN; nodes];
    let mut order = vec![UNSEEN; nodes];
    let mut low = vec![0; nodes];
    let mut next = 0;
    let mut open = Vec::new();
    // Nodes on the way, each with the number of its edges that were followed.
    let mut path: Vec<(u32, usize)> = Vec::new();
    for start in 0..nodes as u32 {
        if order[start as usize] != UNSEEN {
            continue;
        }
        path.push((start, 0));
        while let Some((node, followed)) = path.pop() {
            work.check()?;
            let at = node as usize;
            if followed == 0 {
                order[at] = next;
                low[at] = next;
                next += 1;
                open.push(node);
            } else {
                let (_, child) = out.of(node)[followed - 1];
                if components[child as usize] == UNSEEN {
                    low[at] = low[at].min(low[child as usize]);
                }
            }
            if let Some((_, child)) = out.of(node).get(followed) {
                path.push((node, followed + 1));
                if order[*child as usize] == UNSEEN {
                    path.push((*child, 0));
                }
                continue;
            }
            if low[at] == order[at] {
                while let Some(member) = open.pop() {
                    components[member as usize] = node;
                    if member == node {
                        break;
                    }
                }
            }
        }
    }
    Ok(components)
}
