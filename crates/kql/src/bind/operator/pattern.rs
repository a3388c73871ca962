//! What is frequent or alike: `sample-distinct`, `top-hitters`, `reduce`; and `consume`.

use std::sync::Arc;

use crate::bind::expression::Row;
use crate::bind::name::derived;
use crate::bind::source::named;
use crate::bind::table::{Table, free_name};
use crate::bind::{Attempt, Binder, Reported, code, coerce};
use crate::builtin;
use crate::diagnostic::Diagnostic;
use crate::hir::{AggregateCall, Expr, ExprKind, PlanKind, SortKey};
use crate::span::Span;
use crate::syntax::ast;
use crate::types::{Column, ScalarType, Schema, Value};

/// How alike texts of one pattern are, where `reduce` does not say.
const THRESHOLD: f64 = 0.1;

impl<'a> Binder<'a> {
    /// `sample-distinct n of column`
    pub(super) fn sample_distinct(
        &mut self,
        table: Table,
        count: &'a ast::Expr,
        of: &'a ast::Expr,
        span: Span,
    ) -> Table {
        let count = self.number_of_rows(count, &table);
        let column = self.bare_column("sample-distinct", &table, of);
        let column = column.and_then(|(name, column)| {
            self.refuse_dynamic(&column, "make rows distinct")?;
            Ok((name, column))
        });
        let (Ok((name, column)), Ok(count)) = (column, count) else {
            return Table::unknown(span);
        };
        let schema = Schema::new(vec![Column::new(name, column.ty)]);
        let mut values = table.then(schema, span, |input| PlanKind::Project {
            input,
            columns: vec![column],
        });
        values.open = false;
        values.broken.clear();
        values
            .then_same(span, |input| PlanKind::Distinct { input })
            .then_same(span, |input| PlanKind::Take { input, count })
    }

    /// `consume`: no rows, no columns.
    #[expect(clippy::unused_self, reason = "operators are methods of the binder")]
    pub(super) fn consume(&mut self, table: Table, span: Span) -> Table {
        let no_rows = Expr {
            kind: ExprKind::Literal(Value::Long(0)),
            ty: ScalarType::Long,
            span,
        };
        let mut nothing = table
            .then_same(span, |input| PlanKind::Take {
                input,
                count: no_rows,
            })
            .then(Schema::default(), span, |input| PlanKind::Project {
                input,
                columns: Vec::new(),
            });
        nothing.open = false;
        nothing.broken.clear();
        nothing
    }

    /// `top-hitters n of column by number`
    pub(super) fn top_hitters(
        &mut self,
        table: &Table,
        count: &'a ast::Expr,
        of: &'a ast::Expr,
        by: Option<&'a ast::Expr>,
        span: Span,
    ) -> Attempt<Table> {
        let rows = self.number_of_rows(count, table);
        let column = self.bare_column("top-hitters", table, of);
        let sum = by.map(|by| self.hits(by, table)).transpose();
        let (rows, (name, column), sum) = (rows?, column?, sum?);
        self.refuse_dynamic(&column, "group")?;
        let (hits, argument, ty) = match sum {
            Some((hits, argument)) => (hits, Some(argument.clone()), argument.ty),
            None => (format!("approximate_count_{name}"), None, ScalarType::Long),
        };
        let function = if argument.is_some() { "sum" } else { "count" };
        let total = coerce::arithmetic(ty, ty);
        let call = AggregateCall {
            function: builtin::aggregate(function).expect("sum and count are declared"),
            arguments: argument.into_iter().collect(),
            outputs: vec![total],
            span,
        };
        let columns = |ty| {
            Schema::new(vec![
                Column::new(Arc::clone(&name), column.ty),
                Column::new(hits.as_str(), ty),
            ])
        };
        let (summed, shown) = (columns(total), columns(ty));
        let table = table
            .clone()
            .then(summed, span, |input| PlanKind::Aggregate {
                input,
                keys: vec![column],
                aggregates: vec![call],
            });
        // Of values that are hit as often the greatest come first, so that an answer is always
        // the same.
        let keys = [1, 0].map(|index| SortKey {
            expr: table.column(index, span),
            descending: true,
            nulls_first: false,
        });
        let top = table
            .then_same(span, |input| PlanKind::Sort {
                input,
                keys: keys.into(),
            })
            .then_same(span, |input| PlanKind::Take { input, count: rows });
        let exprs = vec![
            top.column(0, span),
            coerce::convert(top.column(1, span), ty),
        ];
        let mut top = top.then(shown, span, |input| PlanKind::Project {
            input,
            columns: exprs,
        });
        top.open = false;
        top.broken.clear();
        Ok(top)
    }

