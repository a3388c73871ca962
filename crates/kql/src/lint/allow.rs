//! Comments that allow findings, each with its reason:
//!
//! ```text
//! // huntd: allow-file KQL407 the whole table is what we export
//! DeviceEvents
//! // huntd: allow KQL402, KQL406 parts of words are meant
//! | where AdditionalFields contains "Add-MpPreference"
//! | sort by Timestamp // huntd: allow KQL410 people read this one
//! ```
//!
//! A comment behind code is about its line, one on a line of its own about the next line with
//! code. Comments of Microsoft's kql-guard are understood as well. Errors cannot be allowed.

use std::collections::BTreeMap;

use crate::diagnostic::{Diagnostic, Severity, did_you_mean};
use crate::span::{LineIndex, Span};
use crate::syntax::Parse;

use super::context::LintContext;
use super::rule::{RULES, Rule, rule, rules};

pub(super) const UNEXPLAINED_ALLOW: Rule = Rule {
    code: "KQL429",
    name: "unexplained-allow",
    guard: None,
    cost: 0,
    summary: "a comment allows a finding and does not say why",
    explanation: "`// huntd: allow KQL402` hides a finding from everyone who comes later. Write \
        the reason behind the codes, so that they can tell whether it still holds.",
    bad: "DeviceEvents // huntd: allow KQL407",
    good: "DeviceEvents // huntd: allow KQL407 the whole table is exported",
    check: found_with_the_comments,
};

pub(super) const IDLE_ALLOW: Rule = Rule {
    code: "KQL430",
    name: "idle-allow",
    guard: None,
    cost: 0,
    summary: "a comment allows a finding that there is not",
    explanation: "The comment names a code that does not exist, an error, which cannot be \
        allowed, or a finding that its line does not have: it was fixed, or the comment stands \
        in the wrong place. A comment behind code is about its line, one on a line of its own \
        about the next line with code, and `allow-file` about all of the query.",
    bad: "// huntd: allow KQL407 the whole table is exported\n\
        DeviceEvents | where ActionType == \"x\"",
    good: "DeviceEvents | where ActionType == \"x\"",
    check: found_with_the_comments,
};

/// Warnings that do not come from rules.
const OTHER_WARNINGS: [&str; 4] = ["KQL118", "KQL221", "KQL223", "KQL224"];

/// Findings about comments come about when comments are applied.
fn found_with_the_comments(_: &super::subject::Subject<'_>, _: &mut Vec<Diagnostic>) {}

/// One code of one comment.
struct Allowance {
    /// The code; empty for all rules that kql-guard has.
    code: &'static str,
    /// Where it is written.
    span: Span,
    /// The line it is about; none: all.
    line: Option<u32>,
    /// Whether it is ours, which has to be of use.
    is_ours: bool,
    is_used: bool,
}

/// Leaves out what comments allow, and adds what is to be said about the comments.
pub(super) fn apply(
    text: &str,
    parse: &Parse,
    is_complete: bool,
    found: Vec<Diagnostic>,
    context: &LintContext,
) -> Vec<Diagnostic> {
    let is_on = |code| !context.disabled.contains(code);
    let mut reader = Reader {
        text,
        lines: LineIndex::new(text),
        comments: by_line(text, &parse.comments),
        allowances: Vec::new(),
        found: Vec::new(),
    };
    for comment in &parse.comments {
        reader.read(*comment);
    }
    let Reader {
        lines,
        mut allowances,
        found: about_comments,
        ..
    } = reader;
    let mut kept: Vec<Diagnostic> = found
        .into_iter()
        .filter(|diagnostic| {
            let line = lines.position(text, diagnostic.span.start).line;
            let mut is_allowed = false;
            for allowance in &mut allowances {
                if allows(allowance, diagnostic, line) {
                    allowance.is_used = true;
                    is_allowed = true;
                }
            }
            !is_allowed
        })
        .collect();
    kept.extend(about_comments.into_iter().filter(|one| is_on(one.code)));
    if is_complete && is_on(IDLE_ALLOW.code) {
        for allowance in allowances {
            if allowance.is_used || !allowance.is_ours || !is_on(allowance.code) {
                continue;
            }
            let place = match allowance.line {
                Some(line) => format!("line {line} has"),
                None => "the query has".to_owned(),
            };
            let message = format!("{place} no {} to allow", allowance.code);
            kept.push(
                Diagnostic::warning(IDLE_ALLOW.code, allowance.span, message)
                    .with_help("leave the code out of the comment"),
            );
        }
    }
    kept
}

fn allows(allowance: &Allowance, diagnostic: &Diagnostic, line: u32) -> bool {
    let is_code = match allowance.code {
        "" => rule(diagnostic.code).is_some_and(|rule| rule.guard.is_some()),
        code => code == diagnostic.code,
    };
    is_code
        && diagnostic.severity == Severity::Warning
        && allowance.line.is_none_or(|about| about == line)
}

/// The start of the comment on each line that has one.
fn by_line(text: &str, comments: &[Span]) -> BTreeMap<u32, u32> {
    let lines = LineIndex::new(text);
    comments
        .iter()
        .map(|comment| (lines.position(text, comment.start).line, comment.start))
        .collect()
}

struct Reader<'t> {
    text: &'t str,
    lines: LineIndex,
    comments: BTreeMap<u32, u32>,
    allowances: Vec<Allowance>,
    found: Vec<Diagnostic>,
}

