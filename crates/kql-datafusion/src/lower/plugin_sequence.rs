//! Plugins that look for sequences of events.

use datafusion::common::ScalarValue;
use kql::types::ScalarType;

use super::plugin::Call;
use super::relation::Relation;
use super::{Lowering, Result, output_name};
use crate::function::{Datum, json};
use crate::plugin::columns::plan_schema;
use crate::plugin::funnel::{Funnel, FunnelSequence};
use crate::plugin::sequence_detect::SequenceDetect;

impl Lowering<'_> {
    pub(super) fn sequence_detect(&self, call: &Call<'_>) -> Result<Relation> {
        let (moment, constants) = self.constants(call, "TimelineColumn")?;
        let ty = call.input.schema.columns()[moment].ty;
        if ty != ScalarType::DateTime {
            return Err(call.invalid(format!("the timeline is of type {ty}, not datetime")));
        }
        let steps = call.exprs("Expr");
        let dimensions = call.exprs("Dimension");
        let input = self.with_windows(self.plan(call.input)?, steps.iter().copied())?;
        let mut columns = vec![input.column(moment)];
        let mut types = vec![ty];
        for expr in steps.iter().chain(&dimensions) {
            columns.push(self.value(expr, &input)?);
            types.push(expr.ty);
        }
        let columns = columns
            .into_iter()
            .map(|column| column.alias(self.hidden_name()))
            .collect();
        let detect = SequenceDetect {
            timeline: constants.timeline,
            types,
            steps: steps.len(),
            step_window: constants.span("MaxSequenceStepWindow")?,
            span: constants.span("MaxSequenceSpan")?,
            output: plan_schema(&call.output.schema, output_name),
        };
        self.whole(input.project(columns)?, detect)
    }

    pub(super) fn funnel_sequence(&self, call: &Call<'_>) -> Result<Relation> {
        let (moment, constants) = self.constants(call, "TimelineColumn")?;
        let from = constants.moment("Start")?;
        let to = constants.moment("End")?;
        let is_completion = call.function.name == "funnel_sequence_completion";
        let (bins, funnel) = if is_completion {
            let periods = self.elements(call, "MaxSequencePeriods")?;
            let periods = periods.iter().map(|period| {
                let ticks = Datum::String(period).to_timespan();
                let ns = ticks.and_then(|ticks| ticks.checked_mul(100));
                ns.ok_or_else(|| call.invalid(format!("`{period}` is no timespan")))
            });
            let periods = periods.collect::<Result<Vec<_>>>()?;
            let bins = constants.bins("BinSize", from)?;
            (bins, Funnel::Completion { periods })
        } else {
            let step_window = constants.span("MaxSequenceStepWindow")?;
            let bins = constants.bins("Step", from)?;
            (bins, Funnel::Neighbours { step_window })
        };
        let columns = [
            call.column("IdColumn")?,
            moment,
            call.column("StateColumn")?,
        ];
        let funnel = FunnelSequence {
            name: call.function.name,
            timeline: constants.timeline,
            types: self.types_of(call, &columns),
            funnel,
            from: from.ok_or_else(|| constants.missing("Start"))?,
            to: to.ok_or_else(|| constants.missing("End"))?,
            bins,
            sequence: self.elements(call, "Sequence")?,
            output: plan_schema(&call.output.schema, output_name),
        };
        self.whole(self.columns_of(call, &columns)?, funnel)
    }

    /// The elements of an array among the arguments, as text.
    fn elements(&self, call: &Call<'_>, parameter: &str) -> Result<Vec<String>> {
        let text = match self.argument(call, parameter)? {
            Some(ScalarValue::Utf8View(Some(text))) => text,
            _ => String::new(),
        };
        let Some(elements) = json::elements(&text) else {
            return Err(call.invalid(format!("{parameter} is not an array")));
        };
        let elements = elements.map(|element| {
            let mut text = String::new();
            Datum::Dynamic(element).write_text(&mut text);
            text
        });
        Ok(elements.collect())
    }
}
