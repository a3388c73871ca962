//! Puts the queries of a file into their canonical form and leaves everything else in it as it is:
//! the header of a hunt, the other keys of YAML, the prose of Markdown.
//!
//! How a query is laid out is `kql::format`'s business; nothing here writes files.

mod markdown;
mod yaml;

use std::ops::Range;

use kql::diagnostic::Severity;
use kql::span::Span;

use super::file::HuntFile;
use crate::problem::{Problem, SourceFile};
use crate::yaml::Excerpt;

/// What became of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Formatted {
    /// The whole file with its queries in canonical form.
    Text(String),
    /// The file cannot be formatted, for this reason, which is no mistake.
    Left(&'static str),
}

/// Whole lines of a file that hold a query.
struct Block {
    /// The lines, the line end of the last one included.
    lines: Range<usize>,
    /// What stands before the query on each of them.
    indent: String,
    query: Excerpt,
}

/// Formats the queries of a file, YAML and Markdown by its extension. All of them or none: a
/// mistake in one is told and leaves the file alone.
pub fn format(file: &SourceFile) -> Result<Formatted, Vec<Problem>> {
    let extension = file
        .path
        .extension()
        .and_then(|extension| extension.to_str());
    match extension {
        Some("yaml" | "yml") => match yaml::block(&file.text) {
            Ok(Some(block)) => {
                let formatted = replace(file, &[block])?;
                Ok(yaml::verified(&file.text, formatted))
            }
            Ok(None) => Ok(Formatted::Text(file.text.to_string())),
            Err(reason) => Ok(Formatted::Left(reason)),
        },
        Some("md" | "markdown") => {
            let blocks = markdown::blocks(&file.text);
            replace(file, &blocks).map(Formatted::Text)
        }
        _ => format_kql(file),
    }
}

/// The query of a `.kql` file is all that follows the header.
fn format_kql(file: &SourceFile) -> Result<Formatted, Vec<Problem>> {
    let (hunt, problems) = HuntFile::parse(file.clone());
    let Some(hunt) = hunt else {
        return Err(problems);
    };
    let query = format_query(file, &hunt.query)?;
    let start = hunt.query.file_span(Span::at(0)).start as usize;
    let before = &file.text[..start.min(file.text.len())];
    let head = before.trim_end();
    if head.trim_start_matches('\u{FEFF}').is_empty() {
        return Ok(Formatted::Text(format!("{head}{query}")));
    }
    let is_apart = before[head.len()..].matches('\n').count() > 1 && !query.is_empty();
    let gap = if is_apart { "\n\n" } else { "\n" };
    let head = head.replace("\r\n", "\n");
    Ok(Formatted::Text(format!("{head}{gap}{query}")))
}

fn format_query(file: &SourceFile, query: &Excerpt) -> Result<String, Vec<Problem>> {
    kql::format::format(query.text()).map_err(|diagnostics| {
        let errors = diagnostics
            .into_iter()
            .filter(|diagnostic| diagnostic.severity == Severity::Error);
        errors
            .map(|mut error| {
                error.span = query.file_span(error.span);
                file.problem(error)
            })
            .collect()
    })
}

/// The file with its blocks formatted. Line ends stay what they are in the file.
fn replace(file: &SourceFile, blocks: &[Block]) -> Result<String, Vec<Problem>> {
    let newline = match file.text.split_once('\n') {
        Some((first, _)) if first.ends_with('\r') => "\r\n",
        _ => "\n",
    };
    let mut out = String::with_capacity(file.text.len() + file.text.len() / 8);
    let mut problems = Vec::new();
    let mut done = 0;
    for block in blocks {
        let query = match format_query(file, &block.query) {
            Ok(query) => query,
            Err(found) => {
                problems.extend(found);
                continue;
            }
        };
        out.push_str(&file.text[done..block.lines.start]);
        for line in query.lines() {
            if !line.is_empty() {
                out.push_str(&block.indent);
            }
            out.push_str(line);
            out.push_str(newline);
        }
        done = block.lines.end;
    }
    out.push_str(&file.text[done..]);
    if problems.is_empty() {
        Ok(out)
    } else {
        Err(problems)
    }
}

