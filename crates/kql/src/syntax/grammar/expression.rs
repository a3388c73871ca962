//! Expressions: operands, paths, calls and lists. How operators join them is in `chain.rs`.

use std::sync::Arc;

use crate::diagnostic::Diagnostic;
use crate::span::Span;
use crate::syntax::ast::{Expr, ExprKind, JoinSide, Name, TypeName, UnaryOp};
use crate::syntax::keyword;
use crate::syntax::parser::Parser;
use crate::syntax::token::TokenKind as T;
use crate::types::{ScalarType, Value};

use super::chain::chain;
use super::infix::{self, Level};
use super::name::{at_name_and_assign, bracketed_name, named, report_reserved, wildcard};
use super::{declaration, dynamic, literal, operator, query};

/// Functions that take a whole query as an argument without parentheses of its own.
const TAKES_QUERY: &[&str] = &["materialize", "toscalar", "totable", "view"];

/// Whether a star after a name multiplies, or belongs to the name (`Device*`).
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Stars {
    Multiply,
    Wildcard,
}

/// A scalar expression, or anything in parentheses.
pub(super) fn expression(p: &mut Parser<'_>) -> Expr {
    p.nested(|p| chain(p, Level::Or), missing_at)
}

/// Stands in for what lies beyond the depth limit.
pub(super) fn missing_at(place: Span) -> Expr {
    Expr {
        kind: ExprKind::Missing,
        span: place,
    }
}

/// An operand with its sign.
pub(super) fn operand(p: &mut Parser<'_>) -> Expr {
    let start = p.token(0).span;
    let op = match p.kind() {
        T::Minus => UnaryOp::Minus,
        T::Plus => UnaryOp::Plus,
        T::Bang => {
            p.report(
                Diagnostic::error("KQL112", start, "`!` is not an operator of KQL")
                    .with_help("use `not(…)`"),
            );
            p.bump();
            return postfix(p, Stars::Multiply);
        }
        T::BangName => {
            let written = p.slice(start);
            let call = if p.token(1).kind == T::OpenParen {
                "(…)"
            } else {
                ""
            };
            let help = format!("use `not({}{call})`", written.trim_start_matches('!'));
            let message = "`!` is not an operator of KQL";
            p.report(Diagnostic::error("KQL112", start, message).with_help(help));
            p.bump();
            skip_arguments(p);
            p.leaf();
            return missing_at(start);
        }
        _ => return postfix(p, Stars::Multiply),
    };
    p.bump();
    if matches!(p.kind(), T::Minus | T::Plus) {
        p.expected("an expression");
        while matches!(p.kind(), T::Minus | T::Plus) {
            p.bump();
        }
    }
    if let Some(smallest) = literal::smallest_long(p, op, start) {
        return smallest;
    }
    let operand = Box::new(postfix(p, Stars::Multiply));
    let height = p.height();
    p.grow(height, start);
    Expr {
        kind: ExprKind::Unary { op, operand },
        span: p.span_from(start),
    }
}

/// A primary with its path: `a.b[0]["c d"].f(x)`.
pub(super) fn postfix(p: &mut Parser<'_>, stars: Stars) -> Expr {
    let mut base = primary(p, stars);
    loop {
        let height = p.height();
        match p.kind() {
            // `a.[0]` is another spelling of `a[0]`.
            T::Dot if p.token(1).kind == T::OpenBracket && p.token(2).kind != T::String => {
                p.bump();
            }
            T::Dot => {
                let dot = p.bump().span;
                let member = Box::new(member(p, stars));
                p.grow(height.max(p.height()), dot);
                let span = base.span.to(member.span);
                let kind = ExprKind::Member {
                    base: Box::new(base),
                    member,
                };
                base = Expr { kind, span };
            }
            T::OpenBracket => {
                let open = p.bump().span;
                let index = Box::new(expression(p));
                p.expect_close(T::CloseBracket, open);
                p.grow(height.max(p.height()), open);
                let span = p.span_from(base.span);
                let kind = ExprKind::Index {
                    base: Box::new(base),
                    index,
                };
                base = Expr { kind, span };
            }
            _ => return base,
        }
    }
}

