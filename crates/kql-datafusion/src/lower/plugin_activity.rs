//! Plugins that count over time.

use std::collections::HashSet;

use datafusion::common::ScalarValue;
use kql::hir;
use kql::types::ScalarType;

use super::plugin::Call;
use super::prepare::{Answer, address};
use super::relation::Relation;
use super::{Lowering, Result, output_name};
use crate::function::Input;
use crate::plugin::activity::{Activity, Metric};
use crate::plugin::columns::plan_schema;
use crate::plugin::rolling_percentile::RollingPercentile;
use crate::plugin::timeline::{Bins, Timeline, number};

/// Nanoseconds from 0001-01-01, where bins of time begin, to 1970-01-01.
const NS_AT_UNIX_EPOCH: i128 = 62_135_596_800_000_000_000;

/// The constants of a call that are moments or spans of its timeline.
pub(super) struct Constants<'c, 'p, 'l, 'a> {
    lowering: &'l Lowering<'a>,
    call: &'c Call<'p>,
    pub(super) timeline: Timeline,
}

impl Constants<'_, '_, '_, '_> {
    fn optional(
        &self,
        parameter: &str,
        read: impl Fn(&ScalarValue) -> Option<i64>,
    ) -> Result<Option<i64>> {
        let Some(value) = self.lowering.argument(self.call, parameter)? else {
            return Ok(None);
        };
        let read = read(&value).ok_or_else(|| {
            let message = format!("{parameter} does not suit the type of the timeline");
            self.call.invalid(message)
        });
        read.map(Some)
    }

    pub(super) fn missing(&self, parameter: &str) -> crate::error::EngineError {
        self.call.invalid(format!("{parameter} has no value"))
    }

    pub(super) fn moment(&self, parameter: &str) -> Result<Option<i64>> {
        self.optional(parameter, |value| self.timeline.moment(value))
    }

    pub(super) fn span(&self, parameter: &str) -> Result<i64> {
        let span = self.optional(parameter, |value| self.timeline.span(value))?;
        span.ok_or_else(|| self.missing(parameter))
    }

    pub(super) fn number(&self, parameter: &str) -> Result<i64> {
        let number = self.optional(parameter, number)?;
        number.ok_or_else(|| self.missing(parameter))
    }

    /// Bins of the length in an argument.
    pub(super) fn bins(&self, parameter: &str, origin: Option<i64>) -> Result<Bins> {
        let length = self.span(parameter)?;
        let origin = origin.unwrap_or_else(|| match length {
            1.. if self.timeline.has_calendar() => {
                let length = i128::from(length);
                (-NS_AT_UNIX_EPOCH).rem_euclid(length) as i64
            }
            _ => 0,
        });
        let bins = Bins::steps(origin, length);
        bins.ok_or_else(|| self.call.invalid(format!("{parameter} must be above zero")))
    }
}

