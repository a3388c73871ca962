//! Graphs between operators, and the nodes and edges of a pattern inside of expressions.

use std::iter::repeat_n;
use std::rc::Rc;
use std::sync::Arc;

use super::coerce::convert;
use super::expression::Row;
use super::table::Table;
use super::{Attempt, Binder, Reported, code};
use crate::builtin::{self, ResultType};
use crate::diagnostic::Diagnostic;
use crate::hir::{Expr, ExprKind, PlanKind};
use crate::span::Span;
use crate::syntax::ast;
use crate::types::{Column, ScalarType, Schema};

/// What the nodes and the edges of a graph know.
#[derive(Clone, Debug)]
pub(super) struct Graph {
    pub(super) nodes: Schema,
    pub(super) edges: Schema,
}

/// A named node or edge of a pattern.
#[derive(Clone, Debug)]
pub(super) struct Element {
    pub(super) name: Arc<str>,
    /// Its properties.
    pub(super) columns: Schema,
    /// Whether it stands for several edges, so that each property is an array.
    pub(super) is_path: bool,
    /// Properties of the nodes on a path.
    pub(super) inner: Schema,
}

/// The columns of a match of these elements.
pub(super) fn schema_of(elements: &[Element]) -> Schema {
    let mut columns = Vec::new();
    for element in elements {
        columns.push(Column::new(Arc::clone(&element.name), ScalarType::Dynamic));
        for column in element.columns.columns() {
            let ty = if element.is_path {
                ScalarType::Dynamic
            } else {
                column.ty
            };
            columns.push(Column::new(format!("{}.{}", element.name, column.name), ty));
        }
    }
    Schema::new(columns)
}

/// A value of `project` behind a pattern. What is made of a path is dynamic, whatever functions
/// it went through, as Microsoft's language service has it.
pub(super) fn projected(expr: Expr, table: &Table) -> Expr {
    let Some(elements) = &table.elements else {
        return expr;
    };
    let of_path: Vec<bool> = elements
        .iter()
        .flat_map(|element| repeat_n(element.is_path, 1 + element.columns.len()))
        .collect();
    if reads(&expr, &of_path) {
        convert(expr, ScalarType::Dynamic)
    } else {
        expr
    }
}

/// Whether an expression reads one of the columns that are marked.
fn reads(expr: &Expr, marked: &[bool]) -> bool {
    match &expr.kind {
        ExprKind::Column(index) => marked.get(*index).is_some_and(|is_marked| *is_marked),
        // What follows the path reads the edges or nodes on it.
        ExprKind::Call {
            function,
            arguments,
        } if builtin::graph(function.name).is_some() => arguments
            .first()
            .is_some_and(|argument| reads(argument, marked)),
        _ => expr.operands().any(|operand| reads(operand, marked)),
    }
}

fn find(row: Row<'_>, name: &str) -> Option<Element> {
    let elements = row.table?.elements.as_ref()?;
    elements
        .iter()
        .find(|element| *element.name == *name)
        .cloned()
}

impl<'a> Binder<'a> {
    /// `element.property`; `None` if the base is no element of a pattern.
    pub(super) fn property_of_element(
        &mut self,
        base: &ast::Expr,
        member: &ast::Expr,
        span: Span,
        row: Row<'_>,
    ) -> Option<Attempt<Expr>> {
        let (ast::ExprKind::Name(name), ast::ExprKind::Name(property)) = (&base.kind, &member.kind)
        else {
            return None;
        };
        let element = find(row, &name.text)?;
        let table = row.table?;
        let column = format!("{}.{}", name.text, property.text);
        Some(match table.schema().index_of(&column) {
            Some(index) => Ok(table.column(index, span)),
            None => Err(self.unknown_column(property, &element.columns)),
        })
    }

    /// A function of patterns; `None` for all others, and outside of patterns.
    pub(super) fn graph_call(
        &mut self,
        function: &ast::Name,
        arguments: &'a [ast::Argument],
        span: Span,
        row: Row<'_>,
    ) -> Option<Attempt<Expr>> {
        row.table?.elements.as_ref()?;
        let declared = builtin::graph(&function.text)?;
        let signature = declared.signatures.first()?;
        Some(
            self.bound_graph_call(function, arguments, row)
                .map(|arguments| {
                    let ty = match signature.result {
                        ResultType::Is(ty) => ty,
                        _ => ScalarType::Dynamic,
                    };
                    let kind = ExprKind::Call {
                        function: declared,
                        arguments,
                    };
                    Expr { kind, ty, span }
                }),
        )
    }

    fn bound_graph_call(
        &mut self,
        function: &ast::Name,
        arguments: &'a [ast::Argument],
        row: Row<'_>,
    ) -> Attempt<Vec<Expr>> {
        let over_path = matches!(&*function.text, "all" | "any" | "map");
        let most = if over_path { 2 } else { 1 };
        if arguments.len() > most || (over_path && arguments.len() < most) {
            let message = format!("`{}` takes {most} arguments here", function.text);
            return Err(self.error(code::ARGUMENT_COUNT, function.span, message));
        }
        let [path, value] = arguments else {
            return arguments
                .iter()
                .map(|argument| self.scalar(argument, row))
                .collect();
        };
        let (name, of_nodes) = match &path.kind {
            ast::ExprKind::Name(name) => (name, false),
            ast::ExprKind::Call {
                function,
                arguments,
            } if &*function.text == "inner_nodes" => match arguments.as_slice() {
                [
                    ast::Expr {
                        kind: ast::ExprKind::Name(name),
                        ..
                    },
                ] => (name, true),
                _ => return Err(self.no_path(path.span)),
            },
            _ => return Err(self.no_path(path.span)),
        };
        let Some(element) = find(row, &name.text) else {
            return Err(self.no_path(name.span));
        };
        let path = self.scalar(path, row)?;
        let columns = if of_nodes {
            element.inner
        } else {
            element.columns
        };
        let mut inner = Table::new(PlanKind::Rows, columns, value.span);
        inner.elements = Some(Rc::new([]));
        let value = if &*function.text == "map" {
            self.scalar(value, Row::of(&inner))?
        } else {
            self.predicate(value, Row::of(&inner))?
        };
        Ok(vec![path, value])
    }

    fn no_path(&mut self, span: Span) -> Reported {
        self.report(
            Diagnostic::error(code::MISPLACED, span, "this is no edge of the pattern")
                .with_help("name a path such as `-[path*1..3]->`, or `inner_nodes(path)`"),
        )
    }

    /// The graph that an operator reads.
    pub(super) fn graph_of(&mut self, table: &Table, keyword: &ast::Name) -> Attempt<Rc<Graph>> {
        match &table.graph {
            Some(graph) => Ok(Rc::clone(graph)),
            None if table.open => Err(Reported),
            None => {
                let message = format!("`{}` reads a graph, not a table", keyword.text);
                Err(self.report(
                    Diagnostic::error(code::TABLE_OR_SCALAR, keyword.span, message)
                        .with_help("make one of the table first: `make-graph Source --> Target`"),
                ))
            }
        }
    }
}
