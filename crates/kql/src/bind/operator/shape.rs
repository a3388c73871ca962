//! `count`, `distinct`, `getschema`.

use crate::bind::Binder;
use crate::bind::table::{Outputs, Table};
use crate::builtin;
use crate::hir::{AggregateCall, PlanKind};
use crate::span::Span;
use crate::syntax::ast;
use crate::types::{Column, ScalarType, Schema, Value};

impl<'a> Binder<'a> {
    #[expect(clippy::unused_self, reason = "operators are methods of the binder")]
    pub(super) fn count(&mut self, table: Table, span: Span) -> Table {
        let schema = Schema::new(vec![Column::new("Count", ScalarType::Long)]);
        let count = AggregateCall {
            function: builtin::aggregate("count").expect("count is declared"),
            arguments: Vec::new(),
            outputs: vec![ScalarType::Long],
            span,
        };
        let mut result = table.then(schema, span, |input| PlanKind::Aggregate {
            input,
            keys: Vec::new(),
            aggregates: vec![count],
        });
        result.close();
        result.broken.clear();
        result
    }

    pub(super) fn distinct(&mut self, table: Table, columns: &'a [ast::Expr], span: Span) -> Table {
        let all = matches!(
            columns,
            [ast::Expr {
                kind: ast::ExprKind::Star,
                ..
            }]
        );
        let table = if all {
            for index in 0..table.schema().len() {
                let column = table.column(index, span);
                // One message is enough for all columns.
                if self.refuse_dynamic(&column, "make rows distinct").is_err() {
                    break;
                }
            }
            table
        } else {
            let mut outputs = Outputs::over(&table);
            for column in columns {
                for (name, expr) in self.output_columns(column, &table) {
                    if let Some(expr) = &expr {
                        let _ = self.refuse_dynamic(expr, "make rows distinct");
                    }
                    let name = outputs.name(self, name, column.span);
                    outputs.push(name, expr);
                }
            }
            let mut result = outputs.project(table, span, false);
            result.close();
            result
        };
        table.then_same(span, |input| PlanKind::Distinct { input })
    }

    /// `getschema kind=csl`: the schema as one text, as `datatable` takes it.
    #[expect(clippy::unused_self, reason = "operators are methods of the binder")]
    pub(super) fn get_schema_text(&mut self, table: &Table, span: Span) -> Table {
        let columns: Vec<String> = table
            .schema()
            .columns()
            .iter()
            .map(|column| format!("{}:{}", column.name, column.ty))
            .collect();
        let rows = vec![vec![Value::String(columns.join(",").into())]];
        let schema = Schema::new(vec![Column::new("Schema", ScalarType::String)]);
        Table::new(PlanKind::Values { rows }, schema, span)
    }

    #[expect(clippy::unused_self, reason = "operators are methods of the binder")]
    pub(super) fn get_schema(&mut self, table: &Table, span: Span) -> Table {
        let rows = table
            .schema()
            .columns()
            .iter()
            .enumerate()
            .map(|(ordinal, column)| {
                vec![
                    Value::String(column.name.clone()),
                    Value::Long(ordinal as i64),
                    Value::String(column.ty.clr_name().into()),
                    Value::String(column.ty.as_str().into()),
                ]
            })
            .collect();
        let schema = Schema::new(vec![
            Column::new("ColumnName", ScalarType::String),
            Column::new("ColumnOrdinal", ScalarType::Long),
            Column::new("DataType", ScalarType::String),
            Column::new("ColumnType", ScalarType::String),
        ]);
        Table::new(PlanKind::Values { rows }, schema, span)
            .then_same(span, |input| PlanKind::Serialize { input })
    }
}