impl Lowering<'_> {
    /// The position of the column with the timeline, and what reads constants of its kind.
    pub(super) fn constants<'c, 'p>(
        &self,
        call: &'c Call<'p>,
        column: &str,
    ) -> Result<(usize, Constants<'c, 'p, '_, '_>)> {
        let column = call.column(column)?;
        let ty = call.input.schema.columns()[column].ty;
        let timeline = Timeline::of(ty)
            .ok_or_else(|| call.invalid(format!("a timeline of type {ty} cannot be cut")))?;
        let constants = Constants {
            lowering: self,
            call,
            timeline,
        };
        Ok((column, constants))
    }

    pub(super) fn activity(&self, call: &Call<'_>) -> Result<Relation> {
        let (moment, constants) = self.constants(call, "TimelineColumn")?;
        let mut from = constants.moment("Start")?;
        let mut to = constants.moment("End")?;
        let (bins, metric) = match call.function.name {
            "active_users_count" => {
                let periods = constants.bins("Period", from)?;
                let metric = Metric::ActiveUsers {
                    lookback: constants.span("LookbackWindow")?,
                    periods,
                    enough: constants.number("ActivePeriodsCount")?,
                };
                (constants.bins("Bin", from)?, metric)
            }
            "activity_counts_metrics" => (constants.bins("Step", from)?, Metric::Counts),
            "activity_metrics" if call.expr("Step").is_none() => {
                // The third argument of three is the window.
                if call.expr("End").is_some() {
                    return Err(call.invalid("give both the start and the end, or none of them"));
                }
                (from, to) = (None, None);
                (constants.bins("Start", None)?, Metric::Retention)
            }
            "activity_metrics" => (constants.bins("Step", from)?, Metric::Retention),
            "activity_engagement" => {
                let outer = constants.span("OuterActivityWindow")?;
                let bins = constants.bins("InnerActivityWindow", from)?;
                (bins, Metric::Engagement { outer })
            }
            "sliding_window_counts" => {
                let lookback = constants.span("LookbackWindow")?;
                let bins = constants.bins("Step", from)?;
                (bins, Metric::SlidingWindow { lookback })
            }
            "session_count" => {
                let lookback = constants.span("LookBackWindow")?;
                (constants.bins("Bin", None)?, Metric::Sessions { lookback })
            }
            _ => {
                let bins = match self.argument(call, "Window")? {
                    Some(ScalarValue::Utf8View(Some(name))) => Bins::named(&name)
                        .filter(|_| constants.timeline.has_calendar())
                        .ok_or_else(|| {
                            call.invalid(format!(
                                "the window `{name}` is not week, month or year of a datetime"
                            ))
                        })?,
                    _ => constants.bins("Window", from)?,
                };
                let metric = Metric::Cohorts {
                    cohort: constants.moment("Cohort")?,
                    known: self.known_users(call)?,
                };
                (bins, metric)
            }
        };
        let id = call.column("IdColumn")?;
        let mut columns = vec![id, moment];
        for dimension in call.exprs("Dimension") {
            if let hir::ExprKind::Column(position) = dimension.kind {
                columns.push(position);
            }
        }
        let schema = &call.output.schema;
        let activity = Activity {
            name: call.function.name,
            timeline: constants.timeline,
            types: self.types_of(call, &columns),
            metric,
            from,
            to,
            bins,
            output: plan_schema(schema, output_name),
            output_types: schema.columns().iter().map(|column| column.ty).collect(),
        };
        self.whole(self.columns_of(call, &columns)?, activity)
    }

    pub(super) fn rolling_percentile(&self, call: &Call<'_>) -> Result<Relation> {
        let (index, constants) = self.constants(call, "IndexColumn")?;
        let bins = constants.bins("BinSize", None)?;
        let length = constants.span("BinSize")?;
        let count = constants.number("BinsPerWindow")?;
        if count < 1 {
            return Err(call.invalid("BinsPerWindow must be above zero"));
        }
        let rank = match self.argument(call, "Percentile")? {
            Some(ScalarValue::Float64(Some(rank))) => rank,
            Some(value) => number(&value).ok_or_else(|| constants.missing("Percentile"))? as f64,
            None => return Err(constants.missing("Percentile")),
        };
        if !(0.0..=100.0).contains(&rank) {
            return Err(call.invalid("Percentile must be from 0 to 100"));
        }
        let mut columns = vec![index, call.column("ValueColumn")?];
        for dimension in call.exprs("Dimension") {
            if let hir::ExprKind::Column(position) = dimension.kind {
                columns.push(position);
            }
        }
        let rolling = RollingPercentile {
            timeline: constants.timeline,
            types: self.types_of(call, &columns),
            rank,
            bins,
            reach: length.saturating_mul(count - 1),
            output: plan_schema(&call.output.schema, output_name),
        };
        self.whole(self.columns_of(call, &columns)?, rolling)
    }

    /// Some columns of the input.
    pub(super) fn columns_of(&self, call: &Call<'_>, columns: &[usize]) -> Result<Relation> {
        let input = self.plan(call.input)?;
        let columns: Vec<_> = columns
            .iter()
            .map(|column| input.column(*column).alias(self.hidden_name()))
            .collect();
        let name = call.function.name;
        Self::without_versions(input.project(columns)?, name, call.output.span)
    }

    #[expect(clippy::unused_self, reason = "it stands beside `columns_of`")]
    pub(super) fn types_of(&self, call: &Call<'_>, columns: &[usize]) -> Vec<ScalarType> {
        let schema = call.input.schema.columns();
        columns.iter().map(|column| schema[*column].ty).collect()
    }

    /// The users that the table among the arguments names, in the column that is called as that
    /// of the input.
    fn known_users(&self, call: &Call<'_>) -> Result<HashSet<String>> {
        let mut known = HashSet::new();
        let Some(table) = call.table() else {
            return Ok(known);
        };
        let id = &call.input.schema.columns()[call.column("IdColumn")?];
        let Some(Answer::Table(schema, batches)) = self.subqueries.get(&address(table)) else {
            return Err(call.refused());
        };
        let position = schema.index_of(&id.name).ok_or_else(|| {
            call.invalid(format!("the lookback table has no column `{}`", id.name))
        })?;
        let ty = schema.columns()[position].ty;
        if ty != id.ty {
            return Err(call.invalid(format!(
                "the column `{}` of the lookback table is of type {ty}, not {}",
                id.name, id.ty
            )));
        }
        for batch in batches {
            let values = Input::new(batch.column(position), ty);
            for row in 0..batch.num_rows() {
                let mut json = String::new();
                values.get(row).write_json(&mut json);
                known.insert(json);
            }
        }
        Ok(known)
    }
}
