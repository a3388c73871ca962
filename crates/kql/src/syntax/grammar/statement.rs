//! Statements: `let`, `set`, `declare`, and queries, separated by `;`.

use crate::diagnostic::Diagnostic;
use crate::span::Span;
use crate::syntax::ast::{Function, LetValue, Script, Statement, StatementKind};
use crate::syntax::parser::Parser;
use crate::syntax::token::TokenKind as T;

use super::{declaration, expression, name, query};

/// A whole query text.
pub(in crate::syntax) fn script(p: &mut Parser<'_>) -> Script {
    let mut script = Script::default();
    while !p.at_end() {
        statements(p, &mut script);
        if !p.at_end() {
            // A bracket that closes nothing.
            let found = p.describe_next();
            let diagnostic =
                Diagnostic::error("KQL114", p.place(), format!("{found} closes nothing"));
            p.report(diagnostic);
            p.bump();
            p.skip_until(|kind| matches!(kind, T::Semicolon));
        }
    }
    script
}

/// Statements up to the end of the text or a bracket that closes a body.
pub(super) fn statements(p: &mut Parser<'_>, script: &mut Script) {
    loop {
        while p.eat(T::Semicolon) {}
        if matches!(
            p.kind(),
            T::EndOfText | T::CloseBrace | T::CloseParen | T::CloseBracket
        ) {
            return;
        }
        let before = p.position();
        let errors = p.errors();
        let start = p.token(0).span;
        let kind = statement(p);
        let span = p.span_from(start);
        script.statements.push(Statement { kind, span });
        end_of_statement(p, errors);
        if p.position() == before {
            p.bump();
        }
    }
}

fn end_of_statement(p: &mut Parser<'_>, errors_before: usize) {
    if matches!(
        p.kind(),
        T::Semicolon | T::EndOfText | T::CloseBrace | T::CloseParen | T::CloseBracket
    ) {
        return;
    }
    let begins_statement = p.on_new_line() && p.at(T::Name);
    if p.errors() == errors_before {
        let found = p.describe_next();
        let diagnostic = if begins_statement {
            let end = Span::at(p.previous_end() as usize);
            Diagnostic::error("KQL108", end, format!("expected `;`, found {found}"))
                .with_help("end each statement with `;`")
        } else {
            let message = format!("expected `|` or `;`, found {found}");
            Diagnostic::error("KQL100", p.place(), message)
        };
        p.report(diagnostic);
    }
    if !begins_statement {
        p.skip_until(|kind| matches!(kind, T::Semicolon));
    }
}

fn statement(p: &mut Parser<'_>) -> StatementKind {
    let names_something = matches!(p.token(1).kind, T::Name | T::OpenBracket);
    match p.word(0) {
        "let" if names_something => let_statement(p),
        "set" if names_something => {
            p.bump();
            let name = name::declared_name(p);
            let value = p.eat(T::Assign).then(|| expression::expression(p));
            StatementKind::Set { name, value }
        }
        "declare" if p.word(1) == "query_parameters" => {
            p.bump();
            p.bump();
            StatementKind::DeclareParameters(declaration::parameters(p))
        }
        "declare" if p.word(1) == "pattern" => unsupported(p, "declare pattern"),
        "alias" if p.word(1) == "database" => unsupported(p, "alias database"),
        "restrict" if p.word(1) == "access" => unsupported(p, "restrict access"),
        _ if p.at(T::Dot) => unsupported(p, "management command"),
        _ => StatementKind::Expression(query::query(p)),
    }
}

fn unsupported(p: &mut Parser<'_>, keyword: &'static str) -> StatementKind {
    p.skip_until(|kind| kind == T::Semicolon);
    StatementKind::Unsupported { keyword }
}

fn let_statement(p: &mut Parser<'_>) -> StatementKind {
    p.bump();
    let name = name::declared_name(p);
    if p.at(T::Equal) {
        p.expected("`=`");
        p.bump();
    } else {
        p.expect(T::Assign);
    }
    let value = if at_function(p) {
        LetValue::Function(function(p))
    } else {
        LetValue::Expr(query::query(p))
    };
    StatementKind::Let { name, value }
}

fn at_function(p: &Parser<'_>) -> bool {
    let open = usize::from(p.at_word("view"));
    if p.token(open).kind != T::OpenParen {
        return false;
    }
    match p.token(open + 1).kind {
        T::CloseParen => true,
        T::Name => {
            let after = p.token(open + 2).kind;
            // `(x) {`: a parameter without its type.
            let untyped = after == T::CloseParen && p.token(open + 3).kind == T::OpenBrace;
            after == T::Colon || untyped
        }
        T::OpenBracket => p.token(open + 4).kind == T::Colon,
        _ => false,
    }
}

fn function(p: &mut Parser<'_>) -> Function {
    let start = p.token(0).span;
    let view = p.eat_word("view");
    let parameters = declaration::parameters(p);
    let open = p.token(0).span;
    let mut body = Script::default();
    if p.expect(T::OpenBrace) {
        p.nested(|p| statements(p, &mut body), |_| ());
        p.expect_close(T::CloseBrace, open);
    }
    let span = p.span_from(start);
    Function {
        view,
        parameters,
        body,
        span,
    }
}
