//! A query made ready: bound against the tables of its service, so that mistakes are found before
//! a call is spent on them, and held ready to be confined to any part of its window.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use kql::bind::{KnownColumns, Parameters, compile_given};
use kql::diagnostic::Diagnostic;
use kql::hir::{Query, Render};
use kql::types::Schema;
use kql::window::{
    self, Alignment, Carrier, Combine, MergeStep, Mode, Splitting, Timing, Verdict, rewrite,
    splitting,
};

use super::Inner;
use super::query_api::{Stale, Timespan};
use crate::microsoft::ApiError;
use crate::source::{QuerySpec, SourceError, Turn, kusto_ticks};
use crate::window::Window;

/// A query that is ready to be asked.
#[derive(Debug)]
pub(super) struct Prepared {
    text: String,
    query: Query,
    spec: QuerySpec,
    /// When its turn ends.
    deadline: Option<DateTime<Utc>>,
    /// Whether requests say of time what the text says.
    has_timespan: bool,
    /// How parts of the window make the whole; none if it cannot be had in parts.
    pub(super) parting: Option<Parting>,
    /// Why it cannot, where it cannot.
    pub(super) whole_because: String,
    /// What the run's report says beforehand.
    pub(super) note: Option<String>,
}

/// How parts of a window make the whole.
#[derive(Clone, Debug)]
pub(super) struct Parting {
    /// Where it may be cut; anywhere if not given.
    pub(super) alignment: Option<Alignment>,
    /// What is done with the rows of all parts; nothing where they are the answer.
    pub(super) steps: Vec<MergeStep>,
}

impl Prepared {
    /// Binds a query. Names that are not there are asked for once more, of services that tell
    /// what is.
    pub(super) async fn of(inner: &Arc<Inner>, spec: &QuerySpec) -> Result<Self, SourceError> {
        let limit = TimeDelta::from_std(spec.timeout).ok();
        let limit = limit.and_then(|limit| inner.clock.now().checked_add_signed(limit));
        let deadline = [spec.turn.deadline, limit].into_iter().flatten().min();
        inner.refresh(Stale::Unknown).await?;
        let query = match bind(inner, spec) {
            Err(_) if inner.refresh(Stale::All).await.is_ok() => bind(inner, spec)?,
            bound => bound?,
        };
        if query.has_several_results() {
            return Err(several_results(&query, spec));
        }
        let (parting, whole_because) = if spec.window_applies {
            parting(&splitting(&query, spec.window_mode))
        } else {
            (None, "the query was asked without a window".to_owned())
        };
        let mut prepared = Self {
            text: spec.text.clone(),
            query,
            spec: spec.clone(),
            deadline,
            has_timespan: false,
            parting,
            whole_because,
            note: None,
        };
        // Services know when rows happened, and not when they arrived.
        prepared.has_timespan = inner.api.has_timespan() && spec.window_mode == Mode::Event;
        prepared.check_reads()?;
        Ok(prepared)
    }

    /// Tables that the text cannot confine: the service must do it, and then no cut is exact.
    fn check_reads(&mut self) -> Result<(), SourceError> {
        if !self.spec.window_applies {
            return Ok(());
        }
        let timing = self.timing(self.spec.window);
        let rewritten = rewrite(&self.text, &self.query, timing, Carrier::Text);
        let Some(read) = rewritten.unwindowed.first() else {
            return Ok(());
        };
        if self.has_timespan {
            let place = read.span.text(&self.text);
            self.parting = None;
            self.whole_because = format!("`{place}` has no filter by time: {}", read.reason);
            self.note = Some(format!(
                "{}; the service itself keeps to the window, and may let in rows of up to a second \
                 before and behind it",
                self.whole_because
            ));
            return Ok(());
        }
        let message = format!("this cannot be confined to a window: {}", read.reason);
        let problem = Diagnostic::error("KQL900", read.span, message)
            .with_help("filter by time in the query, behind the table, or read the table by name");
        Err(SourceError::InvalidQuery {
            diagnostics: vec![problem],
            text: self.text.clone(),
        })
    }

