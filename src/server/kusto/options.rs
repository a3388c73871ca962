//! Options of a request: those of its properties that change the answer here, and the `set`
//! statements of its text. Others are taken and have no effect, as the reference page lists.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use kql::bind::constant;
use kql::types::{ScalarType, TICKS_AT_UNIX_EPOCH, TICKS_PER_SECOND, Value};
use serde_json::{Map, Value as Json};

use super::error::ApiError;
use super::request::Properties;

/// Most rows of a result where nothing else is asked for.
const RECORDS_MAX: u64 = 500_000;
/// Most bytes of a result where nothing else is asked for.
const BYTES_MAX: u64 = 64 << 20;
/// The longest time a request may ask for.
const TIMEOUT_MAX: Duration = Duration::from_hours(1);

/// Whether something is asked of the data or of the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Query,
    Command,
}

/// How a request is to be answered.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Options {
    /// Longest time until the last row.
    pub(super) timeout: Duration,
    /// Most rows of one result; more is an error.
    pub(super) records_max: Option<u64>,
    /// Most bytes of one result; more is an error.
    pub(super) bytes_max: Option<u64>,
    /// Rows of one result after which the rest is left out.
    pub(super) take: Option<u64>,
    /// What `now()` is.
    pub(super) now: Option<DateTime<Utc>>,
    /// What tables with a time column are confined to.
    pub(super) from: Option<DateTime<Utc>>,
    pub(super) to: Option<DateTime<Utc>>,
    /// Where an error is told that comes up behind the first rows.
    pub(super) placement: Placement,
    /// How dynamic values are written.
    pub(super) dynamic: DynamicForm,
}

/// Where an error is told that comes up behind the first rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Placement {
    /// In place of a row, and at the end.
    #[default]
    InData,
    /// At the end of everything only.
    EndOfDataSet,
    /// Among the messages about the query only.
    StatusTable,
}

/// How dynamic values are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum DynamicForm {
    /// As the JSON that they are.
    #[default]
    Json,
    /// As text with JSON in it.
    Text,
}

/// A value of an option, from either place.
struct Given<'g> {
    name: &'g str,
    value: &'g Json,
}

impl Options {
    /// From the properties of a request and the `set` statements of its text, which count more.
    pub(super) fn read(
        kind: Kind,
        properties: &Properties,
        set: &[(String, Value)],
    ) -> Result<Self, ApiError> {
        let mut options = Self {
            timeout: match kind {
                Kind::Query => Duration::from_mins(4),
                Kind::Command => Duration::from_mins(10),
            },
            records_max: Some(RECORDS_MAX),
            bytes_max: Some(BYTES_MAX),
            take: None,
            now: None,
            from: None,
            to: None,
            placement: Placement::default(),
            dynamic: DynamicForm::default(),
        };
        let mut truncation = Truncation::default();
        options.take_in(&properties.options, &mut truncation)?;
        let set: Vec<(String, Json)> = set
            .iter()
            // A request has its time before its text is read.
            .filter(|(name, _)| !matches!(&**name, "servertimeout" | "norequesttimeout"))
            .map(|(name, value)| (name.clone(), json(value)))
            .collect();
        for (name, value) in set {
            options.take_in(&Map::from_iter([(name, value)]), &mut truncation)?;
        }
        if truncation.is_off && truncation.records.is_none() && truncation.bytes.is_none() {
            (options.records_max, options.bytes_max) = (None, None);
        }
        options.records_max = truncation.records.or(options.records_max);
        options.bytes_max = truncation.bytes.or(options.bytes_max);
        Ok(options)
    }

