//! The legs of a union, and what each gives to the common columns. A union of all tables of a
//! catalog has thousands of columns and tens of thousands of places where a leg has one: those are
//! pairs of positions that queries share, and become expressions only for who asks.

use std::sync::Arc;

use super::{Expr, ExprKind, Plan};
use crate::types::Schema;

/// One leg of a union. Columns of the output that it gives nothing to are null, or `""`, for its
/// rows.
#[derive(Clone, Debug)]
pub struct UnionInput {
    /// The leg.
    pub plan: Plan,
    /// Columns of the leg that the output has as they are, in the order of the output.
    pub columns: Arc<[UnionColumn]>,
    /// Other values, in the order of the output: the name of the source, conversions.
    pub values: Vec<UnionValue>,
}

/// A column of a leg as a column of the union.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnionColumn {
    output: u32,
    input: u32,
}

impl UnionColumn {
    /// The column at `input` of the leg as that at `output` of the union.
    pub fn new(output: usize, input: usize) -> Self {
        let narrow = |at| u32::try_from(at).expect("the size of queries is limited far below");
        Self {
            output: narrow(output),
            input: narrow(input),
        }
    }

    /// Position in the schema of the union.
    pub fn output(self) -> usize {
        self.output as usize
    }

    /// Position in the schema of the leg.
    pub fn input(self) -> usize {
        self.input as usize
    }
}

/// A column of the union that is computed from a leg.
#[derive(Clone, Debug)]
pub struct UnionValue {
    /// Position in the schema of the union.
    pub output: usize,
    /// The value over the leg.
    pub value: Expr,
}

impl UnionInput {
    /// The value over the leg for the column at `output` of the union; `None` if it has none.
    pub fn expression(&self, output: usize) -> Option<Expr> {
        let column = self
            .columns
            .binary_search_by_key(&output, |column| column.output());
        if let Ok(at) = column {
            return Some(self.column(self.columns[at]));
        }
        let value = self
            .values
            .binary_search_by_key(&output, |value| value.output);
        value.ok().map(|at| self.values[at].value.clone())
    }

    /// One expression over the leg for each column of the union's schema: null, or `""`, for the
    /// columns that the leg does not have.
    pub fn expressions(&self, schema: &Schema) -> Vec<Expr> {
        let mut columns = self.columns.iter().peekable();
        let mut values = self.values.iter().peekable();
        let outputs = schema.columns().iter().enumerate();
        outputs
            .map(|(output, wanted)| {
                if let Some(column) = columns.next_if(|column| column.output() == output) {
                    self.column(*column)
                } else if let Some(value) = values.next_if(|value| value.output == output) {
                    value.value.clone()
                } else {
                    Expr::missing(wanted.ty, self.plan.span)
                }
            })
            .collect()
    }

    /// The columns of the union that the leg gives something to, with the values over the leg.
    pub fn given(&self) -> impl Iterator<Item = (usize, Expr)> {
        let columns = self.columns.iter();
        let columns = columns.map(|column| (column.output(), self.column(*column)));
        let values = self.values.iter();
        columns.chain(values.map(|value| (value.output, value.value.clone())))
    }

    /// Whether the leg gives something to the column at `output` of the union.
    pub fn gives(&self, output: usize) -> bool {
        let columns = &self.columns;
        let column = columns.binary_search_by_key(&output, |column| column.output());
        column.is_ok() || self.values.iter().any(|value| value.output == output)
    }

    fn column(&self, column: UnionColumn) -> Expr {
        Expr {
            kind: ExprKind::Column(column.input()),
            ty: self.plan.schema.columns()[column.input()].ty,
            span: self.plan.span,
        }
    }
}