    fn timing(&self, part: Window) -> Timing {
        let window = window::Window {
            from: kusto_ticks(part.start()),
            to: kusto_ticks(part.end()),
        };
        Timing {
            window,
            now: kusto_ticks(self.spec.now.unwrap_or(self.spec.window.end())),
            mode: self.spec.window_mode,
        }
    }

    /// The text that is asked for a part of the window. Where the window confines no table, it
    /// still says what `now()` is.
    pub(super) fn text(&self, part: Window) -> String {
        let (carrier, mode) = if self.spec.window_applies {
            (Carrier::Text, self.spec.window_mode)
        } else {
            (Carrier::Request, Mode::Event)
        };
        let timing = Timing {
            mode,
            ..self.timing(part)
        };
        rewrite(&self.text, &self.query, timing, carrier).text
    }

    /// What a request says of time beside its text.
    pub(super) fn timespan(&self, part: Window) -> Option<Timespan> {
        let is_told = self.spec.window_applies && self.has_timespan;
        is_told.then(|| Timespan::around(part))
    }

    /// The columns that the answer should have; none if that is not known.
    pub(super) fn expected(&self) -> Option<Schema> {
        let schema = &self.query.plan.schema;
        (!schema.is_open() && !schema.is_empty()).then(|| schema.clone())
    }

    pub(super) fn window(&self) -> Window {
        self.spec.window
    }

    pub(super) fn parameters(&self) -> &Parameters {
        &self.spec.parameters
    }

    pub(super) fn turn(&self) -> &Turn {
        &self.spec.turn
    }

    /// After this instant the answer is of no use.
    pub(super) fn deadline(&self) -> Option<DateTime<Utc>> {
        self.deadline
    }

    pub(super) fn render(&self) -> Option<&Render> {
        self.query.render.as_ref()
    }
}

fn bind(inner: &Inner, spec: &QuerySpec) -> Result<Query, SourceError> {
    let catalog = inner.catalog();
    let bound = compile_given(
        &spec.text,
        &*catalog,
        &spec.parameters,
        &KnownColumns::new(),
    );
    bound.query.ok_or_else(|| SourceError::InvalidQuery {
        diagnostics: bound.diagnostics,
        text: spec.text.clone(),
    })
}

/// Services that hunt answer with the first table of several and say nothing of the others.
fn several_results(query: &Query, spec: &QuerySpec) -> SourceError {
    let message = "the query yields several tables, of which the service may tell one only";
    let problem = Diagnostic::error("KQL900", query.plan.span, message)
        .with_help("ask for them one by one, or put them together with `union`");
    SourceError::InvalidQuery {
        diagnostics: vec![problem],
        text: spec.text.clone(),
    }
}

fn parting(splitting: &Splitting) -> (Option<Parting>, String) {
    let steps = match &splitting.verdict {
        Verdict::Independent => Vec::new(),
        Verdict::Mergeable(steps) if steps.iter().all(can_be_merged) => steps.clone(),
        Verdict::Mergeable(_) => {
            let reason = "the lists of its parts are not joined";
            return (None, reason.to_owned());
        }
        Verdict::Neither => return (None, splitting.reason.clone()),
    };
    let parting = Parting {
        alignment: splitting.alignment,
        steps,
    };
    (Some(parting), splitting.reason.clone())
}

/// Whether `merge` has a word for it.
fn can_be_merged(step: &MergeStep) -> bool {
    let MergeStep::Aggregate { outputs, .. } = step else {
        return true;
    };
    let mut combines = outputs.iter().map(|(_, combine)| combine);
    combines.all(|combine| !matches!(combine, Combine::Concatenate(_)))
}

impl Inner {
    async fn refresh(&self, stale: Stale) -> Result<(), SourceError> {
        let asked = self.api.refresh_tables(&self.client, stale).await;
        asked.map_err(|error: ApiError| self.failure(&error))
    }
}
