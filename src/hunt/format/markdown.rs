//! The fences of a Markdown file that hold KQL. Those in quotations are left alone, as are those
//! whose lines are indented less than the fence.

use super::{Block, lines};
use crate::yaml::Excerpt;

/// Words behind a fence that say that it holds KQL.
const LANGUAGES: [&str; 3] = ["kql", "kusto", "csl"];
/// Shortest run of backticks or tildes that is a fence.
const FENCE_MIN: usize = 3;

/// The fences with queries in them, in order.
pub(super) fn blocks(text: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut open: Option<Fence<'_>> = None;
    let mut content: Vec<(usize, &str)> = Vec::new();
    for (start, line, next) in lines(text) {
        let Some(fence) = &mut open else {
            open = Fence::opened_by(line, next);
            continue;
        };
        if fence.is_closed_by(line) {
            let is_empty = content.iter().all(|(_, line)| line.trim().is_empty());
            if fence.is_kql && !is_empty {
                blocks.push(Block {
                    lines: fence.content_start..start,
                    indent: fence.indent.to_owned(),
                    query: Excerpt::of_lines(content.drain(..)),
                });
            }
            content.clear();
            open = None;
        } else if let Some(inner) = line.strip_prefix(fence.indent) {
            content.push((start + fence.indent.len(), inner));
        } else if line.trim().is_empty() {
            content.push((start, ""));
        } else {
            fence.is_kql = false;
        }
    }
    blocks
}

/// A fence that is open.
struct Fence<'t> {
    indent: &'t str,
    marker: char,
    length: usize,
    is_kql: bool,
    /// Where the line behind it begins.
    content_start: usize,
}

impl<'t> Fence<'t> {
    fn opened_by(line: &'t str, next: usize) -> Option<Self> {
        let rest = line.trim_start_matches([' ', '\t']);
        let marker = rest.chars().next().filter(|c| matches!(c, '`' | '~'))?;
        let info = rest.trim_start_matches(marker);
        let length = rest.len() - info.len();
        // Backticks behind backticks are code within a line.
        if length < FENCE_MIN || (marker == '`' && info.contains('`')) {
            return None;
        }
        let language = info.split_whitespace().next().unwrap_or_default();
        let is_kql = LANGUAGES
            .iter()
            .any(|name| name.eq_ignore_ascii_case(language));
        Some(Self {
            indent: &line[..line.len() - rest.len()],
            marker,
            length,
            is_kql,
            content_start: next,
        })
    }

    fn is_closed_by(&self, line: &str) -> bool {
        let rest = line.trim();
        let length = rest.len() - rest.trim_start_matches(self.marker).len();
        length == rest.len() && length >= self.length
    }
}
