//! `scan`.

use std::sync::Arc;

use super::subquery::rows;
use crate::bind::expression::{Row, States};
use crate::bind::table::{Table, free_name};
use crate::bind::{Attempt, Binder, Reported, code, coerce};
use crate::hir::{Expr, PlanKind, Scan, ScanOutput, ScanStep, SortKey};
use crate::span::Span;
use crate::syntax::ast;
use crate::types::{Column, ScalarType, Schema};

impl<'a> Binder<'a> {
    pub(super) fn scan(&mut self, table: Table, scan: &'a ast::Scan, span: Span) -> Table {
        let mut match_id = None;
        for property in self.properties(&scan.properties, &["kind", "with_match_id"]) {
            if &*property.name.text == "kind" {
                let _ = self.property_word(property, &["partial", "full"]);
            } else {
                match_id = self.property_name(property).ok();
            }
        }
        let order: Attempt<Vec<SortKey>> = scan
            .order
            .iter()
            .map(|key| self.sort_key(key, &table))
            .collect();
        let partition: Attempt<Vec<Expr>> = scan
            .partition
            .iter()
            .map(|key| self.scalar(key, Row::of(&table)))
            .collect();
        let mut schema = table.schema().columns().to_vec();
        let mut declared = Vec::with_capacity(scan.declared.len());
        let mut failed = false;
        for parameter in &scan.declared {
            match self.declared_state(parameter, &schema) {
                Ok((column, first)) => {
                    schema.push(column);
                    declared.push(first);
                }
                Err(Reported) => failed = true,
            }
        }
        let row = Schema::new(schema.clone());
        let steps = self.scan_steps(scan, &table, &row, span);
        let has_match_id = match_id.is_some();
        if let Some(name) = match_id {
            let taken = |name: &str| schema.iter().any(|column| *column.name == *name);
            let name = free_name(&name.text, taken);
            schema.push(Column::new(name, ScalarType::Long));
        }
        let (Ok(order), Ok(partition), Ok((steps, expressions)), false) =
            (order, partition, steps, failed)
        else {
            let added = schema.split_off(table.schema().len());
            let mut table = table;
            table
                .broken
                .extend(added.into_iter().map(|column| column.name));
            return table;
        };
        table.then(Schema::new(schema), span, |input| {
            PlanKind::Scan(Scan {
                input,
                partition,
                order,
                declared,
                match_id: has_match_id,
                steps,
                expressions,
            })
        })
    }

    /// A declared column and its first value.
    fn declared_state(
        &mut self,
        parameter: &'a ast::Parameter,
        schema: &[Column],
    ) -> Attempt<(Column, Expr)> {
        let name = &parameter.name;
        let ast::ParameterType::Scalar(type_name) = &parameter.ty else {
            let message = "a column of `scan` is a scalar";
            return Err(self.error(code::TABLE_OR_SCALAR, name.span, message));
        };
        let ty = self.type_named(type_name)?;
        if schema.iter().any(|column| column.name == name.text) {
            let message = format!("there is already a column `{}` here", name.text);
            return Err(self.error(code::DUPLICATE_COLUMN, name.span, message));
        }
        let first = match &parameter.default {
            Some(default) => {
                let value = self.scalar(default, Row::NONE)?;
                coerce::convert(value, ty)
            }
            None => Expr::missing(ty, name.span),
        };
        Ok((Column::new(Arc::clone(&name.text), ty), first))
    }

    /// The steps, and the projection of their conditions and assigned values.
    fn scan_steps(
        &mut self,
        scan: &'a ast::Scan,
        table: &Table,
        row: &Schema,
        span: Span,
    ) -> Attempt<(Vec<ScanStep>, crate::hir::Plan)> {
        let names: Vec<Arc<str>> = scan
            .steps
            .iter()
            .map(|step| Arc::clone(&step.name.text))
            .collect();
        let mut wide = row.columns().to_vec();
        self.grow(names.len() * (1 + row.len() / 8), span)?;
        for step in &names {
            let state = row.columns().iter();
            wide.extend(state.map(|column| {
                let name = format!("{step}.{}", column.name);
                Column::new(name, column.ty)
            }));
        }
        let mut state = rows(Schema::new(wide), span);
        state.broken.clone_from(&table.broken);
        state.open = table.open;
        let states = States {
            row: row.clone(),
            steps: names,
        };
        let mut steps = Vec::with_capacity(scan.steps.len());
        let mut values = Vec::new();
        let mut failed = false;
        for step in &scan.steps {
            match self.scan_step(step, &state, &states, &mut values) {
                Ok(step) => steps.push(step),
                Err(Reported) => failed = true,
            }
        }
        if failed {
            return Err(Reported);
        }
        let schema: Schema = values
            .iter()
            .enumerate()
            .map(|(index, value): (usize, &Expr)| Column::new(index.to_string(), value.ty))
            .collect();
        let projection = state.then(schema, span, |input| PlanKind::Project {
            input,
            columns: values,
        });
        Ok((steps, projection.plan))
    }

    fn scan_step(
        &mut self,
        step: &'a ast::ScanStep,
        state: &Table,
        states: &States,
        values: &mut Vec<Expr>,
    ) -> Attempt<ScanStep> {
        let row = Row {
            states: Some(states),
            ..Row::of(state)
        };
        let mut failed = false;
        match self.predicate(&step.condition, row) {
            Ok(condition) => values.push(condition),
            Err(Reported) => failed = true,
        }
        let mut assigned = Vec::with_capacity(step.assignments.len());
        for (name, value) in &step.assignments {
            let value = self.scalar(value, row);
            let Some(place) = states.row.index_of(&name.text) else {
                if !state.may_have(&name.text) {
                    self.unknown_column(name, &states.row);
                }
                failed = true;
                continue;
            };
            let Ok(value) = value else {
                failed = true;
                continue;
            };
            assigned.push(place);
            values.push(coerce::convert(value, states.row.columns()[place].ty));
        }
        if failed {
            return Err(Reported);
        }
        let output = match step.output.as_ref().map(|output| &*output.text) {
            Some("last") => ScanOutput::Last,
            Some("none") => ScanOutput::None,
            _ => ScanOutput::All,
        };
        Ok(ScanStep {
            name: Arc::clone(&step.name.text),
            optional: step.optional,
            output,
            assigned,
        })
    }
}
