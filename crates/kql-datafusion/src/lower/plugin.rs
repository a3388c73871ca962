//! `evaluate`: what a plugin is called with, and the computation that yields its rows.

use std::sync::Arc;

use datafusion::common::ScalarValue;
use datafusion::logical_expr::lit;
use kql::builtin::plugin::Plugin;
use kql::hir::{self, ExprKind, Plan, PlanKind, PluginArgument, PluginCall, PluginValue};
use kql::types::{ScalarType, Value};

use super::plugin_lookup::Shapes;
use super::prepare::{Answer, address};
use super::relation::Relation;
use super::{Lowering, Result, output_name};
use crate::error::EngineError;
use crate::function::lookup::Family;
use crate::node::whole::WholeTable;
use crate::plugin::columns::plan_schema;
use crate::plugin::narrow::Narrow;

/// A call of a plugin.
#[derive(Clone, Copy)]
pub(super) struct Call<'p> {
    pub(super) function: &'static Plugin,
    pub(super) input: &'p Plan,
    pub(super) arguments: &'p [PluginArgument],
    /// Which call it is, if its columns depend on the rows.
    pub(super) id: Option<PluginCall>,
    /// The plan of the call.
    pub(super) output: &'p Plan,
}

impl<'p> Call<'p> {
    /// The call that a plan is.
    pub(super) fn of(plan: &'p Plan) -> Option<Self> {
        match &*plan.kind {
            PlanKind::Plugin {
                function,
                input,
                arguments,
                call,
            } => Some(Self {
                function,
                input,
                arguments,
                id: *call,
                output: plan,
            }),
            _ => None,
        }
    }

    /// The arguments for a parameter. A text `~` stands for one that is left out.
    pub(super) fn all(&self, parameter: &str) -> impl Iterator<Item = &'p PluginArgument> {
        let arguments = self.arguments.iter();
        arguments.filter(move |argument| {
            let is_default = matches!(
                &argument.value,
                PluginValue::Expr(hir::Expr { kind: ExprKind::Literal(Value::String(text)), .. })
                    if &**text == "~"
            );
            argument.parameter == parameter && !is_default
        })
    }

    /// The expressions for a parameter.
    pub(super) fn exprs(&self, parameter: &str) -> Vec<&'p hir::Expr> {
        let values = self.all(parameter).map(|argument| &argument.value);
        values
            .filter_map(|value| match value {
                PluginValue::Expr(expr) => Some(expr),
                _ => None,
            })
            .collect()
    }

    /// The expression for a parameter.
    pub(super) fn expr(&self, parameter: &str) -> Option<&'p hir::Expr> {
        self.exprs(parameter).first().copied()
    }

    /// The column of the input that an argument names.
    pub(super) fn column(&self, parameter: &str) -> Result<usize> {
        match self.expr(parameter).map(|expr| &expr.kind) {
            Some(ExprKind::Column(position)) => Ok(*position),
            _ => Err(self.invalid(format!("{parameter} is not a column"))),
        }
    }

    /// The table among the arguments.
    pub(super) fn table(&self) -> Option<&'p Plan> {
        self.arguments
            .iter()
            .find_map(|argument| match &argument.value {
                PluginValue::Table(plan) => Some(plan),
                _ => None,
            })
    }

    /// That the plugin is not one of the engine's.
    pub(super) fn refused(&self) -> EngineError {
        let name = self.function.name;
        let reason = match name {
            "python" | "r" | "csharp" => "runs code",
            "ai_embeddings"
            | "ai_embed_text"
            | "ai_chat_completion"
            | "ai_chat_completion_prompt" => "asks a language model",
            _ if name.ends_with("_request") || name.starts_with("http_request") => {
                "asks another service"
            }
            "execute_query" | "execute_show_command" => "asks another cluster",
            "infer_storage_schema" | "infer_storage_schema_with_suggestions" => {
                "reads files that are no tables"
            }
            _ => {
                let what = format!("the plugin `{name}`");
                return EngineError::not_supported(what, self.output.span);
            }
        };
        EngineError::Invalid {
            what: format!("the plugin `{name}` {reason}, which queries here may not"),
            span: self.output.span,
        }
    }

    /// An error of the call's arguments or rows.
    pub(super) fn invalid(&self, what: impl std::fmt::Display) -> EngineError {
        EngineError::Invalid {
            what: format!("{}: {what}", self.function.name),
            span: self.output.span,
        }
    }
}

