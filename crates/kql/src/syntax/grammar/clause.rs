//! The clauses of each tabular operator. Those with many of them have files of their own.

mod apply;
mod branch;
mod key_value;
mod nested;
mod partition;
mod pattern;
mod scan;
mod search;
mod series;
mod subquery;

use std::sync::Arc;

use crate::diagnostic::Diagnostic;
use crate::hir::{BinaryOp, GraphPart};
use crate::syntax::ast::{
    Expr, ExprKind, Name, Operator, OperatorKind, OrderedExpr, ParsePart, Property,
    ReorderDirection,
};
use crate::syntax::parser::Parser;
use crate::syntax::token::TokenKind as T;
use crate::types::ScalarType;

use super::expression::{self, Stars, expression, items};
use super::name::{self, named};
use super::operator::keyword_ahead;
use super::{declaration, graph, literal, property};

/// What `render` takes.
const RENDER_PROPERTIES: &[&str] = &[
    "accumulate",
    "anomalycolumns",
    "kind",
    "legend",
    "series",
    "title",
    "xaxis",
    "xcolumn",
    "xmax",
    "xmin",
    "xtitle",
    "yaxis",
    "ycolumns",
    "ymax",
    "ymin",
    "ysplit",
    "ytitle",
];

/// Reads what follows the operator `word`.
pub(super) fn clauses(p: &mut Parser<'_>, word: &str) -> OperatorKind {
    match word {
        "where" | "filter" => filter(p),
        "project" => OperatorKind::Project(optional(p, named)),
        "project-away" => OperatorKind::ProjectAway(optional(p, column_pattern)),
        "project-keep" => OperatorKind::ProjectKeep(optional(p, column_pattern)),
        "project-rename" => OperatorKind::ProjectRename(optional(p, named)),
        "project-reorder" => OperatorKind::ProjectReorder(optional(p, reordered)),
        "extend" => OperatorKind::Extend(items(p, named)),
        "summarize" => summarize(p),
        "count" => count(p),
        "distinct" => {
            property::leading(p, property::hint);
            if p.at_word("by") {
                let message = "`distinct` takes no `by`";
                p.report_aside(
                    Diagnostic::error("KQL100", p.place(), message)
                        .with_help("name the columns right behind it: `distinct A, B`"),
                );
                p.bump();
            }
            OperatorKind::Distinct(if p.at(T::Star) {
                vec![expression::every_column(p)]
            } else {
                items(p, named)
            })
        }
        "sort" | "order" => {
            property::leading(p, property::hint);
            expect_by(p, "write `sort by Column desc`");
            OperatorKind::Sort(items(p, ordered))
        }
        "top" => {
            property::leading(p, property::hint);
            let count = expression(p);
            expect_by(p, "write `top 10 by Column desc`");
            let by = vec![ordered(p)];
            OperatorKind::Top { count, by }
        }
        "take" | "limit" => {
            property::leading(p, property::hint);
            OperatorKind::Take(expression(p))
        }
        "join" => {
            let (properties, right, on) = join(p);
            OperatorKind::Join {
                properties,
                right,
                on,
            }
        }
        "lookup" => {
            let (properties, right, on) = join(p);
            OperatorKind::Lookup {
                properties,
                right,
                on,
            }
        }
        "union" => OperatorKind::Union {
            properties: property::leading(p, property::any),
            tables: items(p, leg),
        },
        "search" => search::search(p),
        "find" => search::find(p),
        "print" => OperatorKind::Print(items(p, named)),
        "range" => range(p),
        "mv-expand" | "mvexpand" => apply::mv_expand(p),
        "mv-apply" | "mvapply" => apply::mv_apply(p),
        "make-series" => series::make_series(p),
        "partition" => partition::partition(p),
        "top-nested" => nested::top_nested(p),
        "scan" => scan::scan(p),
        "parse-kv" => key_value::parse_kv(p),
        "parse" | "parse-where" => parse(p, word == "parse-where"),
        "serialize" => OperatorKind::Serialize(optional(p, named)),
        "getschema" => OperatorKind::GetSchema {
            properties: property::leading(p, |name| name == "kind"),
        },
        "fork" => branch::fork(p),
        "facet" => branch::facet(p),
        "macro-expand" => branch::macro_expand(p),
        "top-hitters" => pattern::top_hitters(p),
        "reduce" => pattern::reduce(p),
        "assert-schema" => OperatorKind::AssertSchema(declaration::closed_columns(p)),
        "project-by-names" if at_operator_end(p) => OperatorKind::ProjectByNames(Vec::new()),
        "project-by-names" => OperatorKind::ProjectByNames(items(p, expression)),
        "as" => OperatorKind::As {
            properties: property::leading(p, property::hint),
            name: name::free_name(p),
        },
        "consume" => {
            consume(p);
            OperatorKind::Consume
        }
        "invoke" => OperatorKind::Invoke(call(p)),
        "evaluate" => evaluate(p),
        "make-graph" => graph::make(p),
        "graph-match" => graph::matched(p, false),
        "graph-shortest-paths" => graph::matched(p, true),
        "graph-mark-components" => graph::mark_components(p),
        "graph-where-nodes" => graph::filter(p, GraphPart::Nodes),
        "graph-where-edges" => graph::filter(p, GraphPart::Edges),
        "graph-to-table" => graph::to_table(p),
        "render" => render(p),
        "sample" => {
            property::leading(p, property::hint);
            OperatorKind::Sample(expression(p))
        }
        "sample-distinct" => {
            let count = expression(p);
            p.expect_word("of");
            let of = expression(p);
            OperatorKind::SampleDistinct { count, of }
        }
        _ => super::operator::unparsed(p),
    }
}

