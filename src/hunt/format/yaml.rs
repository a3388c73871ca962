//! The block `query: |` of a YAML file. Queries that are written in another way are left alone:
//! to format them, their quotes and escapes would have to change as well.

use super::{Block, Formatted, lines};
use crate::yaml::{self, Excerpt};

/// The block with the query, if there is a query, or why it cannot be formatted.
pub(super) fn block(text: &str) -> Result<Option<Block>, &'static str> {
    let (document, _) = yaml::parse(text, &Excerpt::whole(text));
    let document = document.ok_or("it is not YAML")?;
    let Some(entry) = document.entry("query") else {
        return Ok(None);
    };
    let query = entry.node.as_text().ok_or("its `query` is no text")?;
    let other_form = "its query is not written as a block below `query: |`";

    let key_start = entry.key_span.start as usize;
    let key_line = text[..key_start]
        .rfind('\n')
        .map_or(0, |newline| newline + 1);
    let key_indent = key_start - key_line;
    let mut rest = lines(text).skip_while(|(start, ..)| *start < key_line);
    let (_, key_text, start) = rest.next().ok_or(other_form)?;
    if !key_text
        .trim_start_matches('\u{FEFF}')
        .get(key_indent..)
        .is_some_and(begins_block)
    {
        return Err(other_form);
    }
    let mut end = start;
    let mut indent = None;
    let mut content = Vec::new();
    let mut blank_lines = Vec::new();
    for (offset, line, next) in rest {
        let blanks = line.len() - line.trim_start_matches(' ').len();
        if blanks == line.len() {
            let cut = indent.unwrap_or(blanks).min(blanks);
            blank_lines.push((offset + cut, &line[cut..]));
            continue;
        }
        let indent = *indent.get_or_insert(blanks);
        if blanks < indent || indent <= key_indent {
            break;
        }
        content.append(&mut blank_lines);
        content.push((offset + indent, &line[indent..]));
        end = next;
    }
    let block = Block {
        lines: start..end,
        indent: " ".repeat(indent.unwrap_or(0)),
        query: Excerpt::of_lines(content),
    };
    if block.query.text().trim_end() != query.trim_end() || query.trim().is_empty() {
        return Err(other_form);
    }
    Ok(Some(block))
}

/// `query: |`, with or without `-`, `+` and a comment.
fn begins_block(line: &str) -> bool {
    let Some(indicator) = line.strip_prefix("query:").map(str::trim_start) else {
        return false;
    };
    let Some(rest) = indicator.strip_prefix('|') else {
        return false;
    };
    let rest = rest.strip_prefix(['-', '+']).unwrap_or(rest);
    rest.trim().is_empty() || rest.starts_with([' ', '\t']) && rest.trim_start().starts_with('#')
}

/// The file with its query formatted, if it is still the same but for the query.
pub(super) fn verified(before: &str, after: String) -> Formatted {
    let read = |text: &str| yaml::parse(text, &Excerpt::whole(text)).0;
    let keys = |text: &str| -> Vec<(String, String)> {
        let document = read(text);
        let entries = document.iter().flat_map(yaml::Node::entries);
        let others = entries.filter(|entry| entry.key != "query");
        others
            .map(|entry| (entry.key.clone(), entry.node.span.text(text).to_owned()))
            .collect()
    };
    let query = |text: &str| {
        let document = read(text)?;
        let query = document.entry("query")?.node.as_text()?.to_owned();
        kql::format::format(&query).ok()
    };
    if keys(before) == keys(&after) && query(before) == query(&after) {
        return Formatted::Text(after);
    }
    Formatted::Left("its query cannot be formatted without changing the rest of the file")
}
