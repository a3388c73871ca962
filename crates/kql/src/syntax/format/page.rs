//! Layouts and how they become lines: a group is printed on one line if it fits, else each of its
//! own line breaks is taken. Comments end lines wherever they stand. Knows nothing of queries.

use crate::span::Span;

use super::{INDENT, WIDTH};

/// A step of a layout.
#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    /// A piece of the text.
    Word(Span),
    /// A comment with a line of its own, or behind a word.
    OwnComment(Span),
    /// See [`Step::OwnComment`].
    CommentBehind(Span),
    /// A blank.
    Space,
    /// A blank, or a new line if its group is broken.
    Line,
    /// Nothing, or a new line if its group is broken.
    SoftLine,
    /// A new line, which breaks the groups around it.
    HardLine,
    /// An empty line in front of what follows.
    EmptyLine,
    /// One level deeper.
    Indent,
    /// One level back.
    Dedent,
    /// Begins a group.
    Begin {
        /// Whether something inside cannot stand on one line.
        broken: bool,
    },
    /// Ends a group.
    End,
}

/// Prints a layout over `text`.
pub(super) fn print(text: &str, mut steps: Vec<Step>) -> String {
    break_around_comments(&mut steps);
    let mut page = Page {
        text,
        out: String::with_capacity(text.len() + text.len() / 4),
        column: 0,
        indent: 0,
        line_indent: 0,
        broken: vec![true],
        gap: Gap::None,
    };
    for at in 0..steps.len() {
        page.step(&steps, at);
    }
    if !page.out.is_empty() {
        page.out.push('\n');
    }
    page.out
}

/// Marks the groups that cannot stand on one line: those with a line break that must be, and
/// those with a comment between two of their words. A comment before the first word of a group
/// or behind its last one does not count.
fn break_around_comments(steps: &mut [Step]) {
    struct Group {
        begin: usize,
        has_words: bool,
        broken: bool,
    }
    fn break_all(groups: &mut [Group], steps: &mut [Step]) {
        // What is around a broken group is broken already.
        for group in groups.iter_mut().rev().take_while(|group| !group.broken) {
            group.broken = true;
            steps[group.begin] = Step::Begin { broken: true };
        }
    }
    let mut groups: Vec<Group> = Vec::new();
    // How many of the groups had words before the last comment.
    let mut commented = 0;
    for at in 0..steps.len() {
        match steps[at] {
            Step::Begin { .. } => groups.push(Group {
                begin: at,
                has_words: false,
                broken: false,
            }),
            Step::End => {
                groups.pop();
                commented = commented.min(groups.len());
            }
            Step::HardLine => break_all(&mut groups, steps),
            Step::OwnComment(_) | Step::CommentBehind(_) => {
                let new = groups.iter().rev().take_while(|group| !group.has_words);
                commented = groups.len() - new.count();
            }
            Step::Word(_) => {
                break_all(&mut groups[..commented], steps);
                commented = 0;
                let new = groups.iter_mut().rev().take_while(|group| !group.has_words);
                new.for_each(|group| group.has_words = true);
            }
            _ => {}
        }
    }
}

/// What is to be written before the next word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Gap {
    None,
    Space,
    /// A line that a comment ended where nobody planned for it: what follows is indented.
    Continuation,
    Line,
    EmptyLine,
}

struct Page<'t> {
    text: &'t str,
    out: String,
    column: usize,
    indent: usize,
    /// Indentation of the line that [`Gap::Line`] begins.
    line_indent: usize,
    /// Whether each open group is broken; the page itself is.
    broken: Vec<bool>,
    gap: Gap,
}