impl Reader<'_> {
    fn read(&mut self, comment: Span) {
        let body = comment.text(self.text).trim_start_matches('/').trim_start();
        if let Some(rest) = body.strip_prefix("huntd:") {
            self.read_ours(comment, rest);
        } else if let Some(rest) = body.strip_prefix("kql-guard:") {
            self.read_guards(comment, rest);
        }
    }

    fn read_ours(&mut self, comment: Span, rest: &str) {
        let (verb, mut rest) = first_word(rest);
        let line = match verb {
            "allow" => Some(self.line_about(comment)),
            "allow-file" => None,
            _ => {
                let message = format!("`huntd: {verb}` is no instruction");
                self.found.push(
                    Diagnostic::warning(IDLE_ALLOW.code, comment, message)
                        .with_help("write `huntd: allow CODE reason`, or `allow-file`"),
                );
                return;
            }
        };
        loop {
            let (word, after) = first_word(rest);
            let code = word.trim_end_matches([',', ':', ';']);
            self.allow(comment, code, line);
            rest = after;
            if !word.ends_with(',') {
                break;
            }
        }
        let reason = rest.trim_start_matches(|one: char| !one.is_alphanumeric());
        if reason.is_empty() {
            self.found.push(
                Diagnostic::warning(
                    UNEXPLAINED_ALLOW.code,
                    comment,
                    "the comment does not say why the finding is allowed",
                )
                .with_help("write the reason behind the code"),
            );
        }
    }

    fn allow(&mut self, comment: Span, written: &str, line: Option<u32>) {
        let span = self.place_of(comment, written);
        let known = RULES.iter().map(|rule| rule.code).chain(OTHER_WARNINGS);
        if let Some(code) = known.clone().find(|code| *code == written) {
            self.allowances.push(Allowance {
                code,
                span,
                line,
                is_ours: true,
                is_used: false,
            });
            return;
        }
        let message = match written {
            "" => "the comment names no code".to_owned(),
            _ => format!("`{written}` is no code of a warning"),
        };
        let diagnostic = Diagnostic::warning(IDLE_ALLOW.code, span, message);
        let by_name = rules().find(|rule| rule.name == written);
        let nearest = by_name
            .map(|rule| rule.code)
            .or_else(|| did_you_mean(written, known).filter(|_| !written.is_empty()));
        self.found.push(match nearest {
            Some(code) => diagnostic.with_help(format!("did you mean `{code}`?")),
            None => diagnostic.with_help("write `huntd: allow CODE reason`"),
        });
    }

    /// `kql-guard:disable[-next-line|-file] CODE …`
    fn read_guards(&mut self, comment: Span, rest: &str) {
        let (verb, rest) = first_word(rest);
        let line = match verb {
            "disable" | "disable-line" | "disable-next-line" => Some(self.line_about(comment)),
            "disable-file" => None,
            _ => return,
        };
        let mut codes = Vec::new();
        for word in rest.split([',', ' ', '\t']).filter(|word| !word.is_empty()) {
            let Some(rule) = rules().find(|rule| rule.guard == Some(word)) else {
                // One of its codes that means nothing here, or the first word of a reason.
                if word.starts_with("KQL") {
                    continue;
                }
                break;
            };
            codes.push(rule.code);
        }
        if rest.trim().is_empty() {
            codes.push("");
        }
        for code in codes {
            self.allowances.push(Allowance {
                code,
                span: comment,
                line,
                is_ours: false,
                is_used: false,
            });
        }
    }

    /// The line a comment is about: its own if there is code before it, else the next with code.
    fn line_about(&self, comment: Span) -> u32 {
        let own = self.lines.position(self.text, comment.start).line;
        let line_count = self.text.lines().count() as u32;
        let about = (own..=line_count).find(|line| {
            let content = self.lines.line(self.text, *line);
            let code = match self.comments.get(line) {
                Some(start) => {
                    let column = self.lines.position(self.text, *start).column as usize - 1;
                    content.chars().take(column).collect()
                }
                None => content.to_owned(),
            };
            !code.trim().is_empty()
        });
        about.unwrap_or(own)
    }

    fn place_of(&self, comment: Span, word: &str) -> Span {
        let text = comment.text(self.text);
        match text.find(word).filter(|_| !word.is_empty()) {
            Some(at) => {
                let start = comment.start as usize + at;
                Span::new(start, start + word.len())
            }
            None => comment,
        }
    }
}

/// The first word, commas attached to it included, and what follows.
fn first_word(text: &str) -> (&str, &str) {
    let text = text.trim_start();
    let end = text.find(char::is_whitespace).unwrap_or(text.len());
    let (word, rest) = text.split_at(end);
    // `KQL402,KQL403` is written without a blank as well.
    match word.find(',') {
        Some(comma) => text.split_at(comma + 1),
        None => (word, rest),
    }
}
