//! Characters that look like others, or like nothing.

use crate::diagnostic::Diagnostic;
use crate::lint::subject::Subject;
use crate::span::Span;
use crate::syntax::ast::ExprKind;
use crate::types::Value;

use super::Rule;

pub(super) const HIDDEN_CHARACTER: Rule = Rule {
    code: "KQL426",
    name: "hidden-character",
    guard: None,
    cost: 1,
    summary: "a character that cannot be seen, or that turns the direction of text",
    explanation: "Zero-width characters, soft hyphens and unbreakable spaces come with a copy \
        from a web page or a document; a text that holds one matches nothing, and nobody sees \
        why. Characters that turn the direction of text can make a query look like another one. \
        Remove them, or, if a hunt looks for such characters, write them as escapes: \
        `\"\\u202e\"`.",
    bad: "DeviceProcessEvents | where FileName == \"cmd.exe\u{200b}\" | project DeviceId",
    good: "DeviceProcessEvents | where FileName contains \"\\u202e\" | project DeviceId",
    check,
};

fn check(subject: &Subject<'_>, found: &mut Vec<Diagnostic>) {
    subject.each_expr(|expr| {
        let ExprKind::Literal(literal) = &expr.kind else {
            return;
        };
        // What stands between the texts of a dynamic literal does no harm.
        let is_text = match &literal.value {
            Value::Dynamic(json) => json.contains(|one| unseen(one).is_some()),
            value => matches!(value, Value::String(_)),
        };
        if is_text {
            tell(
                subject,
                expr.span,
                &|one| unseen(one).or_else(|| turning(one)),
                found,
            );
        }
    });
    // Between words only what makes the query look like another one matters.
    let everything = Span::new(0, subject.text.len());
    tell(subject, everything, &turning, found);
}

fn tell(
    subject: &Subject<'_>,
    place: Span,
    describe: &dyn Fn(char) -> Option<&'static str>,
    found: &mut Vec<Diagnostic>,
) {
    for (offset, character) in subject.slice(place).char_indices() {
        if character.is_ascii() {
            continue;
        }
        let Some(what) = describe(character) else {
            continue;
        };
        let code = u32::from(character);
        let start = place.start as usize + offset;
        let span = Span::new(start, start + character.len_utf8());
        let message = format!("{what} (U+{code:04X})");
        found.push(
            Diagnostic::warning(HIDDEN_CHARACTER.code, span, message).with_help(format!(
                "remove it, or write `\\u{code:04x}` in the text if it is meant"
            )),
        );
    }
}

fn turning(character: char) -> Option<&'static str> {
    match character {
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}' | '\u{61c}' => {
            Some("a character that turns the direction of text")
        }
        _ => None,
    }
}

fn unseen(character: char) -> Option<&'static str> {
    match character {
        '\u{200b}'..='\u{200d}' | '\u{2060}'..='\u{2064}' | '\u{feff}' => {
            Some("a character without width")
        }
        '\u{ad}' => Some("a soft hyphen"),
        '\u{a0}' => Some("an unbreakable space"),
        _ => None,
    }
}