fn expect_by(p: &mut Parser<'_>, help: &str) {
    if p.eat_word("by") {
        return;
    }
    let message = format!("expected `by`, found {}", p.describe_next());
    p.report(Diagnostic::error("KQL100", p.place(), message).with_help(help));
}

/// Whether nothing of an operator can follow.
pub(super) fn at_operator_end(p: &Parser<'_>) -> bool {
    matches!(
        p.kind(),
        T::Bar | T::Semicolon | T::EndOfText | T::CloseParen | T::CloseBracket | T::CloseBrace
    )
}

/// `consume decodeblocks=true`: the property changes nothing.
fn consume(p: &mut Parser<'_>) {
    for property in property::leading(p, |name| name == "decodeblocks") {
        let is_bool = matches!(&property.value.kind, ExprKind::Literal(literal)
            if literal.ty == ScalarType::Bool);
        if !is_bool {
            let message = "`decodeblocks` is `true` or `false`";
            p.report_aside(Diagnostic::error("KQL100", property.value.span, message));
        }
    }
}

/// Items, or none where the operator ends.
fn optional<'t, I>(p: &mut Parser<'t>, item: impl FnMut(&mut Parser<'t>) -> I) -> Vec<I> {
    if at_operator_end(p) {
        return Vec::new();
    }
    items(p, item)
}

fn filter(p: &mut Parser<'_>) -> OperatorKind {
    property::leading(p, property::hint);
    let mut predicate = expression(p);
    if p.at(T::Assign) {
        let op_span = p.token(0).span;
        p.bump();
        let right = expression(p);
        let is_logical = matches!(
            right.kind,
            ExprKind::Binary {
                op: Operator::Binary(BinaryOp::And | BinaryOp::Or),
                ..
            }
        );
        let diagnostic = if is_logical {
            Diagnostic::error("KQL112", op_span, "`=` does not compare")
        } else {
            // Kusto takes this form, and hunts in the wild have it.
            Diagnostic::warning("KQL118", op_span, "`=` is read as `==` here")
        };
        p.report_aside(diagnostic.with_help("use `==` to compare"));
        predicate = Expr {
            span: predicate.span.to(right.span),
            kind: ExprKind::Binary {
                op: Operator::Binary(BinaryOp::Equal),
                op_span,
                left: Box::new(predicate),
                right: Box::new(right),
            },
        };
    }
    OperatorKind::Where { predicate }
}

