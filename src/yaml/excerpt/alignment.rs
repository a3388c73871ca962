//! Where the text of a YAML scalar stands in the file: block scalars without their indentation,
//! folded lines, quotes and escapes.
//!
//! The parser tells a scalar's text and where it begins and ends; here the text is found again in
//! what is written between. A scalar in the header of a `.kql` file has `//` before its lines.

use super::Piece;

/// The pieces of a scalar's `text` in `written`, the file from offset `start` on. What cannot be
/// found again is at the place where the search ended.
pub(super) fn align(written: &str, start: usize, is_block: bool, text: &str) -> Vec<Piece> {
    let mut alignment = Alignment {
        written,
        start,
        text,
        done: 0,
        pieces: Vec::new(),
    };
    let end = match written.as_bytes().first() {
        _ if is_block => alignment.block(),
        Some(b'"') => alignment.flow(1, Quotes::Double),
        Some(b'\'') => alignment.flow(1, Quotes::Single),
        _ => alignment.flow(0, Quotes::None),
    };
    let mut pieces = alignment.pieces;
    let found = alignment.done;
    if found < text.trim_end().len() || pieces.is_empty() {
        pieces.push(Piece::spot(found, start + end.min(written.len())));
    }
    if pieces[0].at > 0 {
        let first = pieces[0].file;
        pieces.insert(0, Piece::spot(0, first));
    }
    pieces
}

#[derive(Clone, Copy, PartialEq)]
enum Quotes {
    None,
    Single,
    Double,
}

struct Alignment<'t> {
    written: &'t str,
    /// Offset of `written` in the file.
    start: usize,
    text: &'t str,
    /// How much of `text` has been found.
    done: usize,
    pieces: Vec<Piece>,
}

impl Alignment<'_> {
    fn rest(&self) -> &str {
        &self.text[self.done..]
    }

    /// From here on, the text stands at offset `at` of what is written.
    fn piece(&mut self, at: usize) {
        self.pieces.push(Piece::run(self.done, self.start + at));
    }

    /// The first place at or after `done` where `content` stands with only blanks before it.
    fn place_of(&self, content: &str) -> Option<usize> {
        let rest = self.rest();
        let blanks = rest.len() - rest.trim_start().len();
        rest[blanks..]
            .starts_with(content)
            .then_some(self.done + blanks)
    }

    /// `|` and `>`: line by line, as the lines themselves are in the text.
    fn block(&mut self) -> usize {
        let mut offset = 0;
        for line in self.written.split_inclusive('\n') {
            let begin = offset;
            offset += line.len();
            let content = line.trim();
            if content.is_empty() {
                continue;
            }
            let uncommented = content.strip_prefix("//").map_or("", str::trim_start);
            let candidates = [content, uncommented];
            let found = candidates
                .into_iter()
                .filter(|content| !content.is_empty())
                .find_map(|content| Some((content, self.place_of(content)?)));
            let Some((content, mut place)) = found else {
                if uncommented.is_empty() && content.starts_with("//") {
                    continue;
                }
                return begin;
            };
            let mut at = begin + line.trim_end().len() - content.len();
            // The blanks before it that belong to the text.
            let blanks = |text: &str| text.len() - text.trim_end_matches([' ', '\t']).len();
            let same = blanks(&self.text[self.done..place]).min(blanks(&self.written[begin..at]));
            place -= same;
            at -= same;
            self.done = place;
            self.piece(at);
            self.done = place + same + content.len();
        }
        offset
    }

    /// Plain and quoted scalars: character by character; line breaks fold.
    fn flow(&mut self, mut at: usize, quotes: Quotes) -> usize {
        self.piece(at);
        while let Some(next) = self.written[at..].chars().next() {
            if self.rest().is_empty() {
                break;
            }
            let blanks = &self.written[at..];
            let blanks = &blanks[..blanks.len() - blanks.trim_start().len()];
            if blanks.contains('\n') {
                at = self.fold(at + blanks.len(), quotes);
                continue;
            }
            let length = match (quotes, next) {
                (Quotes::Single, '\'') => 2,
                (Quotes::Double, '\\') => escape_length(&self.written[at..]),
                _ => next.len_utf8(),
            };
            let Some(found) = self.rest().chars().next() else {
                break;
            };
            let is_escape = length != next.len_utf8();
            let continues = next == '\\'
                && self.written[at + 1..]
                    .trim_start_matches([' ', '\t', '\r'])
                    .starts_with('\n');
            if is_escape && continues {
                let rest = &self.written[at + 1..];
                at = self.fold(at + 1 + rest.len() - rest.trim_start().len(), quotes);
                continue;
            }
            if !is_escape && found != next {
                return at;
            }
            if is_escape {
                self.pieces.push(Piece::spot(self.done, self.start + at));
            }
            self.done += found.len_utf8();
            at = (at + length).min(self.written.len());
            if is_escape {
                self.piece(at);
            }
        }
        at
    }

    /// Goes on after a line break, at the first character of the next line.
    fn fold(&mut self, mut at: usize, quotes: Quotes) -> usize {
        let rest = self.rest();
        // An escaped blank at the begin of a line is the text's own.
        let is_escaped = quotes == Quotes::Double && self.written[at..].starts_with('\\');
        let next = if is_escaped {
            rest.trim_start_matches('\n').trim_start_matches(' ')
        } else {
            rest.trim_start()
        };
        self.done += rest.len() - next.len();
        if self.written[at..].starts_with("//") && !self.rest().starts_with("//") {
            let rest = &self.written[at + 2..];
            at += 2 + rest.len() - rest.trim_start().len();
        }
        self.piece(at);
        at
    }
}

/// How long the escape is that `written` begins with.
fn escape_length(written: &str) -> usize {
    match written.as_bytes().get(1) {
        Some(b'x') => 4,
        Some(b'u') => 6,
        Some(b'U') => 10,
        _ => 1 + written[1..].chars().next().map_or(0, char::len_utf8),
    }
}
