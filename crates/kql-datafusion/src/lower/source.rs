//! Where rows come from: tables of the catalog and constant rows.

use std::sync::Arc;

use arrow::array::{RecordBatch, RecordBatchOptions};
use datafusion::catalog::TableProvider;
use datafusion::common::{ScalarValue, TableReference};
use datafusion::datasource::provider_as_source;
use datafusion::error::DataFusionError;
use datafusion::logical_expr::{Expr, LogicalPlanBuilder};
use kql::hir::Plan;
use kql::types::{Schema, Value};

use super::relation::Relation;
use super::{Lowering, Result, literal, output_name};
use crate::error::EngineError;
use crate::memory::mem_table;
use crate::tables::Table;
use crate::types::arrow_schema;

impl Lowering<'_> {
    pub(super) fn table(&self, name: &str, plan: &Plan) -> Result<Relation> {
        let table = self.tables.table(name).ok_or_else(|| {
            EngineError::Source(format!("table `{name}` is gone since the query was bound"))
        })?;
        let table = Self::read_columns(name, table, &plan.schema)?;
        match self.sample_rows.get() {
            Some(rows) => {
                table.map(|plan| LogicalPlanBuilder::from(plan).limit(0, Some(rows))?.build())
            }
            None => Ok(table),
        }
    }

    /// Some columns of a table.
    fn read_columns(name: &str, table: Table, wanted: &Schema) -> Result<Relation> {
        let all = &table.info.schema;
        if all.len() == wanted.len() {
            return Self::read(name, table.provider, all.len());
        }
        let mut places = Vec::with_capacity(wanted.len());
        for column in wanted.columns() {
            places.push(all.index_of(&column.name).ok_or_else(|| {
                let column = &column.name;
                let what = format!(
                    "column `{column}` of table `{name}` is gone since the query was bound"
                );
                EngineError::Source(what)
            })?);
        }
        Self::scanned(name, table.provider, Some(places), wanted.len())
    }

    /// A scan whose columns carry no qualifier.
    pub(super) fn read(
        name: &str,
        provider: Arc<dyn TableProvider>,
        width: usize,
    ) -> Result<Relation> {
        Self::scanned(name, provider, None, width)
    }

    fn scanned(
        name: &str,
        provider: Arc<dyn TableProvider>,
        places: Option<Vec<usize>>,
        width: usize,
    ) -> Result<Relation> {
        let scan = LogicalPlanBuilder::scan(
            TableReference::bare(name),
            provider_as_source(provider),
            places,
        )?;
        let columns: Vec<Expr> = scan
            .schema()
            .columns()
            .into_iter()
            .take(width)
            .map(|column| {
                let name = output_name(&column.name);
                Expr::Column(column).alias(name)
            })
            .collect();
        Ok(Relation::unordered(scan.project(columns)?.build()?, width))
    }

    pub(super) fn values(rows: &[Vec<Value>], plan: &Plan) -> Result<Relation> {
        let schema = arrow_schema(&plan.schema);
        let mut columns = Vec::with_capacity(plan.schema.len());
        for (position, column) in plan.schema.columns().iter().enumerate() {
            let values = rows
                .iter()
                .map(|row| literal::scalar(&row[position], column.ty))
                .collect::<Result<Vec<_>, _>>()?;
            columns.push(if values.is_empty() {
                arrow::array::new_empty_array(schema.field(position).data_type())
            } else {
                ScalarValue::iter_to_array(values)?
            });
        }
        let options = RecordBatchOptions::new().with_row_count(Some(rows.len()));
        let batch = RecordBatch::try_new_with_options(schema, columns, &options)
            .map_err(DataFusionError::from)?;
        let table = mem_table(&plan.schema, vec![batch])?;
        Self::read("datatable", Arc::new(table), plan.schema.len())
    }
}
