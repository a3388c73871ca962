//! The operators on graphs.

use crate::hir::{GraphDirection, GraphPart};
use crate::syntax::ast::{
    GraphOperator, GraphOutput, Name, OperatorKind, PatternStep, Property, TableOperator,
};
use crate::syntax::parser::Parser;
use crate::syntax::token::TokenKind as T;

use super::expression::{self, Stars, expression, items};
use super::name::{declared_name, named};
use super::{operator, property};

/// What follows `make-graph`.
pub(super) fn make(p: &mut Parser<'_>) -> OperatorKind {
    let source = declared_name(p);
    let arrow = p.eat(T::Minus) && p.eat(T::Minus);
    if arrow {
        p.eat(T::Greater);
    } else {
        p.expected("`-->` or `--`");
    }
    let target = declared_name(p);
    let mut nodes = Vec::new();
    let mut node_id = None;
    if p.eat_word("with_node_id") {
        p.expect(T::Assign);
        node_id = Some(declared_name(p));
    } else if p.eat_word("with") {
        loop {
            let table = expression::postfix(p, Stars::Multiply);
            p.expect_word("on");
            nodes.push((table, declared_name(p)));
            if !p.eat(T::Comma) {
                break;
            }
        }
    }
    let partition = (p.at_word("partitioned") && p.token(1).kind == T::Minus).then(|| {
        for _ in 0..3 {
            p.bump();
        }
        let column = declared_name(p);
        let open = p.token(0).span;
        let operators = if p.expect(T::OpenParen) {
            subquery(p)
        } else {
            Vec::new()
        };
        p.expect_close(T::CloseParen, open);
        (column, operators)
    });
    OperatorKind::Graph(Box::new(GraphOperator::Make {
        source,
        target,
        nodes,
        node_id,
        partition,
    }))
}

/// Operators with bars between them.
fn subquery(p: &mut Parser<'_>) -> Vec<TableOperator> {
    let mut operators = Vec::new();
    loop {
        let errors = p.errors();
        operators.extend(operator::operator(p));
        operator::end(p, errors);
        if !p.eat(T::Bar) {
            return operators;
        }
    }
}

/// What follows `graph-match` or `graph-shortest-paths`.
pub(super) fn matched(p: &mut Parser<'_>, shortest: bool) -> OperatorKind {
    let properties = property::leading(p, property::any);
    let patterns = items(p, pattern);
    let predicate = p.eat_word("where").then(|| expression(p));
    let project = if p.eat_word("project") {
        items(p, named)
    } else {
        Vec::new()
    };
    OperatorKind::Graph(Box::new(GraphOperator::Match {
        shortest,
        properties,
        patterns,
        predicate,
        project,
    }))
}

/// `(n)-[e]->(m)<--(o)`
fn pattern(p: &mut Parser<'_>) -> Vec<PatternStep> {
    let mut steps = vec![node(p)];
    while matches!(p.kind(), T::Minus | T::Less) {
        steps.push(edge(p));
        steps.push(node(p));
    }
    steps
}

fn node(p: &mut Parser<'_>) -> PatternStep {
    let open = p.token(0).span;
    let mut name = None;
    if p.expect(T::OpenParen) {
        name = step_name(p);
        p.expect_close(T::CloseParen, open);
    }
    PatternStep {
        part: GraphPart::Nodes,
        name,
        direction: GraphDirection::Any,
        length: None,
    }
}

fn step_name(p: &mut Parser<'_>) -> Option<Name> {
    let is_name = p.at(T::Name) || p.at(T::OpenBracket);
    is_name.then(|| declared_name(p))
}

/// `-->`, `--`, `<--`, `-[e]->`, `-[e]-`, `<-[e]-`, `-[e*1..3]->`
fn edge(p: &mut Parser<'_>) -> PatternStep {
    let backward = p.eat(T::Less);
    p.expect(T::Minus);
    let mut name = None;
    let mut length = None;
    let open = p.token(0).span;
    if p.eat(T::OpenBracket) {
        name = step_name(p);
        if p.eat(T::Star) {
            let least = expression(p);
            p.expect(T::DotDot);
            length = Some((least, expression(p)));
        }
        p.expect_close(T::CloseBracket, open);
    }
    p.expect(T::Minus);
    let direction = if backward {
        GraphDirection::Backward
    } else if p.eat(T::Greater) {
        GraphDirection::Forward
    } else {
        GraphDirection::Any
    };
    PatternStep {
        part: GraphPart::Edges,
        name,
        direction,
        length,
    }
}

/// What follows `graph-mark-components`.
pub(super) fn mark_components(p: &mut Parser<'_>) -> OperatorKind {
    let properties = property::leading(p, property::any);
    OperatorKind::Graph(Box::new(GraphOperator::MarkComponents { properties }))
}

/// What follows `graph-where-nodes` or `graph-where-edges`.
pub(super) fn filter(p: &mut Parser<'_>, part: GraphPart) -> OperatorKind {
    let predicate = expression(p);
    OperatorKind::Graph(Box::new(GraphOperator::Where { part, predicate }))
}

/// What follows `graph-to-table`.
pub(super) fn to_table(p: &mut Parser<'_>) -> OperatorKind {
    let outputs = items(p, |p| {
        let part = if p.eat_word("nodes") {
            GraphPart::Nodes
        } else {
            if !p.eat_word("edges") {
                p.expected("`nodes` or `edges`");
            }
            GraphPart::Edges
        };
        let name = p.eat_word("as").then(|| declared_name(p));
        let known: &[&str] = match part {
            GraphPart::Nodes => &["with_node_id"],
            GraphPart::Edges => &["with_source_id", "with_target_id"],
        };
        let properties: Vec<Property> = property::leading(p, |name| known.contains(&name));
        GraphOutput {
            part,
            name,
            properties,
        }
    });
    OperatorKind::Graph(Box::new(GraphOperator::ToTable(outputs)))
}