/// A column, or a name with stars.
fn column_pattern(p: &mut Parser<'_>) -> Expr {
    if let Some(wildcard) = name::wildcard(p) {
        return wildcard;
    }
    let name = name::free_name(p);
    Expr {
        span: name.span,
        kind: ExprKind::Name(name),
    }
}

fn reordered(p: &mut Parser<'_>) -> (Expr, Option<ReorderDirection>) {
    let column = column_pattern(p);
    let granny = p.at_word("granny") && p.token(1).kind == T::Minus;
    let word = p.word(if granny { 2 } else { 0 });
    let direction = match word {
        "asc" if granny => ReorderDirection::GrannyAscending,
        "desc" if granny => ReorderDirection::GrannyDescending,
        "asc" => ReorderDirection::Ascending,
        "desc" => ReorderDirection::Descending,
        _ => return (column, None),
    };
    for _ in 0..if granny { 3 } else { 1 } {
        p.bump();
    }
    (column, Some(direction))
}

fn summarize(p: &mut Parser<'_>) -> OperatorKind {
    let properties = property::leading(p, property::hint);
    let aggregates = if at_operator_end(p) || p.at_word("by") {
        Vec::new()
    } else {
        items(p, named)
    };
    let by = if p.eat_word("by") {
        items(p, named)
    } else {
        Vec::new()
    };
    OperatorKind::Summarize {
        properties,
        aggregates,
        by,
    }
}

/// `count`, or `count as Name`, which is an aggregate with a name.
fn count(p: &mut Parser<'_>) -> OperatorKind {
    let start = p.token(0).span;
    if !p.eat_word("as") {
        return OperatorKind::Count;
    }
    let name = name::declared_name(p);
    let span = p.span_from(start);
    let function = Name {
        text: Arc::from("count"),
        span,
    };
    let call = Expr {
        kind: ExprKind::Call {
            function,
            arguments: Vec::new(),
        },
        span,
    };
    let aggregate = Expr {
        kind: ExprKind::Named {
            names: vec![name],
            tuple: false,
            value: Box::new(call),
        },
        span,
    };
    OperatorKind::Summarize {
        properties: Vec::new(),
        aggregates: vec![aggregate],
        by: Vec::new(),
    }
}

fn ordered(p: &mut Parser<'_>) -> OrderedExpr {
    let expr = named(p);
    let descending = if p.eat_word("desc") {
        Some(true)
    } else if p.eat_word("asc") {
        Some(false)
    } else {
        unknown_order(p);
        None
    };
    let mut nulls_first = None;
    if p.at_word("nulls") {
        p.bump();
        if p.eat_word("first") {
            nulls_first = Some(true);
        } else if p.eat_word("last") {
            nulls_first = Some(false);
        } else {
            p.expected("`first` or `last`");
        }
    }
    OrderedExpr {
        expr,
        descending,
        nulls_first,
    }
}

/// Reports `descending` and what else other languages say for `desc`.
fn unknown_order(p: &mut Parser<'_>) {
    let word = p.word(0).to_ascii_lowercase();
    let meant = match &*word {
        "asc" | "ascending" => "asc",
        "desc" | "descending" => "desc",
        _ => return,
    };
    let span = p.bump().span;
    let message = format!("unknown order `{}`", p.slice(span));
    let help = format!("did you mean `{meant}`?");
    p.report_aside(Diagnostic::error("KQL100", span, message).with_help(help));
}

/// An operand of `union`: a table by name, a pattern, a call, or a query in parentheses.
fn leg(p: &mut Parser<'_>) -> Expr {
    let leg = expression::postfix(p, Stars::Wildcard);
    let written_out = match leg.kind {
        ExprKind::DataTable { .. } => "datatable",
        ExprKind::ExternalData { .. } => "externaldata",
        _ => return leg,
    };
    let message = format!("`{written_out}` as an operand of `union` needs parentheses");
    let help = format!("write `({written_out} …)`");
    p.report_aside(Diagnostic::error("KQL116", leg.span, message).with_help(help));
    leg
}