    fn take_in(
        &mut self,
        given: &Map<String, Json>,
        truncation: &mut Truncation,
    ) -> Result<(), ApiError> {
        for (name, value) in given {
            let given = Given { name, value };
            if value.is_null() {
                continue;
            }
            match &**name {
                "servertimeout" => self.timeout = given.duration()?.min(TIMEOUT_MAX),
                "norequesttimeout" if given.flag()? => self.timeout = TIMEOUT_MAX,
                "notruncation" => truncation.is_off = given.flag()?,
                "truncationmaxrecords" | "truncation_max_records" => {
                    truncation.records = Some(least(truncation.records, given.count()?));
                }
                "truncationmaxsize" | "truncation_max_size" => {
                    truncation.bytes = Some(least(truncation.bytes, given.count()?));
                }
                "query_take_max_records" => self.take = Some(least(self.take, given.count()?)),
                "query_now" => self.now = Some(given.instant()?),
                "query_datetimescope_from" => self.from = Some(given.instant()?),
                "query_datetimescope_to" => self.to = Some(given.instant()?),
                "query_datetimescope_column" => given.time_column()?,
                "deferpartialqueryfailures" if given.flag()? => {
                    self.placement = Placement::StatusTable;
                }
                "results_error_reporting_placement" => {
                    self.placement = match given.text()?.as_str() {
                        "end_of_dataset" => Placement::EndOfDataSet,
                        _ => Placement::InData,
                    };
                }
                "response_dynamic_serialization" => {
                    self.dynamic = match given.text()?.as_str() {
                        "string" => DynamicForm::Text,
                        _ => DynamicForm::Json,
                    };
                }
                _ => {}
            }
        }
        Ok(())
    }
}

/// What was said about cutting results off; the least value of several counts.
#[derive(Default)]
struct Truncation {
    is_off: bool,
    records: Option<u64>,
    bytes: Option<u64>,
}

fn least(before: Option<u64>, now: u64) -> u64 {
    before.map_or(now, |before| before.min(now))
}

/// The value of a `set` statement.
fn json(value: &Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Bool(flag) => Json::from(*flag),
        Value::Int(number) => Json::from(*number),
        Value::Long(number) => Json::from(*number),
        Value::Real(number) => Json::from(*number),
        Value::DateTime(ticks) => Json::from(kql::time::format_datetime(*ticks)),
        Value::TimeSpan(ticks) => Json::from(kql::time::format_timespan(*ticks)),
        Value::Decimal(text) | Value::String(text) | Value::Guid(text) | Value::Dynamic(text) => {
            Json::from(&**text)
        }
    }
}