/// What stands right of a dot.
fn member(p: &mut Parser<'_>, stars: Stars) -> Expr {
    if stars == Stars::Wildcard
        && let Some(wildcard) = wildcard(p)
    {
        return wildcard;
    }
    if let Some(name) = bracketed_name(p) {
        return name_expr(p, name);
    }
    let word = p.word(0);
    let is_name = p.at(T::Name) && !keyword::is_clause_word(word) && infix::ahead(p).is_none();
    if !is_name {
        return p.missing("a name after `.`");
    }
    if keyword::is_reserved(word) {
        report_reserved(p, word, p.token(0).span);
    }
    name_or_call(p)
}

fn name_expr(p: &mut Parser<'_>, name: Name) -> Expr {
    p.leaf();
    Expr {
        span: name.span,
        kind: ExprKind::Name(name),
    }
}

/// Whether the next token can begin an expression.
pub(super) fn starts_expression(p: &Parser<'_>) -> bool {
    match p.kind() {
        T::Name => {
            let word = p.word(0);
            matches!(word, "true" | "false" | "dynamic")
                || !(keyword::is_reserved(word) || keyword::is_clause_word(word))
        }
        T::Long | T::Real | T::TimeSpan | T::String | T::Typed | T::OpenParen | T::OpenBracket => {
            true
        }
        _ => false,
    }
}

fn primary(p: &mut Parser<'_>, stars: Stars) -> Expr {
    let token = p.token(0);
    match token.kind {
        T::Long | T::Real | T::TimeSpan | T::String | T::Typed => literal::literal(p),
        T::OpenParen => parenthesized(p),
        T::OpenBracket => {
            if let Some(name) = bracketed_name(p) {
                return after_name(p, name);
            }
            let missing = p.missing("an expression");
            p.skip_until(|kind| matches!(kind, T::Comma | T::Bar | T::Semicolon));
            missing
        }
        T::Star => star(p, stars),
        T::Name => word(p, stars),
        _ if p.follows(T::Comma) => {
            let message = format!("expected an expression, found {}", p.describe_next());
            p.report(
                Diagnostic::error("KQL100", p.place(), message)
                    .with_help("take away the `,` in front of it"),
            );
            p.leaf();
            missing_at(Span::at(p.place().start as usize))
        }
        _ => p.missing("an expression"),
    }
}

/// `*` as an operand: every column, each compared (`* has "x"`), or part of a name.
fn star(p: &mut Parser<'_>, stars: Stars) -> Expr {
    if stars == Stars::Wildcard
        && let Some(wildcard) = wildcard(p)
    {
        return wildcard;
    }
    let star = p.token(0).span;
    let errors = p.errors();
    let whole = every_column(p);
    let compared = infix::ahead(p).is_some_and(infix::Infix::takes_every_column);
    if !compared && p.errors() == errors {
        let message = "expected an expression, found `*`";
        p.report_aside(
            Diagnostic::error("KQL100", star, message)
                .with_note("`*` stands for all columns in calls, in `distinct *` and `* has …`"),
        );
    }
    whole
}

/// `*` where the grammar asks for it.
pub(super) fn every_column(p: &mut Parser<'_>) -> Expr {
    let span = p.bump().span;
    p.leaf();
    Expr {
        kind: ExprKind::Star,
        span,
    }
}

