//! `datetime_utc_to_local()` and `datetime_local_to_utc()`, by the IANA time zone database that
//! the program carries.

use arrow::array::ArrayRef;
use chrono::{DateTime, Duration, MappedLocalTime, NaiveDateTime, Offset, TimeZone};
use chrono_tz::Tz;
use datafusion::common::{Result, exec_err};
use kql::types::ScalarType;

use super::arguments::Arguments;
use super::json;
use super::udf::{Evaluate, code};
use crate::types::ticks_to_unix_ns;

/// Functions of time zones by name.
pub(super) fn find(name: &str, _: &[ScalarType]) -> Option<Evaluate> {
    Some(match name {
        "datetime_utc_to_local" => code(|a| convert(a, to_local)),
        "datetime_local_to_utc" => code(|a| convert(a, to_utc)),
        "datetime_list_timezones" => code(|a| {
            let mut names: Vec<String> = chrono_tz::TZ_VARIANTS
                .iter()
                .map(|zone| format!("\"{}\"", zone.name()))
                .collect();
            names.sort_unstable();
            a.strings(|_, out| json::write_array(names.iter().map(String::as_str), out))
        }),
        _ => return None,
    })
}

fn convert(
    a: &Arguments<'_>,
    convert: impl Fn(Tz, NaiveDateTime) -> Option<NaiveDateTime>,
) -> Result<ArrayRef> {
    let times = a.datetimes_in(0);
    let zones = a.texts(1)?;
    let zone = |name: &str| {
        name.parse::<Tz>().or_else(|_| {
            exec_err!("unknown time zone `{name}`; use a name such as `Europe/Berlin`")
        })
    };
    let constant = zones.constant().map(zone).transpose()?;
    let mut values = Vec::with_capacity(a.rows);
    for row in 0..a.rows {
        let zone = match constant {
            Some(zone) => zone,
            None => zone(zones.text(row))?,
        };
        values.push(times.get(row).and_then(|ticks| {
            let time = DateTime::from_timestamp_nanos(ticks_to_unix_ns(ticks)).naive_utc();
            convert(zone, time)?.and_utc().timestamp_nanos_opt()
        }));
    }
    a.datetimes_ns(|row| values[row])
}

fn to_local(zone: Tz, utc: NaiveDateTime) -> Option<NaiveDateTime> {
    let offset = zone.offset_from_utc_datetime(&utc).fix();
    utc.checked_add_offset(offset)
}

/// A time that occurs twice is taken for the first of them, one that is skipped is read with the
/// offset after the gap.
fn to_utc(zone: Tz, local: NaiveDateTime) -> Option<NaiveDateTime> {
    let offset = match zone.offset_from_local_datetime(&local) {
        MappedLocalTime::Single(offset) | MappedLocalTime::Ambiguous(offset, _) => offset,
        MappedLocalTime::None => {
            // A day later every clock has made the jump.
            zone.offset_from_utc_datetime(&local.checked_add_signed(Duration::days(1))?)
        }
    };
    local.checked_sub_offset(offset.fix())
}

#[cfg(test)]
mod tests {
    use super::super::testing::{datetime, eval, string};
    use super::*;

    #[test]
    fn clocks_that_jump() {
        for (name, time, expected) in [
            (
                "datetime_utc_to_local",
                "2022-07-11 22:18:48.4678620",
                "2022-07-12T00:18:48.4678620Z",
            ),
            (
                "datetime_local_to_utc",
                "2022-03-27 01:59",
                "2022-03-27T00:59:00.0000000Z",
            ),
            (
                "datetime_local_to_utc",
                "2022-03-27 02:00",
                "2022-03-27T00:00:00.0000000Z",
            ),
            (
                "datetime_local_to_utc",
                "2022-03-27 03:00",
                "2022-03-27T01:00:00.0000000Z",
            ),
            (
                "datetime_local_to_utc",
                "2022-10-30 02:30",
                "2022-10-30T00:30:00.0000000Z",
            ),
        ] {
            let arguments = [datetime(time), string("Europe/Brussels")];
            let got = eval(name, ScalarType::DateTime, &arguments);
            assert_eq!(got, expected, "{name} {time}");
        }
    }
}