impl Given<'_> {
    fn wrong(&self, wanted: &str) -> ApiError {
        ApiError::bad_option(&format!("the option `{}` is {wanted}", self.name))
    }

    fn text(&self) -> Result<String, ApiError> {
        match self.value {
            Json::String(text) => Ok(text.clone()),
            _ => Err(self.wrong("a text")),
        }
    }

    fn constant(&self, ty: ScalarType, wanted: &str) -> Result<Value, ApiError> {
        let text = match self.value {
            Json::String(text) => text.clone(),
            Json::Bool(_) | Json::Number(_) => self.value.to_string(),
            _ => return Err(self.wrong(wanted)),
        };
        constant(&text, ty)
            .filter(|value| *value != Value::Null)
            .ok_or_else(|| self.wrong(wanted))
    }

    fn flag(&self) -> Result<bool, ApiError> {
        let wanted = "true or false";
        match self.constant(ScalarType::Bool, wanted)? {
            Value::Bool(flag) => Ok(flag),
            _ => Err(self.wrong(wanted)),
        }
    }

    fn count(&self) -> Result<u64, ApiError> {
        let wanted = "a number of 0 or more";
        match self.constant(ScalarType::Long, wanted)? {
            Value::Long(count) => u64::try_from(count).map_err(|_| self.wrong(wanted)),
            _ => Err(self.wrong(wanted)),
        }
    }

    fn duration(&self) -> Result<Duration, ApiError> {
        let wanted = "a timespan longer than 0, such as `00:04:00` or `4m`";
        match self.constant(ScalarType::TimeSpan, wanted)? {
            Value::TimeSpan(ticks @ 1..) => Ok(Duration::from_nanos(
                ticks.unsigned_abs().saturating_mul(100),
            )),
            _ => Err(self.wrong(wanted)),
        }
    }

    fn instant(&self) -> Result<DateTime<Utc>, ApiError> {
        let wanted = "a datetime, such as `2026-01-15T08:00:00Z`";
        let Value::DateTime(ticks) = self.constant(ScalarType::DateTime, wanted)? else {
            return Err(self.wrong(wanted));
        };
        let since_epoch = ticks - TICKS_AT_UNIX_EPOCH;
        let seconds = TimeDelta::seconds(since_epoch.div_euclid(TICKS_PER_SECOND));
        let rest = TimeDelta::nanoseconds(since_epoch.rem_euclid(TICKS_PER_SECOND) * 100);
        DateTime::UNIX_EPOCH
            .checked_add_signed(seconds + rest)
            .ok_or_else(|| self.wrong(wanted))
    }

    /// The scope is applied to the time column of each table, which is one of these by convention.
    fn time_column(&self) -> Result<(), ApiError> {
        match self.text()?.as_str() {
            "Timestamp" | "TimeGenerated" => Ok(()),
            _ => Err(self.wrong(
                "`Timestamp` or `TimeGenerated` here: a scope is applied to the time column of \
                 each table",
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(options: &Json, set: &str) -> Result<Options, ApiError> {
        let Json::Object(options) = options else {
            panic!("{options} is no object");
        };
        let properties = Properties {
            options: options.clone(),
            ..Properties::default()
        };
        let set = kql::request::read(&format!("{set}; print 1")).options;
        Options::read(Kind::Query, &properties, &set)
    }

    #[test]
    fn the_least_limit_counts_and_any_limit_more_than_none() {
        let limits = |options: Json, set: &str| {
            let options = read(&options, set).unwrap();
            (options.records_max, options.bytes_max)
        };
        let size = Some(BYTES_MAX);
        assert_eq!(limits(json!({}), "let x = 1"), (Some(RECORDS_MAX), size));
        assert_eq!(
            limits(json!({"notruncation": true}), "let x = 1"),
            (None, None)
        );
        assert_eq!(limits(json!({}), "set notruncation"), (None, None));
        let records = json!({"truncationmaxrecords": 5, "notruncation": true});
        assert_eq!(limits(records.clone(), "let x = 1"), (Some(5), size));
        assert_eq!(
            limits(records.clone(), "set truncationmaxrecords = 7"),
            (Some(5), size)
        );
        assert_eq!(
            limits(records, "set truncationmaxrecords = 3"),
            (Some(3), size)
        );
        assert_eq!(
            limits(json!({"truncationmaxsize": "1000"}), "let x = 1"),
            (Some(RECORDS_MAX), Some(1000))
        );
    }

    #[test]
    fn times_are_read_as_clients_write_them() {
        let timeout = |value: Json| read(&json!({"servertimeout": value}), "let x = 1");
        for (value, seconds) in [
            ("00:04:00", 240),
            ("0:00:30", 30),
            ("50m", 3000),
            ("time(10s)", 10),
            ("2.00:00:00", 3600),
        ] {
            let options = timeout(json!(value)).unwrap();
            assert_eq!(options.timeout, Duration::from_secs(seconds), "{value}");
        }
        for value in [json!("soon"), json!(true), json!("0s"), json!("-1m")] {
            assert!(timeout(value.clone()).is_err(), "{value}");
        }
        let now: DateTime<Utc> = "2026-01-15T08:00:00.5Z".parse().unwrap();
        for value in ["2026-01-15T08:00:00.5Z", "datetime(2026-01-15 08:00:00.5)"] {
            let options = read(&json!({"query_now": value}), "let x = 1").unwrap();
            assert_eq!(options.now, Some(now), "{value}");
        }
        let set = "set query_now = datetime(2026-01-15 08:00:00.5)";
        assert_eq!(read(&json!({}), set).unwrap().now, Some(now));
    }

    #[test]
    fn what_has_no_effect_is_taken() {
        let options = json!({"queryconsistency": "strongconsistency", "request_readonly": true});
        assert_eq!(
            read(&options, "let x = 1").unwrap(),
            read(&json!({}), "set best_effort").unwrap()
        );
        let column = json!({"query_datetimescope_column": "Arrived"});
        assert!(read(&column, "let x = 1").is_err());
    }
}
