//! `scan`: its conditions and assignments over the row and over what the steps remember.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::datatypes::{Field, Schema as ArrowSchema, SchemaRef};
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{DFSchema, DFSchemaRef, ScalarValue};
use datafusion::error::DataFusionError;
use datafusion::logical_expr::utils::{conjunction, split_conjunction_owned};
use datafusion::logical_expr::{EmptyRelation, Expr, LogicalPlan, lit};
use datafusion::physical_expr::utils::{collect_columns, reassign_expr_columns};
use kql::hir::{self, Plan, PlanKind, SortKey};
use kql::types::ScalarType;

use super::relation::Relation;
use super::{Lowering, Result, literal, output_name};
use crate::error::EngineError;
use crate::node::scan::{Compiled, Input, Scan, Slot, Step};
use crate::types::arrow_type;

/// The rows that the expressions of a `scan` are over: a row, its declared columns, and for each
/// step the same again.
struct Memory {
    relation: Relation,
    schema: DFSchemaRef,
    types: Vec<ScalarType>,
    input_width: usize,
    declared: Vec<ScalarValue>,
    slots: Vec<Slot>,
}

impl Lowering<'_> {
    pub(super) fn scan(&self, scan: &hir::Scan, output: &Plan) -> Result<Relation> {
        let input = self.plan(&scan.input)?;
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
        let mut memory = Memory::new(&rows.schema, input_width, declared)?;
        let mut expressions = expressions.iter();
        let mut next = || {
            let missing = || EngineError::not_supported("`scan` without conditions", output.span);
            expressions.next().ok_or_else(missing)
        };
        let mut steps = Vec::with_capacity(scan.steps.len());
        for step in &scan.steps {
            let condition = self.predicate(next()?, &memory.relation)?;
            let (row_condition, state_condition) = memory.split(condition);
            let mut assignments = Vec::with_capacity(step.assigned.len());
            for column in &step.assigned {
                let value = self.value(next()?, &memory.relation)?;
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

    /// An expression over the memory, reduced to the columns that it reads.
    fn compiled(&self, expression: Expr, memory: &mut Memory) -> Result<Compiled> {
        let expression = memory.with_constants(expression)?;
        let physical = self
            .state
            .create_physical_expr(expression, &memory.schema)?;
        let columns: BTreeSet<usize> = collect_columns(&physical)
            .iter()
            .map(datafusion::physical_expr::expressions::Column::index)
            .collect();
        let fields: Vec<Field> = columns
            .iter()
            .map(|column| memory.schema.field(*column).as_ref().clone())
            .collect();
        let schema = Arc::new(ArrowSchema::new(fields));
        let inputs = columns
            .into_iter()
            .map(|column| memory.input(column))
            .collect::<Result<Vec<_>>>()?;
        Ok(Compiled {
            expression: reassign_expr_columns(physical, &schema)?,
            schema,
            inputs,
        })
    }
}

impl Memory {
    fn new(
        columns: &kql::types::Schema,
        input_width: usize,
        declared: Vec<ScalarValue>,
    ) -> Result<Self> {
        let fields = columns.columns().iter().enumerate();
        let fields: Vec<Field> = fields
            .map(|(position, column)| Field::new(position.to_string(), arrow_type(column.ty), true))
            .collect();
        let schema = Arc::new(DFSchema::try_from(ArrowSchema::new(fields))?);
        let empty = LogicalPlan::EmptyRelation(EmptyRelation {
            produce_one_row: false,
            schema: Arc::clone(&schema),
        });
        Ok(Self {
            relation: Relation::unordered(empty, columns.len()),
            schema,
            types: columns.columns().iter().map(|column| column.ty).collect(),
            input_width,
            declared,
            slots: Vec::new(),
        })
    }

    fn row_width(&self) -> usize {
        self.input_width + self.declared.len()
    }

    fn position(&self, column: &datafusion::common::Column) -> Option<usize> {
        self.schema.maybe_index_of_column(column)
    }

    /// A condition in two: what looks at nothing but the row, and the rest.
    fn split(&self, condition: Expr) -> (Option<Expr>, Option<Expr>) {
        let (of_row, of_state): (Vec<_>, Vec<_>) = split_conjunction_owned(condition)
            .into_iter()
            .partition(|part| {
                let mut columns = part.column_refs().into_iter();
                columns.all(|column| self.position(column) < Some(self.row_width()))
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
