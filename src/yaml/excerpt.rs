//! A text cut out of a file, such as the header of a hunt or the query in a YAML text, with the way
//! from its places back to places of the file.

mod alignment;

use kql::span::Span;

use super::node::Node;

/// A text cut out of a file, with the way back to places of the file.
#[derive(Clone, Debug)]
pub struct Excerpt {
    text: String,
    /// Where pieces of the text stand, ascending.
    pieces: Vec<Piece>,
}

/// Where the text from one place on stands in the file, up to the next piece.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Piece {
    /// Offset in the text.
    at: usize,
    /// Offset in the file.
    file: usize,
    /// Whether all of it is at that one place of the file.
    is_spot: bool,
}

impl Piece {
    /// Text that stands in the file as it is.
    fn run(at: usize, file: usize) -> Self {
        let is_spot = false;
        Self { at, file, is_spot }
    }

    /// Text that stands in the file as something else.
    fn spot(at: usize, file: usize) -> Self {
        let is_spot = true;
        Self { at, file, is_spot }
    }
}

impl Excerpt {
    /// The whole file.
    pub fn whole(text: &str) -> Self {
        Self {
            text: text.to_owned(),
            pieces: vec![Piece::run(0, 0)],
        }
    }

    /// Pieces of the file, one line each, with their offsets in the file.
    pub fn of_lines<'t>(lines: impl IntoIterator<Item = (usize, &'t str)>) -> Self {
        let mut text = String::new();
        let mut pieces = Vec::new();
        for (offset, line) in lines {
            pieces.push(Piece::run(text.len(), offset));
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
            pieces: vec![Piece::run(0, start + begins)],
        }
    }

    /// The text of a scalar, or what is left of it without the blanks around it.
    pub fn of_scalar(file: &str, node: &Node, text: &str) -> Self {
        let whole = node.as_text().unwrap_or(text);
        let start = node.span.start as usize;
        let skipped = whole.find(text).unwrap_or(0);
        let mut pieces: Vec<Piece> = Vec::new();
        let written = node.span.text(file);
        for piece in alignment::align(written, start, node.is_block, whole) {
            if piece.at > skipped {
                pieces.push(Piece {
                    at: piece.at - skipped,
                    ..piece
                });
                continue;
            }
            let ahead = if piece.is_spot { 0 } else { skipped - piece.at };
            pieces = vec![Piece {
                at: 0,
                file: piece.file + ahead,
                ..piece
            }];
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

    /// Where the character at an offset stands.
    fn file_offset(&self, offset: usize) -> usize {
        let next = self.pieces.partition_point(|piece| piece.at <= offset);
        self.offset_in(next, offset)
    }

    /// Where the text before an offset ends: not where the next piece begins.
    fn file_end(&self, offset: usize) -> usize {
        let next = self.pieces.partition_point(|piece| piece.at < offset);
        self.offset_in(next, offset)
    }

    fn offset_in(&self, next: usize, offset: usize) -> usize {
        match next.checked_sub(1).and_then(|at| self.pieces.get(at)) {
            Some(piece) if piece.is_spot => piece.file,
            Some(piece) => piece.file + (offset - piece.at),
            None => offset,
        }
    }

    /// A place of the excerpt as a place of the file.
    pub fn file_span(&self, span: Span) -> Span {
        let start = self.file_offset(span.start as usize);
        if span.start == span.end {
            return Span::at(start);
        }
        Span::new(start, self.file_end(span.end as usize).max(start))
    }
}

#[cfg(test)]
mod tests;