impl Page<'_> {
    fn step(&mut self, steps: &[Step], at: usize) {
        let is_broken = self.broken.last().copied().unwrap_or(true);
        match steps[at] {
            Step::Word(span) => self.write(span),
            Step::OwnComment(span) => {
                // What follows begins where the line was meant to begin.
                let after = match self.gap {
                    Gap::Line | Gap::EmptyLine => Gap::Line,
                    _ if self.out.is_empty() => Gap::Line,
                    _ => Gap::Continuation,
                };
                if matches!(self.gap, Gap::None | Gap::Space) {
                    self.gap = Gap::Continuation;
                }
                self.write(span);
                self.gap = after;
            }
            Step::CommentBehind(span) => {
                if self.gap == Gap::None {
                    self.gap = Gap::Space;
                }
                self.write(span);
                self.gap = Gap::Continuation;
            }
            Step::HardLine => self.new_line(),
            Step::Line | Step::SoftLine if is_broken => self.new_line(),
            Step::Space | Step::Line => self.space(),
            Step::SoftLine => {}
            Step::EmptyLine => self.gap = Gap::EmptyLine,
            Step::Indent => self.indent += 1,
            Step::Dedent => self.indent -= 1,
            Step::Begin { broken } => {
                let on_one_line = !broken && (!is_broken || self.fits(&steps[at + 1..]));
                self.broken.push(!on_one_line);
            }
            Step::End => {
                self.broken.pop();
            }
        }
    }

    fn space(&mut self) {
        if self.gap == Gap::None {
            self.gap = Gap::Space;
        }
    }

    fn new_line(&mut self) {
        if self.gap != Gap::EmptyLine {
            self.gap = Gap::Line;
        }
        self.line_indent = self.indent;
    }

    fn write(&mut self, span: Span) {
        let gap = std::mem::replace(&mut self.gap, Gap::None);
        let at_start = self.out.is_empty();
        match gap {
            Gap::None => {}
            _ if at_start => {}
            Gap::Space => {
                self.out.push(' ');
                self.column += 1;
            }
            Gap::Continuation => self.begin_line(self.indent + 1),
            Gap::Line => self.begin_line(self.line_indent),
            Gap::EmptyLine => {
                self.out.push('\n');
                self.begin_line(self.line_indent);
            }
        }
        let written = span.text(self.text);
        self.out.push_str(written);
        match written.rsplit_once('\n') {
            Some((_, last)) => self.column = last.chars().count(),
            None => self.column += written.chars().count(),
        }
    }

    fn begin_line(&mut self, indent: usize) {
        self.out.push('\n');
        self.column = indent * INDENT;
        for _ in 0..self.column {
            self.out.push(' ');
        }
    }

    /// Whether the group that begins here, and what follows up to the next place for a line break,
    /// fits on the line.
    fn fits(&self, steps: &[Step]) -> bool {
        let mut column = match self.gap {
            Gap::None => self.column,
            Gap::Space => self.column + 1,
            Gap::Continuation => (self.indent + 1) * INDENT,
            Gap::Line | Gap::EmptyLine => self.line_indent * INDENT,
        };
        let mut inside = 1_usize;
        let mut has_words = false;
        for step in steps {
            match step {
                Step::Word(span) => {
                    let written = span.text(self.text);
                    let first_line = written.split_once('\n').map(|(first, _)| first);
                    column += first_line
                        .unwrap_or(written)
                        .chars()
                        .take(WIDTH + 1)
                        .count();
                    if column > WIDTH {
                        return false;
                    }
                    // What stands behind a text of several lines has no line to fit on.
                    if first_line.is_some() {
                        return inside == 0;
                    }
                    has_words = true;
                }
                Step::OwnComment(_) | Step::CommentBehind(_) if has_words => return true,
                Step::HardLine | Step::EmptyLine => return true,
                Step::Line | Step::SoftLine if inside == 0 => return true,
                Step::Space | Step::Line => column += 1,
                Step::Begin { .. } if inside > 0 => inside += 1,
                Step::Begin { .. }
                | Step::SoftLine
                | Step::Indent
                | Step::Dedent
                | Step::OwnComment(_)
                | Step::CommentBehind(_) => {}
                Step::End => inside = inside.saturating_sub(1),
            }
        }
        true
    }
}