fn join(p: &mut Parser<'_>) -> (Vec<Property>, Box<Expr>, Vec<Expr>) {
    let properties = property::leading(p, property::any);
    let right = Box::new(expression::postfix(p, Stars::Multiply));
    let on = if p.eat_word("on") {
        items(p, expression)
    } else {
        Vec::new()
    };
    (properties, right, on)
}

fn range(p: &mut Parser<'_>) -> OperatorKind {
    let column = name::free_name(p);
    p.expect_word("from");
    let from = expression(p);
    p.expect_word("to");
    let to = expression(p);
    p.expect_word("step");
    let step = expression(p);
    OperatorKind::Range {
        column,
        from,
        to,
        step,
    }
}

fn parse(p: &mut Parser<'_>, drop_unmatched: bool) -> OperatorKind {
    let properties = property::leading(p, |name| {
        matches!(name, "kind" | "flags") || property::hint(name)
    });
    let text = expression(p);
    let mut pattern = Vec::new();
    if p.expect_word("with") {
        while let Some(part) = parse_part(p) {
            pattern.push(part);
        }
    }
    OperatorKind::Parse {
        drop_unmatched,
        properties,
        text,
        pattern,
    }
}

fn parse_part(p: &mut Parser<'_>) -> Option<ParsePart> {
    match p.kind() {
        T::Star => {
            p.bump();
            Some(ParsePart::Skip)
        }
        T::String => Some(ParsePart::Text(literal::literal(p))),
        T::Name | T::OpenBracket => {
            if p.at(T::Name) && p.on_new_line() && keyword_ahead(p).is_some() {
                return None;
            }
            if p.at(T::OpenBracket) && p.token(1).kind != T::String {
                return None;
            }
            let before = p.position();
            let name = name::declared_name(p);
            if p.position() == before {
                return None;
            }
            let ty = p.eat(T::Colon).then(|| declaration::type_name(p));
            Some(ParsePart::Column { name, ty })
        }
        _ => None,
    }
}

/// A call, possibly of a function of another database.
fn call(p: &mut Parser<'_>) -> Expr {
    let start = p.place();
    let expr = expression::postfix(p, Stars::Multiply);
    let last = match &expr.kind {
        ExprKind::Member { member, .. } => &member.kind,
        kind => kind,
    };
    if !matches!(last, ExprKind::Call { .. } | ExprKind::Missing) {
        let message = "expected a call with its arguments in parentheses";
        let diagnostic = Diagnostic::error("KQL100", start.to(expr.span), message);
        p.report_aside(diagnostic);
    }
    expr
}

fn evaluate(p: &mut Parser<'_>) -> OperatorKind {
    let properties = property::leading(p, property::hint);
    let call = call(p);
    let schema = p.eat(T::Colon).then(|| declaration::output_columns(p));
    OperatorKind::Evaluate {
        properties,
        call,
        schema,
    }
}

fn render(p: &mut Parser<'_>) -> OperatorKind {
    let token = p.token(0);
    let is_number = token.kind == T::Long || token.kind == T::Name;
    if !is_number {
        p.expected("a kind of chart such as `timechart`");
    }
    let kind = Name {
        text: Arc::from(p.slice(token.span)),
        span: token.span,
    };
    if is_number {
        p.bump();
    }
    let mut properties = property::leading(p, |name| RENDER_PROPERTIES.contains(&name));
    properties.extend(property::with_list_of(
        p,
        RENDER_PROPERTIES,
        &["anomalycolumns", "series", "ycolumns"],
    ));
    if p.eat_word("by") {
        // An old way to name the columns of the legend, which nothing draws any more.
        items(p, name::declared_name);
    }
    OperatorKind::Render { kind, properties }
}
