//! `scan`: its conditions and assignments over the row and over what the steps remember.

use std::sync::Arc;

use arrow::datatypes::{Field, Schema as ArrowSchema, SchemaRef};
use datafusion::common::ScalarValue;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::error::DataFusionError;
use datafusion::logical_expr::utils::{conjunction, split_conjunction_owned};
use datafusion::logical_expr::{Expr, lit};
use kql::hir::{self, Plan, PlanKind, SortKey};
use kql::types::ScalarType;

use super::detached::Rows;
use super::relation::Relation;
use super::{Lowering, Result, literal, output_name};
use crate::error::EngineError;
use crate::node::scan::{Compiled, Input, Scan, Slot, Step};
use crate::types::arrow_type;

/// The rows that the expressions of a `scan` are over: a row, its declared columns, and for each
/// step the same again.
struct Memory {
    rows: Rows,
    types: Vec<ScalarType>,
    input_width: usize,
    declared: Vec<ScalarValue>,
    slots: Vec<Slot>,
}

impl Lowering<'_> {
    pub(super) fn scan(&self, scan: &hir::Scan, output: &Plan) -> Result<Relation> {
        let input = Self::without_versions(self.plan(&scan.input)?, "scan", output.span)?;
        let input_width = input.width;
        let (input, partition) = self.partitioned(input, &scan.partition, &scan.order)?;
        let declared = scan
            .declared
            .iter()
            .map(|value| self.constant(value))
            .collect::<Result<Vec<_>>>()?;
        let PlanKind::Project {
            input: rows,
            columns: expressions,
        } = &*scan.expressions.kind
        else {
            let what = "`scan` without expressions";
            return Err(EngineError::not_supported(what, output.span));
        };
        let types: Vec<ScalarType> = rows
            .schema
            .columns()
            .iter()
            .map(|column| column.ty)
            .collect();
        let mut memory = Memory {
            rows: self.detached_rows(types.iter().map(|ty| arrow_type(*ty)))?,
            types,
            input_width,
            declared,
            slots: Vec::new(),
        };
        let mut expressions = expressions.iter();
        let mut next = || {
            let missing = || EngineError::not_supported("`scan` without conditions", output.span);
            expressions.next().ok_or_else(missing)
        };
        let mut steps = Vec::with_capacity(scan.steps.len());
        for step in &scan.steps {
            let condition = self.predicate(next()?, &memory.rows.relation)?;
            let (row_condition, state_condition) = memory.split(condition);
            let mut assignments = Vec::with_capacity(step.assigned.len());
            for column in &step.assigned {
                let value = self.value(next()?, &memory.rows.relation)?;
                assignments.push((*column, self.compiled(value, &mut memory)?));
            }
            let row_condition = row_condition.map(|part| self.compiled(part, &mut memory));
            let state_condition = state_condition.map(|part| self.compiled(part, &mut memory));
            steps.push(Step {
                row_condition: row_condition.transpose()?,
                state_condition: state_condition.transpose()?,
                optional: step.optional,
                output: step.output,
                assignments,
            });
        }
        let table = Scan {
            schema: table_schema(output),
            input_width,
            declared: memory.declared,
            partition,
            match_id: scan.match_id,
            slots: memory.slots,
            steps,
        };
        input.whole(Arc::new(table), self.hidden_name())
    }

    /// The relation sorted by its partition, if it has one, and within that by `order` or as it
    /// was; and which columns are equal within a partition.
    fn partitioned(
        &self,
        input: Relation,
        partition: &[hir::Expr],
        order: &[SortKey],
    ) -> Result<(Relation, std::ops::Range<usize>)> {
        let width = input.width;
        if partition.is_empty() {
            let input = match order {
                [] => input,
                keys => self.sort(input, keys)?,
            };
            return Ok((input, width..width));
        }
        let input = match order {
            [] => input,
            keys => self.sort(input, keys)?,
        };
        let within = input.order.clone();
        let keys = partition.iter().map(|key| SortKey {
            expr: key.clone(),
            descending: false,
            nulls_first: true,
        });
        let keys: Vec<SortKey> = keys.collect();
        let input = self.with_windows(input, partition)?;
        let mut columns = input.columns();
        let mut by_partition = Vec::new();
        self.sort_columns(&keys, &input, &mut columns, &mut by_partition)?;
        let range = width..columns.len();
        let mut input = input.project(columns)?;
        input.width = width;
        by_partition.extend(within);
        input.order = by_partition;
        Ok((input, range))
    }

    /// An expression over the memory.
    fn compiled(&self, expression: Expr, memory: &mut Memory) -> Result<Compiled> {
        let expression = memory.with_constants(expression)?;
        let mut expression = self.detached(expression, &memory.rows)?;
        let positions = 0..expression.columns.len();
        let columns = std::mem::replace(&mut expression.columns, positions.collect());
        let inputs = columns.into_iter().map(|column| memory.input(column));
        let inputs = inputs.collect::<Result<Vec<_>>>()?;
        Ok(Compiled { expression, inputs })
    }
}

impl Memory {
    fn row_width(&self) -> usize {
        self.input_width + self.declared.len()
    }

    /// A condition in two: what looks at nothing but the row, and the rest.
    fn split(&self, condition: Expr) -> (Option<Expr>, Option<Expr>) {
        let (of_row, of_state): (Vec<_>, Vec<_>) = split_conjunction_owned(condition)
            .into_iter()
            .partition(|part| {
                let mut columns = part.column_refs().into_iter();
                columns.all(|column| self.rows.position(column) < Some(self.row_width()))
            });
        (conjunction(of_row), conjunction(of_state))
    }

    /// A declared column of the row itself has its first value.
    fn with_constants(&self, expression: Expr) -> Result<Expr, DataFusionError> {
        let changed = expression.transform(|expr| {
            let Expr::Column(column) = &expr else {
                return Ok(Transformed::no(expr));
            };
            let declared = self
                .rows
                .position(column)
                .and_then(|position| position.checked_sub(self.input_width))
                .and_then(|position| self.declared.get(position));
            Ok(match declared {
                Some(value) => Transformed::yes(lit(value.clone())),
                None => Transformed::no(expr),
            })
        })?;
        Ok(changed.data)
    }

    /// Where a column is when the expression runs.
    fn input(&mut self, position: usize) -> Result<Input> {
        let row_width = self.row_width();
        if position < row_width {
            return Ok(Input::Row(position));
        }
        let (step, column) = (position / row_width - 1, position % row_width);
        let same = |slot: &Slot| slot.step == step && slot.column == column;
        if let Some(slot) = self.slots.iter().position(same) {
            return Ok(Input::Slot(slot));
        }
        let missing = match column.checked_sub(self.input_width) {
            Some(declared) => self.declared[declared].clone(),
            None => literal::missing(self.types[column])?,
        };
        self.slots.push(Slot {
            step,
            column,
            missing: missing.to_array()?,
        });
        Ok(Input::Slot(self.slots.len() - 1))
    }
}

/// The columns of a computation that yields the table of `output`.
pub(super) fn table_schema(output: &Plan) -> SchemaRef {
    let fields = output.schema.columns().iter();
    let fields: Vec<Field> = fields
        .map(|column| Field::new(output_name(&column.name), arrow_type(column.ty), true))
        .collect();
    Arc::new(ArrowSchema::new(fields))
}
