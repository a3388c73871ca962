//! The tabular operators, one file per family. Each takes the table so far and gives the next; an
//! operator that fails gives back what it can, so that the rest of the pipeline is checked too.

mod apply;
mod branch;
mod columns;
mod evaluate;
mod expand;
mod find;
mod graph;
mod join;
mod key_value;
mod macro_expand;
mod names;
mod nested;
mod order;
mod parse;
mod partition;
mod pattern;
mod render;
mod scan;
mod search;
mod series;
mod shape;
mod subquery;
mod summarize;
mod union;
mod unite;

pub(crate) use columns::matches_wildcard;

use super::expression::Row;
use super::scope::Binding;
use super::table::Table;
use super::{Attempt, Binder, Reported, Value, code};
use crate::hir::PlanKind;
use crate::syntax::ast::{self, OperatorKind};

impl<'a> Binder<'a> {
    pub(super) fn operator(&mut self, table: Table, operator: &'a ast::TableOperator) -> Table {
        let span = operator.span;
        match &operator.kind {
            OperatorKind::Where { predicate } => match self.kept(predicate, Row::of(&table)) {
                Ok(predicate) => {
                    let label = table.label.clone();
                    let mut kept =
                        table.then_same(span, |input| PlanKind::Filter { input, predicate });
                    kept.label = label;
                    kept
                }
                Err(Reported) => table,
            },
            OperatorKind::Project(columns) => self.project(table, columns, span),
            OperatorKind::ProjectAway(columns) => self.project_away(table, columns, span),
            OperatorKind::ProjectKeep(columns) => self.project_keep(table, columns, span),
            OperatorKind::ProjectRename(columns) => self.project_rename(table, columns, span),
            OperatorKind::ProjectReorder(columns) => self.project_reorder(table, columns, span),
            OperatorKind::Extend(columns) => self.extend(table, columns, span),
            OperatorKind::Summarize {
                properties,
                aggregates,
                by,
            } => {
                self.properties(properties, &[]);
                self.check_hints(properties, &table, &["shuffle"]);
                self.summarize(table, aggregates, by, span)
            }
            OperatorKind::Count => self.count(table, span),
            OperatorKind::Distinct(columns) => self.distinct(table, columns, span),
            OperatorKind::Sort(keys) => self.sort(table, keys, span),
            OperatorKind::Top { count, by } => self.top(table, count, by, span),
            OperatorKind::Take(count) => self.take(table, count, span),
            OperatorKind::Sample(count) => self.sample(table, count, span),
            OperatorKind::Join {
                properties,
                right,
                on,
            } => self.join(table, properties, right, on, span),
            OperatorKind::Lookup {
                properties,
                right,
                on,
            } => self.lookup(table, properties, right, on, span),
            OperatorKind::Union { properties, tables } => self
                .union(Some(table), properties, tables, span)
                .unwrap_or_else(|Reported| Table::unknown(span)),
            OperatorKind::Search { .. } => self
                .search(Some(table), operator)
                .unwrap_or_else(|Reported| Table::unknown(span)),
            OperatorKind::Find { .. } => self
                .find(true, operator)
                .unwrap_or_else(|Reported| Table::unknown(span)),
            OperatorKind::MvExpand {
                properties,
                columns,
                limit,
            } => self.mv_expand(table, properties, columns, limit.as_ref(), operator),
            OperatorKind::Parse {
                drop_unmatched,
                properties,
                text,
                pattern,
            } => self.parse(table, *drop_unmatched, properties, text, pattern, span),
            OperatorKind::Serialize(columns) => {
                let table = table.then_same(span, |input| PlanKind::Serialize { input });
                if columns.is_empty() {
                    table
                } else {
                    self.extend(table, columns, span)
                }
            }
            OperatorKind::GetSchema { properties } => {
                let kinds = self.properties(properties, &["kind"]);
                let csl = kinds.iter().any(|kind| {
                    let word = super::property::property_text(kind);
                    word.as_deref() == Some("csl")
                });
                if csl {
                    self.get_schema_text(&table, span)
                } else {
                    self.get_schema(&table, span)
                }
            }
            OperatorKind::As { properties, name } => {
                self.properties(properties, &[]);
                self.name_table(table, name)
            }
            OperatorKind::Invoke(call) => self
                .invoke(table, call)
                .unwrap_or_else(|Reported| Table::unknown(span)),
            OperatorKind::Render { kind, properties } => {
                self.render(&table, kind, properties);
                table
            }
            OperatorKind::Graph(graph) => self
                .graph(table, graph, &operator.keyword, span)
                .unwrap_or_else(|Reported| Table::unknown(span)),
            OperatorKind::Evaluate {
                properties,
                call,
                schema,
            } => self.evaluate(table, properties, call, schema.as_ref(), span),
            OperatorKind::Print(_) | OperatorKind::Range { .. } => {
                let message = format!("`{}` stands only at the start", operator.keyword.text);
                self.error(code::MISPLACED, operator.keyword.span, message);
                Table::unknown(span)
            }
            OperatorKind::MvApply(apply) => self.mv_apply(table, apply, operator),
            OperatorKind::MakeSeries(series) => self.make_series(table, series, span),
            OperatorKind::Partition(partition) => self.partition(table, partition, span),
            OperatorKind::TopNested(levels) => self.top_nested(table, levels, span),
            OperatorKind::Scan(scan) => self.scan(table, scan, span),
            OperatorKind::ParseKv(parse) => self.parse_kv(table, parse, span),
            OperatorKind::Consume => self.consume(table, span),
            OperatorKind::SampleDistinct { count, of } => {
                self.sample_distinct(table, count, of, span)
            }
            OperatorKind::TopHitters { count, of, by } => self
                .top_hitters(&table, count, of, by.as_ref(), span)
                .unwrap_or_else(|Reported| Table::unknown(span)),
            OperatorKind::Reduce {
                properties,
                by,
                options,
            } => self
                .reduce(&table, properties, by, options, span)
                .unwrap_or_else(|Reported| Table::unknown(span)),
            OperatorKind::Fork(branches) => self.fork(table, branches, span),
            OperatorKind::Facet { by, with } => self.facet(table, by, with.as_ref(), span),
            OperatorKind::AssertSchema(columns) => self.assert_schema(table, columns, span),
            OperatorKind::ProjectByNames(names) => self.project_by_names(table, names, span),
            OperatorKind::MacroExpand { .. } => {
                let message = "`macro-expand` stands only at the start";
                self.error(code::MISPLACED, operator.keyword.span, message);
                Table::unknown(span)
            }
            // The parser said why it gave up.
            OperatorKind::Unparsed => Table::unknown(span),
        }
    }

