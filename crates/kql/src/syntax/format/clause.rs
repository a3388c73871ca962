//! The layout of what has brackets, commas and conditions: operators with their clauses, lists,
//! chains of `and` and `or`, and every kind of bracket.

use std::ops::Range;

use crate::syntax::token::TokenKind as T;

use super::page::Step;
use super::sentence::Layout;
use super::shape::{self, Items, Queries, Stars};
use super::space::{self, Place, PlaceKind};

impl<'t> Layout<'_, 't> {
    /// The operator `operator`, which has `name_length` words, with its clauses.
    pub(super) fn operator(&mut self, range: Range<usize>, operator: &'t str, name_length: usize) {
        let words = self.words;
        let shape = shape::of(operator);
        let name_end = range.start + name_length;
        let mut head_end = space::properties_end(words, name_end, range.end, shape.properties);
        let mut place = Place {
            operator,
            head_end,
            stars_name: shape.stars == Stars::Name,
            all_properties: shape.properties == shape::Properties::All,
            query_bracket: self.query_bracket(range.clone(), shape.queries),
            ..Place::plain(shape)
        };
        // `sort by`, and `summarize by` without aggregates.
        let is_clause = |at: usize| self.clause_at(at, &place).is_some();
        let leads = |at: usize| {
            at < range.end
                && space::is_keyword(words, at, &place)
                && (is_clause(at) || words.name(at) == "by")
        };
        if leads(head_end) && place.operator != "parse-kv" {
            head_end += self
                .clause_at(head_end, &place)
                .map_or(1, |(_, length)| length);
        }
        let mut starts: Vec<usize> = words
            .outer(head_end..range.end)
            .filter(|at| self.clause_at(*at, &place).is_some())
            .collect();
        starts.push(range.end);
        if shape.items == Items::Graph {
            place = place.of_kind(PlaceKind::Graph);
        }
        self.run(range.start..head_end, &place.of_kind(PlaceKind::Expression));
        let is_pattern = |word: &str| matches!(operator, "parse" | "parse-where") && word == "with";
        if is_pattern(words.name(head_end - 1)) {
            return self.pattern(head_end..range.end, &place);
        }
        if starts.len() > 1 && starts[0] > head_end && self.holds_query(starts[0] - 1) {
            self.shared_bracket = Some(words.partner(starts[0] - 1));
        }
        self.list(head_end..starts[0], &place, shape.items);

        let place = place.of_kind(PlaceKind::Expression);
        for pair in starts.windows(2) {
            let (start, end) = (pair[0], pair[1]);
            let Some((word, length)) = self.clause_at(start, &place) else {
                continue;
            };
            // Queries in parentheses have their own lines: `on (`, `) on DeviceId`.
            let is_query = end == range.end && self.is_query_bracket(start + length, end, &place);
            let stays = is_query || start > 0 && self.holds_query(start - 1);
            if stays {
                self.put(Step::Space);
            } else {
                self.put(Step::Indent);
                self.put(Step::Line);
            }
            self.run(start..start + length, &place);
            if is_pattern(word) {
                self.pattern(start + length..end, &place);
            } else {
                let items = match shape.items {
                    Items::Graph | Items::Arrows => Items::Lines,
                    items => items,
                };
                self.list(start + length..end, &place, items);
            }
            if !stays {
                self.put(Step::Dedent);
            }
        }
    }

    /// The clause of its operator that begins at `at`, and how many words its name has.
    fn clause_at(&self, at: usize, place: &Place<'_>) -> Option<(&'t str, usize)> {
        let found = space::phrase(self.words, at, |word| place.shape.clauses.contains(&word))?;
        space::is_keyword(self.words, at, place).then_some(found)
    }

    /// Whether a clause is one bracket with operators or steps in it.
    fn is_query_bracket(&self, start: usize, end: usize, place: &Place<'_>) -> bool {
        let words = self.words;
        if words.kind(start) != T::OpenParen || words.partner(start) + 1 != end {
            return false;
        }
        let mut outer = words.outer(start + 1..end - 1);
        let word = words.name(start - 1);
        let holds_operators = matches!(place.shape.queries, Queries::Behind(name) if name == word);
        holds_operators
            || self.holds_query(end - 1)
            || outer.any(|at| words.kind(at) == T::Semicolon)
    }

    fn query_bracket(&self, range: Range<usize>, queries: Queries) -> Option<usize> {
        let last = range.end.checked_sub(1)?;
        let is_last = queries == Queries::Last && self.words.closes(last);
        is_last.then(|| self.words.partner(last))
    }

    /// Whether the bracket that closes at `close` holds a query.
    fn holds_query(&self, close: usize) -> bool {
        if self.words.kind(close) != T::CloseParen {
            return false;
        }
        let open = self.words.partner(close);
        let mut outer = self.words.outer(open + 1..close);
        outer.any(|at| self.words.kind(at) == T::Bar) || self.source_operator(open + 1).is_some()
    }

    /// What follows `parse … with`: a line for each text with the columns behind it.
    fn pattern(&mut self, range: Range<usize>, place: &Place<'t>) {
        let words = self.words;
        let place = place.of_kind(PlaceKind::Pattern);
        let mut start = range.start;
        self.put(Step::Begin { broken: false });
        self.put(Step::Indent);
        self.put(Step::Space);
        let starts: Vec<usize> = words.outer(range.clone()).collect();
        for at in starts {
            let begins = words.kind(at) == T::String && words.kind(at - 1) != T::String;
            if at > range.start && begins && words.kind(at - 1) != T::OpenBracket {
                self.run(start..at, &place);
                self.put(Step::Line);
                start = at;
            }
        }
        self.run(start..range.end, &place);
        self.put(Step::Dedent);
        self.put(Step::End);
    }

    /// The items of a clause, behind a blank or one a line.
    pub(super) fn list(&mut self, range: Range<usize>, place: &Place<'t>, items: Items) {
        if range.is_empty() {
            return;
        }
        let pieces = match items {
            Items::Brackets => self.brackets(range),
            _ => self
                .words
                .split(range, |at| self.words.kind(at) == T::Comma),
        };
        if let [only] = pieces.as_slice() {
            self.put(Step::Space);
            return self.item(only.clone(), place);
        }
        self.put(Step::Begin { broken: false });
        self.put(Step::Indent);
        for (number, piece) in pieces.into_iter().enumerate() {
            if number > 0 && items != Items::Brackets {
                self.word(piece.start - 1);
            }
            let hangs = number == 0 && items == Items::Hanging;
            self.put(if hangs { Step::Space } else { Step::Line });
            self.item(piece, place);
        }
        self.put(Step::Dedent);
        self.put(Step::End);
    }

    /// Pieces that end with a bracket each.
    fn brackets(&self, range: Range<usize>) -> Vec<Range<usize>> {
        let mut pieces = Vec::new();
        let mut start = range.start;
        for at in self.words.outer(range.clone()) {
            if self.words.closes(at) && at + 1 < range.end {
                pieces.push(start..at + 1);
                start = at + 1;
            }
        }
        pieces.push(start..range.end);
        pieces
    }

    pub(super) fn item(&mut self, range: Range<usize>, place: &Place<'t>) {
        let is_chain = place.kind == PlaceKind::Expression;
        let word = self.chain_word(range.clone()).filter(|_| is_chain);
        let Some(word) = word else {
            return self.run(range, place);
        };
        self.put(Step::Begin { broken: false });
        self.put(Step::Indent);
        self.chain(range, word, place);
        self.put(Step::Dedent);
        self.put(Step::End);
    }

    /// The word that joins the parts of a condition: `or`, else `and`.
    fn chain_word(&self, range: Range<usize>) -> Option<&'static str> {
        let mut found = None;
        for at in self.words.outer(range) {
            if self.joins(at, "or") {
                return Some("or");
            }
            if self.joins(at, "and") {
                found = Some("and");
            }
        }
        found
    }

    fn joins(&self, at: usize, word: &str) -> bool {
        self.words.name(at) == word
            && self.words.kind(at + 1) != T::Assign
            && at
                .checked_sub(1)
                .is_none_or(|before| self.words.kind(before) != T::Dot)
    }

    /// Conditions with a line break before each `word`.
    fn chain(&mut self, range: Range<usize>, word: &str, place: &Place<'t>) {
        let terms = self.words.split(range, |at| self.joins(at, word));
        for (number, term) in terms.into_iter().enumerate() {
            if number > 0 {
                self.put(Step::Line);
                self.word(term.start - 1);
                self.put(Step::Space);
            }
            self.item(term, place);
        }
    }

    /// Words one after the other; breaks lines in brackets only.
    pub(super) fn run(&mut self, range: Range<usize>, place: &Place<'t>) {
        let words = self.words;
        let start = range.start;
        for at in words.outer(range) {
            if at > start && space::between(words, at - 1, at, place) && !words.closes(at) {
                self.put(Step::Space);
            }
            if words.opens(at) {
                self.bracket(at, place);
            } else if !words.closes(at) {
                self.word(at);
            }
        }
    }

    fn bracket(&mut self, open: usize, around: &Place<'t>) {
        let words = self.words;
        let close = words.partner(open);
        let inner = open + 1..close;
        let before = open.checked_sub(1).unwrap_or(open);
        let word = words.name(before);
        let place = inside(word, around);
        let is_json = place.kind == PlaceKind::Json;
        let has = |kind| words.outer(inner.clone()).any(|at| words.kind(at) == kind);

        if words.kind(open) == T::OpenBrace && !is_json {
            return self.body(open, close);
        }
        if words.kind(open) == T::OpenBracket
            && words.kind(before) == T::CloseParen
            && space::lists_columns(words, before)
            && words.name(words.partner(before) - 1) == "datatable"
        {
            return self.rows(open, close, &place);
        }
        let holds_operators = match around.shape.queries {
            Queries::None => false,
            Queries::All => true,
            Queries::Last => around.query_bracket == Some(open),
            Queries::Behind(behind) => behind == word,
        };
        if has(T::Semicolon) {
            if holds_operators {
                self.body(open, close);
            } else {
                self.steps_of_scan(open, close, around);
            }
            return;
        }
        let is_query = words.kind(open) == T::OpenParen
            && (has(T::Bar) || holds_operators || self.source_operator(open + 1).is_some());
        let is_shared = self.shared_bracket == Some(open);
        if !is_shared {
            self.put(Step::Begin { broken: false });
        }
        self.word(open);
        if is_query {
            self.put(Step::Indent);
            self.put(Step::SoftLine);
            self.pipeline(inner, holds_operators, Step::Line);
            self.close_indented(close);
        } else if inner.is_empty() || self.is_hugged(open, close) {
            self.run(inner, &place);
            self.comments_inside(close);
            self.word(close);
        } else {
            self.put(Step::Indent);
            self.put(Step::SoftLine);
            // The value of a property may be a list of its own: `ycolumns=a, b`.
            let begins_item = |at: usize| {
                !place.all_properties || words.kind(at + 2) == T::Assign || at + 1 == close
            };
            let is_cut = |at: usize| words.kind(at) == T::Comma && begins_item(at);
            let items = words.split(inner, is_cut);
            let is_only = items.len() == 1;
            for (number, item) in items.into_iter().enumerate() {
                if number > 0 {
                    self.word(item.start - 1);
                    self.put(Step::Line);
                }
                let chain = self.chain_word(item.clone());
                match chain.filter(|_| is_only && place.kind == PlaceKind::Expression) {
                    // The brackets set it off already.
                    Some(word) => self.chain(item, word, &place),
                    None => self.item(item, &place),
                }
            }
            self.close_indented(close);
        }
        if !is_shared {
            self.put(Step::End);
        }
    }

    /// Whether what is inside of a bracket ends with a bracket of its own and is nothing else
    /// than that, perhaps with a name: `dynamic([…])`.
    fn is_hugged(&self, open: usize, close: usize) -> bool {
        let words = self.words;
        let named = usize::from(words.kind(open + 1) == T::Name && words.opens(open + 2));
        let inner = open + 1 + named;
        if !words.opens(inner) || words.partner(inner) + 1 != close {
            return false;
        }
        let commented = |at: usize| !words.comments_before(at).is_empty();
        let is_plain = !(open + 1..=inner).any(commented)
            && (open..inner).all(|at| words.comment_behind(at).is_none());
        is_plain && words.comment_behind(close - 1).is_none() && !commented(close)
    }

    /// Statements in braces.
    fn body(&mut self, open: usize, close: usize) {
        let words = self.words;
        let inner = open + 1..close;
        let is_long = words.outer(inner.clone()).any(|at| {
            let is_last = at + 1 == close;
            words.kind(at) == T::Bar || words.kind(at) == T::Semicolon && !is_last
        });
        self.put(Step::Begin { broken: false });
        self.word(open);
        self.put(Step::Indent);
        let line = if is_long { Step::HardLine } else { Step::Line };
        if !inner.is_empty() {
            self.put(line);
            self.statements(inner);
        }
        self.close_body(close, line);
        self.put(Step::End);
    }

    /// `(step a: condition; step b: condition => x = 1;)`
    fn steps_of_scan(&mut self, open: usize, close: usize, around: &Place<'t>) {
        let words = self.words;
        let place = Place {
            head_end: 0,
            ..*around
        };
        let steps = words.split(open + 1..close, |at| words.kind(at) == T::Semicolon);
        let count = steps.iter().filter(|step| !step.is_empty()).count();
        let line = if count > 1 {
            Step::HardLine
        } else {
            Step::SoftLine
        };
        self.put(Step::Begin { broken: false });
        self.word(open);
        self.put(Step::Indent);
        for step in steps {
            let end = step.end;
            if !step.is_empty() {
                self.put(line);
                self.step_of_scan(step, &place);
            }
            if end < close {
                self.word(end);
            }
        }
        self.close_indented(close);
        self.put(Step::End);
    }

    /// `step a: condition => x = 1, y = 2`
    fn step_of_scan(&mut self, range: Range<usize>, place: &Place<'t>) {
        let words = self.words;
        let is_arrow =
            |at: &usize| words.kind(*at) == T::Assign && words.kind(at + 1) == T::Greater;
        let arrow = words.outer(range.clone()).find(is_arrow);
        self.put(Step::Begin { broken: false });
        self.item(range.start..arrow.unwrap_or(range.end), place);
        if let Some(arrow) = arrow {
            self.put(Step::Indent);
            self.put(Step::Line);
            self.run(arrow..arrow + 2, place);
            self.list(arrow + 2..range.end, place, Items::Hanging);
            self.put(Step::Dedent);
        }
        self.put(Step::End);
    }

    /// The values of `datatable`, a row a line.
    fn rows(&mut self, open: usize, close: usize, place: &Place<'t>) {
        let words = self.words;
        let columns = words.partner(open - 1) + 1..open - 1;
        let is_comma = |at: usize| words.kind(at) == T::Comma;
        let width = words.split(columns, is_comma).len();
        let values = words.split(open + 1..close, is_comma);
        let is_table = width > 1 && values.len() > width;
        let line = if is_table {
            Step::HardLine
        } else {
            Step::SoftLine
        };
        self.put(Step::Begin { broken: false });
        self.word(open);
        self.put(Step::Indent);
        self.put(line);
        let last_row = values.len().saturating_sub(1) / width;
        for (number, value) in values.into_iter().enumerate() {
            let column = number % width;
            if number > 0 {
                self.word(value.start - 1);
                let is_after_last = value.is_empty() && number / width == last_row;
                if column > 0 {
                    self.put(Step::Line);
                } else if !is_after_last {
                    self.put(Step::Dedent);
                    self.put(Step::End);
                    self.put(if is_table { Step::HardLine } else { Step::Line });
                    self.put(Step::Begin { broken: false });
                    self.put(Step::Indent);
                }
            } else {
                self.put(Step::Begin { broken: false });
                self.put(Step::Indent);
            }
            self.item(value, place);
        }
        self.put(Step::Dedent);
        self.put(Step::End);
        self.close_indented(close);
        self.put(Step::End);
    }
}

/// Where the words inside of a bracket stand that follows `word`.
fn inside<'t>(word: &str, around: &Place<'t>) -> Place<'t> {
    let kind = match around.kind {
        PlaceKind::Expression | PlaceKind::Pattern if word == "dynamic" => PlaceKind::Json,
        PlaceKind::Pattern => PlaceKind::Expression,
        kind => kind,
    };
    let lists_tables = around.shape.stars == Stars::NameOfTable && word == "in";
    let has_steps = matches!(around.operator, "scan" | "facet");
    Place {
        kind,
        stars_name: around.stars_name || lists_tables,
        all_properties: word == "with" && !has_steps,
        ..Place::plain(shape::INSIDE)
    }
}