impl Lowering<'_> {
    pub(super) fn plugin(&self, call: &Call<'_>) -> Result<Relation> {
        match call.function.name {
            "bag_unpack" => self.bag_unpack(call),
            "pivot" => self.pivot(call),
            "active_users_count"
            | "activity_counts_metrics"
            | "activity_engagement"
            | "activity_metrics"
            | "new_activity_metrics"
            | "session_count"
            | "sliding_window_counts" => self.activity(call),
            "rolling_percentile" => self.rolling_percentile(call),
            "rows_near" => self.rows_near(call),
            "preview" => self.preview(call),
            "estimate_rows_count" => self.counted_rows(call),
            "funnel_sequence" | "funnel_sequence_completion" => self.funnel_sequence(call),
            "sequence_detect" => self.sequence_detect(call),
            "autocluster" | "basket" | "diffpatterns" => self.pattern_search(call),
            "diffpatterns_text" => self.text_differences(call),
            "dcount_intersect" => self.intersected_counts(call),
            "identity" => self.plan(call.input),
            "ipv4_lookup" => self.address_lookup(call, Family::V4),
            "ipv6_lookup" => self.address_lookup(call, Family::V6),
            "geo_line_lookup" => self.place_lookup(call, Shapes::Lines),
            "geo_polygon_lookup" => self.place_lookup(call, Shapes::Polygons),
            "schema_merge" => self.schema_merge(call),
            "narrow" => {
                let narrow = Narrow {
                    input: call.input.schema.clone(),
                    output: plan_schema(&call.output.schema, output_name),
                };
                self.whole(self.plan(call.input)?, narrow)
            }
            _ => Err(call.refused()),
        }
    }

    /// Whether a call needs something run before the query is lowered.
    pub(super) fn runs_before(&self, call: &Call<'_>) -> bool {
        let is_computed = call
            .id
            .is_some_and(|id| self.computed.calls.contains_key(&id));
        !is_computed && (call.function.name == "pivot" || call.table().is_some())
    }

    /// Runs what a call needs before the query is lowered, and prepares what it reads.
    pub(super) async fn prepare_call(&mut self, call: &Call<'_>) -> Result<()> {
        if call.function.name == "pivot" {
            let wanted = &call.output.schema;
            let (schema, rows) = self.pivoted(call, Some(wanted)).await?;
            let answer = Answer::Table(schema, vec![rows]);
            self.subqueries.insert(address(call.output), answer);
            return Ok(());
        }
        if let Some(table) = call.table() {
            let (_, _, rows) = self.kept(table, call.function.name).await?;
            let answer = Answer::Table(table.schema.clone(), rows);
            self.subqueries.insert(address(table), answer);
        }
        self.prepare(call.input).await
    }

    /// A computation over all rows of a table.
    pub(super) fn whole(
        &self,
        input: Relation,
        table: impl WholeTable + 'static,
    ) -> Result<Relation> {
        input.whole(Arc::new(table), self.hidden_name())
    }

    /// The value of an argument that is the same for all rows, if it is given.
    pub(super) fn argument(&self, call: &Call<'_>, parameter: &str) -> Result<Option<ScalarValue>> {
        let Some(expr) = call.expr(parameter) else {
            return Ok(None);
        };
        let value = self.constant(expr)?;
        Ok((!value.is_null()).then_some(value))
    }

    /// A text among the arguments.
    pub(super) fn text(&self, call: &Call<'_>, parameter: &str) -> Result<Option<String>> {
        Ok(match self.argument(call, parameter)? {
            Some(ScalarValue::Utf8View(text)) => text,
            _ => None,
        })
    }

    /// The relation with its columns converted to those of the output.
    pub(super) fn converted(
        relation: Relation,
        from: &[ScalarType],
        output: &Plan,
    ) -> Result<Relation> {
        let columns = output.schema.columns().iter().zip(from).enumerate();
        let columns = columns.map(|(position, (column, from))| {
            let value = relation.column(position);
            let value = if *from == column.ty {
                value
            } else {
                crate::function::convert(*from, column.ty).call(vec![value])
            };
            value.alias(output_name(&column.name))
        });
        let columns = columns.collect::<Vec<_>>();
        relation.project(columns)
    }

    /// Null of a type, or `""`.
    pub(super) fn nothing(ty: ScalarType) -> Result<datafusion::logical_expr::Expr> {
        Ok(lit(super::literal::missing(ty)?))
    }
}
