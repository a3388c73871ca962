//! A text cut out of a file, such as the header of a hunt or the query in a YAML text, with the way
//! from its places back to places of the file.

use kql::span::Span;

use super::node::Node;

/// A text cut out of a file, with the way back to places of the file.
#[derive(Clone, Debug)]
pub struct Excerpt {
    text: String,
    /// Offset in the excerpt and offset in the file of pieces, ascending.
    pieces: Vec<(usize, usize)>,
}

impl Excerpt {
    /// The whole file.
    pub fn whole(text: &str) -> Self {
        Self {
            text: text.to_owned(),
            pieces: vec![(0, 0)],
        }
    }

    /// Pieces of the file, one line each, with their offsets in the file.
    pub fn of_lines<'t>(lines: impl IntoIterator<Item = (usize, &'t str)>) -> Self {
        let mut text = String::new();
        let mut pieces = Vec::new();
        for (offset, line) in lines {
            pieces.push((text.len(), offset));
            text.push_str(line);
            text.push('\n');
        }
        Self { text, pieces }
    }

    /// The rest of the file from an offset on, without blank lines around it.
    pub fn of_piece(file: &str, start: usize) -> Self {
        let rest = file.get(start..).unwrap_or("");
        let begins = rest.len() - rest.trim_start_matches('\u{FEFF}').trim_start().len();
        Self {
            text: rest[begins..].trim_end().to_owned(),
            pieces: vec![(0, start + begins)],
        }
    }

    /// The text of a scalar, each line with its place where that can be told: escapes and folded
    /// lines have none of their own, they are at the scalar's begin.
    pub fn of_scalar(file: &str, node: &Node, text: &str) -> Self {
        let start = node.span.start as usize;
        let written = node.span.text(file);
        if let Some(at) = written.find(text).filter(|_| !text.is_empty()) {
            return Self {
                text: text.to_owned(),
                pieces: vec![(0, start + at)],
            };
        }
        let mut pieces = Vec::new();
        let mut done = 0;
        let mut offset = 0;
        for line in text.split_inclusive('\n') {
            let content = line.trim();
            if let Some(at) = written[done..]
                .find(content)
                .filter(|_| !content.is_empty())
            {
                let indent = line.len() - line.trim_start().len();
                pieces.push((offset, (start + done + at).saturating_sub(indent)));
                done += at + content.len();
            }
            offset += line.len();
        }
        if pieces.first().is_none_or(|(first, _)| *first > 0) {
            pieces.insert(0, (0, start));
        }
        Self {
            text: text.to_owned(),
            pieces,
        }
    }

    /// The text.
    pub fn text(&self) -> &str {
        &self.text
    }

    fn file_offset(&self, offset: usize) -> usize {
        let at = self.pieces.partition_point(|(start, _)| *start <= offset);
        match self.pieces.get(at.wrapping_sub(1)) {
            Some((start, file)) => file + (offset - start),
            None => offset,
        }
    }

    /// A place of the excerpt as a place of the file.
    pub fn file_span(&self, span: Span) -> Span {
        Span::new(
            self.file_offset(span.start as usize),
            self.file_offset(span.end as usize),
        )
    }
}
