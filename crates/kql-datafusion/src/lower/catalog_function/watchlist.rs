//! `_GetWatchlist` and `_GetWatchlistAlias`.

use datafusion::common::ScalarValue;
use datafusion::logical_expr::{Expr, LogicalPlanBuilder, lit};
use kql::hir::{self, ExprKind, Plan};
use kql::types::{ScalarType, Value};

use super::super::relation::Relation;
use super::super::{Lowering, Result, output_name};
use super::Source;
use crate::error::EngineError;
use crate::function::{self, json};
use crate::lookup;

impl Lowering<'_> {
    /// The rows of a watchlist, those whose search key is among `keys` if there are any.
    pub(super) fn watchlist(
        &self,
        alias: &hir::Expr,
        keys: &hir::Expr,
        output: &Plan,
    ) -> Result<Relation> {
        let ScalarValue::Utf8View(Some(key)) = self.constant(alias)? else {
            return Err(EngineError::Invalid {
                what: "a watchlist has an alias".to_owned(),
                span: alias.span,
            });
        };
        if !matches!(&alias.kind, ExprKind::Literal(Value::String(_))) {
            let what = "a watchlist whose alias is no constant text";
            return Err(EngineError::not_supported(what, alias.span));
        }
        let source = self.source(lookup::WATCHLIST, Some(&key), output.span)?;
        let mut columns = Vec::with_capacity(output.schema.len());
        for column in output.schema.columns() {
            let value = if &*column.name == "WatchlistItem" && !source.has("WatchlistItem") {
                watchlist_item(&source, output)?
            } else {
                source.column(&column.name, column.ty)?
            };
            columns.push(value.alias(output_name(&column.name)));
        }
        let mut rows = LogicalPlanBuilder::from(source.relation.plan.clone());
        if let ScalarValue::Utf8View(Some(keys)) = self.constant(keys)? {
            let keys = json::elements(&keys).into_iter().flatten();
            let keys = keys.map(|key| {
                let mut text = String::new();
                json::write_text(key, &mut text);
                lit(ScalarValue::Utf8View(Some(text)))
            });
            let search_key = source.column("SearchKey", ScalarType::String)?;
            rows = rows.filter(search_key.in_list(keys.collect(), false))?;
        }
        let plan = rows.project(columns)?.build()?;
        Ok(Relation::unordered(plan, output.schema.len()))
    }

    /// The aliases of all watchlists.
    pub(super) fn watchlist_aliases(&self, output: &Plan) -> Result<Relation> {
        let keys = self.tables.function_keys(lookup::WATCHLIST);
        let rows: Vec<Vec<Value>> = keys
            .into_iter()
            .map(|key| vec![Value::String(key.into())])
            .collect();
        Self::values(&rows, output)
    }
}

/// All columns of a row in one bag.
fn watchlist_item(source: &Source, output: &Plan) -> Result<Expr> {
    let mut types = Vec::new();
    let mut values = Vec::new();
    for (position, column) in source.table.info.schema.columns().iter().enumerate() {
        types.extend([ScalarType::String, column.ty]);
        values.push(super::text(&column.name));
        values.push(source.relation.column(position));
    }
    let pack = function::scalar("bag_pack", &types, ScalarType::Dynamic)
        .ok_or_else(|| EngineError::not_supported("bag_pack()", output.span))?;
    Ok(pack.call(values))
}
