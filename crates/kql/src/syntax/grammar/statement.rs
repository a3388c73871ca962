//! Statements: `let`, `set`, `declare`, and queries, separated by `;`.

use crate::diagnostic::Diagnostic;
use crate::span::Span;
use crate::syntax::ast::{ExprKind, Function, LetValue, Script, Statement, StatementKind};
use crate::syntax::parser::Parser;
use crate::syntax::token::TokenKind as T;

use super::{cluster, declaration, expression, literal, name, query};

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
    let mut after_statement = false;
    loop {
        while p.at(T::Semicolon) {
            if !after_statement {
                p.expected("a statement");
            }
            after_statement = false;
            p.bump();
        }
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
        end_of_statement(p, start, errors);
        after_statement = true;
        if p.position() == before {
            p.bump();
        }
    }
}

fn end_of_statement(p: &mut Parser<'_>, start: Span, errors_before: usize) {
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
            let diagnostic = Diagnostic::error("KQL100", p.place(), message);
            if p.slice(start).eq_ignore_ascii_case("select") {
                diagnostic.with_help("write `Table | where … | project …`")
            } else {
                diagnostic
            }
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
            set(p)
        }
        "declare" if p.word(1) == "query_parameters" => {
            p.bump();
            p.bump();
            StatementKind::DeclareParameters(declaration::parameters(p))
        }
        "declare" if p.word(1) == "pattern" => cluster::pattern(p),
        "alias" if p.word(1) == "database" => cluster::alias(p),
        "restrict" if p.word(1) == "access" => cluster::restrict(p),
        _ if p.at(T::Dot) && p.position() == 0 => cluster::command(p),
        _ => StatementKind::Expression(query::query(p)),
    }
}

/// `set name = value`, where the value is a constant or the name of one.
fn set(p: &mut Parser<'_>) -> StatementKind {
    if p.at(T::OpenBracket) {
        p.expected("the name of an option");
    }
    let name = name::declared_name(p);
    let value = p.eat(T::Assign).then(|| {
        let value = expression::expression(p);
        let named = matches!(value.kind, ExprKind::Name(_) | ExprKind::Missing);
        if !named && !literal::is_written_constant(&value) {
            literal::report_not_constant(p, value.span, "the value of an option is a constant");
        }
        value
    });
    StatementKind::Set { name, value }
}

fn let_statement(p: &mut Parser<'_>) -> StatementKind {
    p.bump();
    let name = name::free_name(p);
    if p.at(T::Equal) {
        p.expected("`=`");
        p.bump();
    } else {
        p.expect(T::Assign);
    }
    let value = if at_function(p) {
        LetValue::Function(function(p))
    } else {
        p.allow_materialize();
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
    let body = body(p);
    let span = p.span_from(start);
    Function {
        view,
        parameters,
        body,
        span,
    }
}

/// `{ statements }`
pub(super) fn body(p: &mut Parser<'_>) -> Script {
    let open = p.token(0).span;
    let mut body = Script::default();
    if p.expect(T::OpenBrace) {
        p.nested(|p| statements(p, &mut body), |_| ());
        p.expect_close(T::CloseBrace, open);
        check_body(p, &body);
    }
    body
}

/// A body is any number of `let` and one expression, which comes last.
fn check_body(p: &mut Parser<'_>, body: &Script) {
    for (index, statement) in body.statements.iter().enumerate() {
        let is_last = index + 1 == body.statements.len();
        let message = match &statement.kind {
            StatementKind::Let { .. } | StatementKind::DeclareParameters(_) => continue,
            StatementKind::Expression(_) if is_last => continue,
            StatementKind::Expression(_) => "a function ends with its first expression",
            _ => "this statement cannot stand in a function",
        };
        p.report_aside(Diagnostic::error("KQL108", statement.span, message));
    }
}
