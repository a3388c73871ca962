//! A query becomes result tables: its database is found, and the source is asked for each result
//! of its text.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use futures::FutureExt as _;
use kql::window::Mode;

use super::Kusto;
use super::answer::{Preparation, Rows};
use super::error::ApiError;
use super::options::Options;
use super::request::Request;
use crate::source::{QuerySpec, Turn};
use crate::window::Window;

/// Most results of one text.
const RESULTS_MAX: usize = 32;

/// What will ask for the results of a query. `ends` is where in the text each of them ends.
pub(super) fn prepare(
    kusto: &Kusto,
    request: Request,
    options: &Options,
    ends: Vec<usize>,
    received: DateTime<Utc>,
) -> Result<Preparation, ApiError> {
    check_count(ends.len())?;
    let databases = kusto.databases.now();
    let (_, source) = databases.find(request.database.as_deref())?;
    let source = Arc::clone(source);
    let now = options.now.unwrap_or(received);
    let spec = QuerySpec {
        text: String::new(),
        parameters: request.properties.parameters,
        window: window(options, now)?,
        window_applies: options.from.is_some() || options.to.is_some(),
        window_mode: Mode::Event,
        stats: Arc::default(),
        now: Some(now),
        timeout: options.timeout,
        turn: Turn::of_person(),
    };
    let text = request.text;
    let ask = async move {
        let mut tables = Vec::with_capacity(ends.len());
        for end in ends {
            let spec = QuerySpec {
                text: text.get(..end).unwrap_or(&text).to_owned(),
                stats: Arc::default(),
                ..spec.clone()
            };
            let mut results = source.results(&spec).await.map_err(ApiError::of_source)?;
            let last = results.pop();
            let others = results.into_iter().map(|result| Rows::of(result, false));
            tables.extend(others);
            // The results of a query share their statistics, which are told once.
            tables.extend(last.map(|result| Rows::of(result, true)));
            check_count(tables.len())?;
        }
        Ok(tables)
    };
    Ok(ask.boxed())
}

fn check_count(count: usize) -> Result<(), ApiError> {
    if count <= RESULTS_MAX {
        return Ok(());
    }
    Err(ApiError::malformed(&format!(
        "the text has {count} results, more than the {RESULTS_MAX} that one request may ask for"
    )))
}

/// What the tables are confined to; open ends are those of time.
fn window(options: &Options, now: DateTime<Utc>) -> Result<Window, ApiError> {
    let start = options
        .from
        .unwrap_or_else(|| DateTime::from_timestamp_nanos(i64::MIN));
    // Both ends of a scope belong to it.
    let end = match options.to {
        Some(to) => to
            .checked_add_signed(TimeDelta::nanoseconds(100))
            .unwrap_or(to),
        None => options.from.map_or(now, |from| {
            let last = DateTime::from_timestamp_nanos(i64::MAX);
            if from < last { last } else { from }
        }),
    };
    Window::new(start, end).map_err(|_| {
        ApiError::bad_option(&format!(
            "the scope from {start} to {end} is empty; see `query_datetimescope_from`, \
             `query_datetimescope_to` and `query_now`"
        ))
    })
}