/// The lines of a text with the offsets at which they begin, without their line ends, and where
/// the next line begins.
fn lines(text: &str) -> impl Iterator<Item = (usize, &str, usize)> {
    let mut offset = 0;
    text.split_inclusive('\n').map(move |line| {
        let start = offset;
        offset += line.len();
        let line = line.strip_suffix('\n').unwrap_or(line);
        (start, line.strip_suffix('\r').unwrap_or(line), offset)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn formatted(name: &str, text: &str) -> String {
        let file = SourceFile::new(name, text);
        match format(&file) {
            Ok(Formatted::Text(formatted)) => {
                let again = format(&SourceFile::new(name, formatted.as_str())).unwrap();
                assert_eq!(again, Formatted::Text(formatted.clone()));
                formatted
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_header_of_a_hunt_stays_as_it_is() {
        let header = "// ---\n// name:  odd   spaces\n// window: {lookback: 1h}\n// ---\n";
        let text = format!("{header}\n\n\n// Why.\nT|where a==1\n\n");
        let expected = format!("{header}\n// Why.\nT\n| where a == 1\n");
        assert_eq!(formatted("a.kql", &text), expected);
        assert_eq!(formatted("a.csl", "\n T|take 1"), "T\n| take 1\n");
        assert_eq!(
            formatted("a.kql", "// ---\r\n// name: x\r\n// ---\r\nT|take 1\r\n"),
            "// ---\n// name: x\n// ---\nT\n| take 1\n"
        );
    }

    #[test]
    fn a_block_of_yaml_is_formatted_in_place() {
        let text = "name:   x   # why\nquery: |  # KQL\n    T|where a==1\n\n\n    ;U\n\nseverity:   high\n";
        assert_eq!(
            formatted("a.yaml", text),
            "name:   x   # why\nquery: |  # KQL\n    T\n    | where a == 1;\n    U\n\nseverity:   high\n"
        );
        assert_eq!(
            formatted("a.yml", "query: |-\r\n  T|take 1\r\nname: x\r\n"),
            "query: |-\r\n  T\r\n  | take 1\r\nname: x\r\n"
        );
        assert_eq!(formatted("a.yml", "name:  x\n"), "name:  x\n");
        assert_eq!(
            formatted("a.yml", "query: |\n  T|take 1"),
            "query: |\n  T\n  | take 1\n"
        );
    }

    #[test]
    fn yaml_that_cannot_be_formatted_in_place_is_left() {
        for text in [
            "query: T | take 1\n",
            "query: >\n  T\n  | take 1\n",
            "query: \"T | take 1\"\n",
            "query: |2\n    T\n  | take 1\n",
            "{query: T}\n",
            "a: [\n",
        ] {
            let file = SourceFile::new("a.yaml", text);
            assert!(matches!(format(&file), Ok(Formatted::Left(_))), "{text}");
        }
    }

    #[test]
    fn fences_of_markdown_are_formatted_in_place() {
        let text = "# A  title\n\n```kql\nT|take 1\n```\n\n* item\n\n  ~~~kusto\n  T|take 2\n\n  ~~~\n\n\
                    ```sql\nselect  1\n```\n```kql\n```\n> ```kql\n> T|take 3\n> ```\n";
        assert_eq!(
            formatted("a.md", text),
            "# A  title\n\n```kql\nT\n| take 1\n```\n\n* item\n\n  ~~~kusto\n  T\n  | take 2\n  ~~~\n\n\
             ```sql\nselect  1\n```\n```kql\n```\n> ```kql\n> T|take 3\n> ```\n"
        );
    }

    #[test]
    fn mistakes_are_told_with_their_places() {
        for (name, text, line, column) in [
            ("a.kql", "// ---\n// name: x\n// ---\nT | were a\n", 4, 5),
            ("a.yaml", "name: x\nquery: |\n  T\n  | were a\n", 4, 5),
            (
                "a.md",
                "```kql\nT|take 1\n```\n```kql\nT | were a\n```\n",
                5,
                5,
            ),
        ] {
            let problems = format(&SourceFile::new(name, text)).unwrap_err();
            assert_eq!(problems.len(), 1);
            let start = problems[0].positions().0;
            assert_eq!((start.line, start.column), (line, column), "{name}");
        }
    }
}