fn word(p: &mut Parser<'_>, stars: Stars) -> Expr {
    let token = p.token(0);
    let text = p.slice(token.span);
    let called = p.token(1).kind == T::OpenParen;
    if let Some(value) = literal::bool_word(text)
        && !called
    {
        p.bump();
        p.leaf();
        return literal::constant(Value::Bool(value), ScalarType::Bool, token.span);
    }
    match text {
        "$left" | "$right" => {
            p.bump();
            p.leaf();
            let side = if text == "$left" {
                JoinSide::Left
            } else {
                JoinSide::Right
            };
            return Expr {
                kind: ExprKind::Side(side),
                span: token.span,
            };
        }
        "dynamic" if called => return dynamic::dynamic(p),
        "typeof" if called => return type_of(p),
        "entity_group" if p.token(1).kind == T::OpenBracket => return entity_group(p),
        "datatable" if called => return query::datatable(p),
        "externaldata" | "external_data" if called => return query::external_data(p),
        _ => {}
    }
    if stars == Stars::Wildcard
        && let Some(wildcard) = wildcard(p)
    {
        return wildcard;
    }
    let takes_query = called && TAKES_QUERY.contains(&text);
    let clause_word = (keyword::is_clause_word(text) && !takes_query)
        || (keyword::is_property_word(text) && called);
    if called && p.joined(0) && infix::ahead(p).is_some_and(infix::Infix::compares_text) {
        return operator_as_function(p, text);
    }
    if clause_word || infix::ahead(p).is_some() {
        let found = p.describe_next();
        let message = format!("expected an expression, found {found}");
        let diagnostic = Diagnostic::error("KQL100", token.span, message);
        p.report(if p.follows(T::Comma) {
            diagnostic.with_help("take away the `,` in front of it")
        } else if matches!(text, "and" | "by" | "or") {
            diagnostic
        } else {
            diagnostic.with_help(format!("to use `{text}` as a name, write ['{text}']"))
        });
        p.leaf();
        return missing_at(Span::at(token.span.start as usize));
    }
    if keyword::is_reserved(text) {
        report_reserved(p, text, token.span);
    }
    name_or_call(p)
}

/// `startswith(a, "b")`: an operator, written as a function.
fn operator_as_function(p: &mut Parser<'_>, word: &str) -> Expr {
    let span = p.bump().span;
    let message = format!("`{word}` is an operator, not a function");
    let help = format!("write `text {word} \"…\"`");
    p.report_aside(Diagnostic::error("KQL112", span, message).with_help(help));
    skip_arguments(p);
    p.leaf();
    missing_at(p.span_from(span))
}

/// Goes behind the arguments of what is no function.
fn skip_arguments(p: &mut Parser<'_>) {
    if p.eat(T::OpenParen) {
        p.skip_until(|_| false);
        p.eat(T::CloseParen);
    }
}

fn name_or_call(p: &mut Parser<'_>) -> Expr {
    let token = p.bump();
    let name = Name {
        text: Arc::from(p.slice(token.span)),
        span: token.span,
    };
    after_name(p, name)
}

/// The name that was read, or the call of it.
fn after_name(p: &mut Parser<'_>, name: Name) -> Expr {
    let span = name.span;
    let may_materialize = p.may_materialize();
    if !p.at(T::OpenParen) {
        return name_expr(p, name);
    }
    let open = p.bump().span;
    let mut height = 0;
    let arguments = if p.at(T::CloseParen) {
        Vec::new()
    } else {
        items(p, |p| {
            let argument = argument(p, &name.text);
            height = height.max(p.height());
            argument
        })
    };
    p.expect_close(T::CloseParen, open);
    p.grow(height, span);
    if &*name.text == "materialize" && (!may_materialize || p.at(T::Bar)) {
        let message = "`materialize` can only be the whole value of a `let`";
        let help = "write `let Name = materialize(…);` and use the name";
        p.report_aside(Diagnostic::error("KQL120", span, message).with_help(help));
    }
    Expr {
        span: p.span_from(span),
        kind: ExprKind::Call {
            function: name,
            arguments,
        },
    }
}

fn argument(p: &mut Parser<'_>, function: &str) -> Expr {
    if at_name_and_assign(p) {
        return named(p);
    }
    if p.at(T::Star) && matches!(p.token(1).kind, T::Comma | T::CloseParen) {
        return every_column(p);
    }
    if TAKES_QUERY.contains(&function) {
        return query::query(p);
    }
    let argument = query::query_on_line(p);
    if matches!(argument.kind, ExprKind::Pipe { .. }) {
        let message = format!("a query as an argument of `{function}` needs parentheses");
        let help = format!("write `{function}((…))`");
        p.report_aside(Diagnostic::error("KQL116", argument.span, message).with_help(help));
    }
    argument
}

