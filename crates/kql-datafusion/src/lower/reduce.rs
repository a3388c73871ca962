//! `reduce`: the text in a column of its own behind those of the input.

use std::sync::Arc;

use kql::hir::{self, Plan};

use super::relation::Relation;
use super::scan::table_schema;
use super::{Lowering, Result};
use crate::node::reduce::Reduce;

/// How `reduce` was asked to group.
#[derive(Clone, Copy)]
pub(super) struct Options<'p> {
    pub(super) threshold: f64,
    pub(super) separators: &'p str,
    pub(super) keeps_rows: bool,
}

impl Lowering<'_> {
    pub(super) fn reduce(
        &self,
        input: &Plan,
        text: &hir::Expr,
        options: Options<'_>,
        output: &Plan,
    ) -> Result<Relation> {
        let input = self.with_windows(self.plan(input)?, [text])?;
        let input_width = input.width;
        let mut columns = input.columns();
        columns.push(self.value(text, &input)?.alias(self.hidden_name()));
        let table = Reduce {
            schema: table_schema(output),
            input_width,
            threshold: options.threshold,
            separators: options.separators.to_owned(),
            keeps_rows: options.keeps_rows,
        };
        let input = input.project(columns)?;
        input.whole(Arc::new(table), self.hidden_name())
    }
}