    /// What `top-hitters … by` sums, and what the sum is called.
    fn hits(&mut self, by: &'a ast::Expr, table: &Table) -> Attempt<(String, Expr)> {
        let (_, value) = named(by);
        let number = self.scalar(value, Row::of(table))?;
        if !number.ty.is_numeric() {
            let message = format!(
                "`top-hitters` sums numbers, not values of type {}",
                number.ty
            );
            return Err(self.error(code::ARGUMENT_TYPE, value.span, message));
        }
        let name = derived(by).unwrap_or_default();
        Ok((format!("approximate_sum_{name}"), number))
    }

    /// A number of rows, which a column of the table cannot give.
    fn number_of_rows(&mut self, count: &'a ast::Expr, table: &Table) -> Attempt<Expr> {
        if let ast::ExprKind::Name(name) = &count.kind
            && table.schema().index_of(&name.text).is_some()
        {
            let message = "a number of rows must be a constant";
            return Err(self.error(code::NOT_CONSTANT, count.span, message));
        }
        self.row_count(count)
    }

    /// A column by its bare name, which is all that `of` takes.
    fn bare_column(
        &mut self,
        operator: &str,
        table: &Table,
        of: &'a ast::Expr,
    ) -> Attempt<(Arc<str>, Expr)> {
        match &of.kind {
            ast::ExprKind::Missing => Err(Reported),
            ast::ExprKind::Name(name) => {
                let column = self.named_column(table, name)?;
                Ok((Arc::clone(&name.text), column))
            }
            _ => {
                let message = format!("`{operator}` takes the name of a column");
                Err(self.report(
                    Diagnostic::error(code::MISPLACED, of.span, message)
                        .with_help("compute it in front, with `| extend`"),
                ))
            }
        }
    }

    /// `reduce kind=source by text with threshold=…, characters=…`
    pub(super) fn reduce(
        &mut self,
        table: &Table,
        properties: &'a [ast::Property],
        by: &'a ast::Expr,
        options: &'a [ast::Property],
        span: Span,
    ) -> Attempt<Table> {
        let mut keeps_rows = false;
        for property in self.properties(properties, &["kind"]) {
            self.property_word(property, &["source"])?;
            keeps_rows = true;
        }
        let (mut threshold, mut characters) = (THRESHOLD, String::new());
        for option in options {
            match &*option.name.text {
                "threshold" => threshold = self.threshold(&option.value)?,
                _ => characters = self.property_name(option)?.text.to_string(),
            }
        }
        let (_, value) = named(by);
        let text = self.scalar(value, Row::of(table))?;
        if text.ty != ScalarType::String {
            let message = format!("`reduce` takes a text, not a value of type {}", text.ty);
            return Err(self.report(
                Diagnostic::error(code::ARGUMENT_TYPE, value.span, message)
                    .with_help("convert it with `tostring()`"),
            ));
        }
        let mut columns = if keeps_rows {
            table.schema().columns().to_vec()
        } else {
            Vec::new()
        };
        for (name, ty) in [
            ("Pattern", ScalarType::String),
            ("Count", ScalarType::Long),
            ("Representative", ScalarType::String),
        ] {
            let taken = |name: &str| columns.iter().any(|column| *column.name == *name);
            columns.push(Column::new(free_name(&name.into(), taken), ty));
        }
        let reduced = table.clone();
        let mut reduced = reduced.then(Schema::new(columns), span, |input| PlanKind::Reduce {
            input,
            text,
            threshold,
            characters,
            keeps_rows,
        });
        if !keeps_rows {
            reduced.open = false;
            reduced.broken.clear();
        }
        Ok(reduced)
    }

    fn threshold(&mut self, value: &'a ast::Expr) -> Attempt<f64> {
        let bound = self.scalar(value, Row::NONE)?;
        let number = match bound.kind {
            ExprKind::Literal(Value::Real(number)) => Some(number),
            ExprKind::Literal(Value::Long(number)) => Some(number as f64),
            _ => None,
        };
        let number = number.filter(|number| (0.0..=1.0).contains(number));
        number.ok_or_else(|| {
            let message = "the threshold is a number from 0 to 1";
            self.error(code::PROPERTY, value.span, message)
        })
    }
}
