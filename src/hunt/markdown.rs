//! Finds the queries of a Markdown text: fenced code whose language is KQL.
//!
//! Only fences are looked for, wherever they are indented or quoted; the rest of Markdown is left
//! alone. Each fence is a query of its own.

use crate::yaml::Excerpt;

/// Words after a fence that say that it holds KQL, whatever their letter case.
const LANGUAGES: [&str; 3] = ["kql", "kusto", "csl"];
/// Shortest run of backticks or tildes that is a fence.
const FENCE_MIN: usize = 3;

/// The queries of a text, without those fences that are empty.
pub(super) fn queries(text: &str) -> Vec<Excerpt> {
    let mut queries = Vec::new();
    let mut open: Option<Fence> = None;
    let mut lines: Vec<(usize, &str)> = Vec::new();
    let mut offset = 0;
    for line in text.split_inclusive('\n') {
        let start = offset;
        offset += line.len();
        let line = line.trim_end_matches(['\n', '\r']);
        match &open {
            None => open = Fence::opened_by(line),
            Some(fence) if fence.is_closed_by(line) => {
                queries.extend(fence.query(std::mem::take(&mut lines)));
                open = None;
            }
            Some(fence) => {
                let prefix = fence.prefix_of(line);
                lines.push((start + prefix, &line[prefix..]));
            }
        }
    }
    // A fence without end reaches to the end of the text.
    queries.extend(open.and_then(|fence| fence.query(lines)));
    queries
}

/// An open fence.
struct Fence {
    marker: char,
    length: usize,
    /// Characters before the fence: blanks, and `>` of quotations.
    prefix: usize,
    is_kql: bool,
}

impl Fence {
    fn opened_by(line: &str) -> Option<Self> {
        let (prefix, rest) = after_prefix(line);
        let marker = rest.chars().next().filter(|c| matches!(c, '`' | '~'))?;
        let info = rest.trim_start_matches(marker);
        let length = rest.len() - info.len();
        // Backticks behind backticks: code within a line, no fence.
        if length < FENCE_MIN || (marker == '`' && info.contains('`')) {
            return None;
        }
        let language = info.trim().trim_start_matches(['{', '.']);
        let language = language
            .split(|c: char| !c.is_alphanumeric())
            .next()
            .unwrap_or_default();
        let is_kql = LANGUAGES
            .into_iter()
            .any(|name| name.eq_ignore_ascii_case(language));
        Some(Self {
            marker,
            length,
            prefix,
            is_kql,
        })
    }

    fn is_closed_by(&self, line: &str) -> bool {
        let (_, rest) = after_prefix(line);
        let tail = rest.trim_start_matches(self.marker);
        rest.len() - tail.len() >= self.length && tail.trim().is_empty()
    }

    /// How much of a line within the fence stands before the text: at most what stands before the
    /// fence itself.
    fn prefix_of(&self, line: &str) -> usize {
        let (prefix, _) = after_prefix(line);
        prefix.min(self.prefix)
    }

    fn query(&self, lines: Vec<(usize, &str)>) -> Option<Excerpt> {
        let is_empty = lines.iter().all(|(_, line)| line.trim().is_empty());
        (self.is_kql && !is_empty).then(|| Excerpt::of_lines(lines))
    }
}

/// How many bytes of blanks, quotation marks and list bullets a line begins with, and what follows.
fn after_prefix(line: &str) -> (usize, &str) {
    let rest = line.trim_start_matches([' ', '\t', '>']);
    // `- ```kql`: a list item that begins with a fence.
    let item = rest
        .strip_prefix(['-', '*', '+'])
        .map(str::trim_start)
        .filter(|item| item.starts_with("```") || item.starts_with("~~~"));
    let rest = item.unwrap_or(rest);
    (line.len() - rest.len(), rest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use kql::span::Span;

    #[track_caller]
    fn check(text: &str, expected: &[&str]) {
        let found = queries(text);
        let texts: Vec<&str> = found.iter().map(Excerpt::text).collect();
        assert_eq!(texts, expected);
        for query in &found {
            let mut offset = 0;
            for line in query.text().split_inclusive('\n') {
                let line_span = Span::new(offset, offset + line.trim_end().len());
                offset += line.len();
                assert_eq!(query.file_span(line_span).text(text), line.trim_end());
            }
        }
    }

    #[test]
    fn fences_of_kql_are_queries() {
        check(
            "# T\n```kql\nT\n| take 1\n```\n\n``` Kusto\nU\n```\n~~~KQL {x=1}\nV\n~~~\n",
            &["T\n| take 1\n", "U\n", "V\n"],
        );
        check("```{.kusto .numberLines}\nT\n```", &["T\n"]);
        check("```sql\nselect 1\n```\n```\nT\n```\n", &[]);
        check("```kql\n\n```\n", &[]);
    }

    #[test]
    fn indentation_and_quotations_are_no_part_of_them() {
        check(
            "1. Do:\n\n   ```kql\n   T\n     | take 1\n  | x\n   ```\n",
            &["T\n  | take 1\n| x\n"],
        );
        check("> ```kql\r\n> T\r\n>   | x\r\n> ```\r\n", &["T\n  | x\n"]);
        check("- ```kql\n  T\n  ```\n", &["T\n"]);
    }

    #[test]
    fn a_longer_fence_holds_shorter_ones() {
        check("````kql\nT\n```\n| take 1\n````\n", &["T\n```\n| take 1\n"]);
        check("~~~\n```kql\nT\n```\n~~~\n", &[]);
        check("``` `kql` ```\nT\n", &[]);
        check("```kql\nT\n| take 1", &["T\n| take 1\n"]);
    }
}