    pub(super) fn operator_unsupported(&mut self, keyword: &ast::Name) -> Reported {
        let message = format!("the operator `{}` is not supported yet", keyword.text);
        self.error(code::OPERATOR_UNSUPPORTED, keyword.span, message)
    }

    /// `as name`: later operators of the statement may refer to the table so far.
    fn name_table(&mut self, table: Table, name: &'a ast::Name) -> Table {
        let span = name.span;
        let mut shared = self.share(table, span);
        shared.label = Some(name.text.clone());
        let binding = Binding::table(shared.clone());
        self.scope.bind(name.text.clone(), binding);
        shared
    }

    /// `invoke f(arguments)`
    fn invoke(&mut self, table: Table, call: &'a ast::Expr) -> Attempt<Table> {
        let (name, arguments) = match &call.kind {
            ast::ExprKind::Call {
                function,
                arguments,
            } => (function, arguments.as_slice()),
            ast::ExprKind::Name(name) => (name, [].as_slice()),
            ast::ExprKind::Missing => return Err(Reported),
            ast::ExprKind::Member { base, member } if self.leads_elsewhere(base) => {
                return self.elsewhere(base, member, call.span);
            }
            _ => {
                let message = "`invoke` takes the call of a function";
                return Err(self.error(code::MISPLACED, call.span, message));
            }
        };
        let Some(Binding::Function { function, scope }) = self.scope.find(&name.text).cloned()
        else {
            if let Some(info) = self.catalog.function(&name.text) {
                return self.invoke_source_function(name, &info, table, arguments, call.span);
            }
            let functions: Vec<_> = self
                .scope
                .names()
                .filter(|(_, binding)| matches!(binding, Binding::Function { .. }))
                .map(|(name, _)| name.clone())
                .collect();
            let known = self.catalog.function_names();
            let candidates = functions.iter().map(|name| &**name);
            let candidates = candidates.chain(known.iter().map(String::as_str));
            let what = "function";
            let span = name.span;
            return Err(self.unknown(code::UNKNOWN_FUNCTION, what, &name.text, span, candidates));
        };
        let row_of = table.clone();
        let row = Row::of(&row_of);
        match self.call_function(
            name,
            function,
            &scope,
            Some(table),
            arguments,
            call.span,
            row,
        )? {
            Value::Table(table) => Ok(table),
            Value::Scalar(_) => {
                let message = format!("`{}` yields a single value, not a table", name.text);
                Err(self.error(code::TABLE_OR_SCALAR, name.span, message))
            }
        }
    }
}
