//! Takes a hunt's file apart: its header, its query, and the way from both back to places in the
//! file. What the settings mean is worked out in `build.rs`.

use kql::diagnostic::Diagnostic;
use kql::span::{LineIndex, Span};

use super::header::Header;
use crate::problem::{Problem, SourceFile, code};
use crate::yaml::{Excerpt, Node, Value, decode};

/// A hunt's file, taken apart.
#[derive(Clone, Debug)]
pub struct HuntFile {
    /// The file.
    pub file: SourceFile,
    /// Its settings.
    pub header: Header,
    /// The header as written, for places.
    pub document: Node,
    /// The KQL text with its places in the file.
    pub query: Excerpt,
}

impl HuntFile {
    /// Takes a file apart, YAML by its extension. Without a file where its header cannot be used.
    pub fn parse(file: SourceFile) -> (Option<Self>, Vec<Problem>) {
        let extension = file
            .path
            .extension()
            .and_then(|extension| extension.to_str());
        match extension {
            Some("yaml" | "yml") => Self::parse_yaml(file),
            _ => Self::parse_kql(file),
        }
    }

    /// Line of the file on which the query's first line stands.
    pub fn query_line(&self) -> u32 {
        let start = self.query.file_span(Span::at(0)).start;
        LineIndex::new(&self.file.text)
            .position(&self.file.text, start)
            .line
    }

    fn parse_yaml(file: SourceFile) -> (Option<Self>, Vec<Problem>) {
        let decoded = decode::<Header>(&file.text, &Excerpt::whole(&file.text), None);
        let mut problems = decoded.problems;
        let query = match decoded.document.entry("query").map(|entry| &entry.node) {
            Some(node) => node
                .as_text()
                .map(|text| Excerpt::of_scalar(&file.text, node, text)),
            None if decoded.value.is_some() => {
                let place = decoded.document.place([]);
                let problem = Diagnostic::error(code::MISSING_KEY, place, "`query` is missing");
                problems.push(problem.with_help("write the KQL below `query: |`"));
                None
            }
            None => None,
        };
        let document = decoded.document;
        let parts = decoded.value.zip(query);
        Self::assemble(
            file,
            parts.map(|(header, query)| (header, document, query)),
            problems,
        )
    }

    fn parse_kql(file: SourceFile) -> (Option<Self>, Vec<Problem>) {
        let parts = split(&file.text);
        let query = Excerpt::of_piece(&file.text, parts.query_start);
        let mut problems = Vec::new();
        if let Some(opened) = parts.never_closed {
            let message = "the header is not closed";
            problems.push(
                Diagnostic::error(code::SYNTAX, opened, message)
                    .with_help("end it with a line `// ---` before the query"),
            );
            return Self::assemble(file, None, problems);
        }
        let Some(header) = parts.header else {
            let document = Node {
                span: Span::at(parts.query_start),
                value: Value::Null,
                is_reference: false,
                is_block: false,
            };
            return Self::assemble(file, Some((Header::default(), document, query)), problems);
        };
        let decoded = decode::<Header>(&file.text, &header, None);
        problems.extend(decoded.problems);
        if let Some(entry) = decoded.document.entry("query") {
            let message = "`query` has no place in the header of a .kql file";
            problems.push(
                Diagnostic::error(code::UNKNOWN_KEY, entry.key_span, message)
                    .with_help("write the query below the header"),
            );
        }
        let document = decoded.document;
        let parts = decoded.value.map(|header| (header, document, query));
        Self::assemble(file, parts, problems)
    }

    fn assemble(
        file: SourceFile,
        parts: Option<(Header, Node, Excerpt)>,
        problems: Vec<Diagnostic>,
    ) -> (Option<Self>, Vec<Problem>) {
        let problems = problems
            .into_iter()
            .map(|problem| file.problem(problem))
            .collect();
        let hunt = parts.map(|(header, document, query)| Self {
            file,
            header,
            document,
            query,
        });
        (hunt, problems)
    }
}

struct Parts {
    header: Option<Excerpt>,
    query_start: usize,
    /// The line that opens a header without end.
    never_closed: Option<Span>,
}

/// Whether a text begins with the header of a hunt, or with what was meant to be one.
pub(super) fn has_header(text: &str) -> bool {
    let parts = split(text);
    parts.header.is_some() || parts.never_closed.is_some()
}

/// Splits the text of a `.kql` file. The header is between two lines `// ---`, the first of which
/// is the first line that is not empty.
fn split(text: &str) -> Parts {
    let mut lines = Vec::new();
    let mut opened: Option<Span> = None;
    let mut offset = 0;
    for line in text.split_inclusive('\n') {
        let start = offset;
        offset += line.len();
        let content = line.trim_end();
        let is_blank = content.trim_start_matches('\u{FEFF}').trim().is_empty();
        if opened.is_none() && is_blank {
            continue;
        }
        let comment = comment(content);
        let is_fence = comment.is_some_and(|(_, text)| text.trim() == "---");
        match (opened, comment) {
            (None, _) if is_fence => opened = Some(Span::new(start, start + content.len())),
            (Some(_), _) if is_fence => {
                return Parts {
                    header: Some(Excerpt::of_lines(lines)),
                    query_start: offset,
                    never_closed: None,
                };
            }
            (Some(_), Some((at, text))) => lines.push((start + at, text)),
            (Some(_), None) if is_blank => lines.push((start, "")),
            _ => break,
        }
    }
    Parts {
        header: None,
        query_start: 0,
        never_closed: opened,
    }
}

/// The text of a comment line after `//` and one blank, with its offset in the line.
fn comment(line: &str) -> Option<(usize, &str)> {
    let slashes = line.find("//")?;
    if !line[..slashes]
        .trim_start_matches('\u{FEFF}')
        .trim()
        .is_empty()
    {
        return None;
    }
    let text = &line[slashes + 2..];
    match text.strip_prefix(' ') {
        Some(text) => Some((slashes + 3, text)),
        None => Some((slashes + 2, text)),
    }
}
