//! Declarations: parameter lists, column lists, types.

use std::sync::Arc;

use crate::diagnostic::{Diagnostic, did_you_mean};
use crate::span::Span;
use crate::syntax::ast::{ColumnDeclaration, Parameter, ParameterType, TypeName};
use crate::syntax::parser::Parser;
use crate::syntax::token::TokenKind as T;
use crate::types::ScalarType;

use super::{expression, literal, name};

/// `(T: (x: long), a: long = 1)`
pub(super) fn parameters(p: &mut Parser<'_>) -> Vec<Parameter> {
    let open = p.token(0).span;
    let mut parameters = Vec::new();
    if !p.expect(T::OpenParen) {
        return parameters;
    }
    if !p.at(T::CloseParen) {
        loop {
            let parameter = parameter(p);
            let after_scalar = parameters
                .last()
                .is_some_and(|before: &Parameter| matches!(before.ty, ParameterType::Scalar(_)));
            if after_scalar && matches!(parameter.ty, ParameterType::Tabular { .. }) {
                let message = "table parameters come before all others";
                p.report_aside(Diagnostic::error("KQL100", parameter.name.span, message));
            }
            parameters.push(parameter);
            if !p.eat(T::Comma) {
                break;
            }
        }
    }
    p.expect_close(T::CloseParen, open);
    parameters
}

pub(super) fn parameter(p: &mut Parser<'_>) -> Parameter {
    let name = name::declared_name(p);
    p.expect(T::Colon);
    let ty = if p.at(T::OpenParen) {
        let start = p.token(0).span;
        let (columns, open) = columns(p);
        if columns.is_empty() != open {
            let message = "a table parameter lists its columns, or takes any table with `(*)`";
            p.report_aside(Diagnostic::error("KQL100", p.span_from(start), message));
        }
        ParameterType::Tabular { columns, open }
    } else {
        ParameterType::Scalar(type_name(p))
    };
    let default = p.eat(T::Assign).then(|| {
        let value = expression::expression(p);
        if !literal::is_written_constant(&value) {
            let message = "the default of a parameter is a constant";
            literal::report_not_constant(p, value.span, message);
        }
        value
    });
    Parameter { name, ty, default }
}

/// `(a: long, b: string, *)`: the columns, and whether there is a star.
pub(super) fn columns(p: &mut Parser<'_>) -> (Vec<ColumnDeclaration>, bool) {
    let open = p.token(0).span;
    let mut columns = Vec::new();
    let mut star = false;
    if !p.expect(T::OpenParen) {
        return (columns, star);
    }
    while !matches!(p.kind(), T::CloseParen | T::EndOfText) {
        let before = p.position();
        if p.eat(T::Star) {
            star = true;
        } else {
            columns.push(column(p));
        }
        if !p.eat(T::Comma) && !p.at(T::CloseParen) {
            p.expected("`,` or `)`");
            if p.position() == before || !p.at(T::Name) {
                p.skip_until(|kind| matches!(kind, T::Semicolon));
                break;
            }
        }
    }
    p.expect_close(T::CloseParen, open);
    (columns, star)
}

/// `(*, a: long)`: columns of a result, where a star for those of the input comes first.
pub(super) fn output_columns(p: &mut Parser<'_>) -> (Vec<ColumnDeclaration>, bool) {
    let star_first = p.token(1).kind == T::Star;
    let place = p.token(0).span;
    let (columns, star) = columns(p);
    if star && !star_first {
        let message = "`*` comes first among the columns of a result";
        p.report_aside(Diagnostic::error("KQL100", p.span_from(place), message));
    }
    (columns, star)
}

/// `(a: long, b: string)`, where a star cannot stand.
pub(super) fn closed_columns(p: &mut Parser<'_>) -> Vec<ColumnDeclaration> {
    let start = p.token(0).span;
    let (columns, star) = columns(p);
    if star {
        let message = "`*` cannot stand in this schema";
        let diagnostic = Diagnostic::error("KQL100", p.span_from(start), message);
        p.report_aside(diagnostic.with_help("list its columns, each with its type"));
    }
    columns
}

fn column(p: &mut Parser<'_>) -> ColumnDeclaration {
    let name = name::declared_name(p);
    p.expect(T::Colon);
    let ty = type_name(p);
    ColumnDeclaration { name, ty }
}

/// A type that exists.
pub(super) fn type_name(p: &mut Parser<'_>) -> TypeName {
    let token = p.token(0);
    if token.kind != T::Name {
        p.expected("a type");
        let span = Span::at(p.place().start as usize);
        return TypeName {
            text: Arc::from(""),
            span,
        };
    }
    let text = p.slice(token.span);
    if ScalarType::from_name(text).is_none() {
        let names = ScalarType::ALL.iter().map(|ty| ty.as_str());
        let message = format!("unknown type `{text}`");
        let diagnostic = Diagnostic::error("KQL115", token.span, message);
        let diagnostic = match did_you_mean(text, names) {
            Some(name) => diagnostic.with_help(format!("did you mean `{name}`?")),
            None => diagnostic.with_help(
                "the types are bool, datetime, decimal, dynamic, guid, int, long, real, string \
                 and timespan",
            ),
        };
        p.report(diagnostic);
    }
    p.bump();
    TypeName {
        text: Arc::from(text),
        span: token.span,
    }
}