/// `entity_group [database("a"), database("b")]`
fn entity_group(p: &mut Parser<'_>) -> Expr {
    let start = p.bump().span;
    let open = p.bump().span;
    let mut height = 0;
    let entities = items(p, |p| {
        let entity = postfix(p, Stars::Multiply);
        height = height.max(p.height());
        entity
    });
    p.expect_close(T::CloseBracket, open);
    p.grow(height, start);
    Expr {
        span: p.span_from(start),
        kind: ExprKind::EntityGroup(entities),
    }
}

/// `(expression)` or `(query)`.
fn parenthesized(p: &mut Parser<'_>) -> Expr {
    let open = p.bump().span;
    let inner = Box::new(query::query(p));
    if p.at(T::Comma) {
        let diagnostic = Diagnostic::error("KQL100", p.place(), "expected `)`, found `,`")
            .with_note("a list is allowed after `in`, in a call, or as `(a, b) = …`");
        p.report(diagnostic);
        p.skip_until(|kind| matches!(kind, T::Semicolon | T::Bar));
    }
    p.expect_close(T::CloseParen, open);
    let height = p.height();
    p.grow(height, open);
    Expr {
        kind: ExprKind::Parenthesized(inner),
        span: p.span_from(open),
    }
}

/// `typeof(long)`
pub(super) fn type_of(p: &mut Parser<'_>) -> Expr {
    let start = p.bump().span;
    let open = p.token(0).span;
    let is_table = p.at(T::OpenParen)
        && (matches!(p.token(1).kind, T::Star | T::OpenBracket | T::CloseParen)
            || p.token(2).kind == T::Colon);
    if is_table {
        let (columns, keeps_input) = declaration::output_columns(p);
        p.leaf();
        return Expr {
            kind: ExprKind::TypeOfTable {
                columns,
                keeps_input,
            },
            span: p.span_from(start),
        };
    }
    p.expect(T::OpenParen);
    let ty = declaration::type_name(p);
    p.expect_close(T::CloseParen, open);
    p.leaf();
    Expr {
        kind: ExprKind::TypeOf(ty),
        span: p.span_from(start),
    }
}

/// `to typeof(long)`
pub(super) fn to_type_of(p: &mut Parser<'_>) -> Option<TypeName> {
    p.bump();
    if !p.at_word("typeof") {
        p.expected("`typeof(…)`");
        return None;
    }
    match type_of(p).kind {
        ExprKind::TypeOf(ty) => Some(ty),
        _ => None,
    }
}

/// Items separated by commas. A missing comma is reported and taken as given.
pub(super) fn items<'t, I>(p: &mut Parser<'t>, item: impl FnMut(&mut Parser<'t>) -> I) -> Vec<I> {
    items_before(p, &[], item)
}

/// Items separated by commas, behind which a clause may begin with one of `words`.
pub(super) fn items_before<'t, I>(
    p: &mut Parser<'t>,
    words: &[&str],
    mut item: impl FnMut(&mut Parser<'t>) -> I,
) -> Vec<I> {
    let mut items = Vec::new();
    loop {
        let before = p.position();
        items.push(item(p));
        if p.eat(T::Comma) {
            continue;
        }
        let comma_is_missing = starts_expression(p)
            && p.position() > before
            && !words.contains(&p.word(0))
            && operator::keyword_ahead(p).is_none()
            && !looks_like_next_statement(p);
        if !comma_is_missing {
            return items;
        }
        let message = format!("expected `,`, found {}", p.describe_next());
        let diagnostic = Diagnostic::error("KQL100", p.place(), message);
        p.report(match operator::instead(p.word(0)) {
            Some(help) => diagnostic.with_help(help),
            None => diagnostic,
        });
    }
}

/// Whether a new line begins with `let`, or with a word and a bar.
fn looks_like_next_statement(p: &Parser<'_>) -> bool {
    p.on_new_line() && (p.at_word("let") || p.token(1).kind == T::Bar)
}
