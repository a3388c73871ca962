//! Cron expressions in a time zone whose clocks are put forward and back.
//!
//! croner matches calendar fields only; the way from a local time to instants is worked out here,
//! for both directions of search, after Vixie cron's rule. A schedule with fixed hours (`30 2 * * *`,
//! `*/15 2,14 * * *`) fires once for every local time: a skipped one just after the gap (several of
//! them once together), a repeated one when it comes first. A schedule for all hours (`*/15 * * * *`,
//! `0 */2 * * *`: the hour field begins with `*`) follows the clock on the wall: it has no fire times
//! in the gap, and keeps firing when an hour is repeated.

use chrono::{DateTime, MappedLocalTime, NaiveDateTime, Offset as _, TimeDelta, TimeZone as _};
use chrono::{Timelike as _, Utc};
use chrono_tz::Tz;
use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};

/// Parses an expression of five fields, or six with seconds first; tells what is wrong otherwise.
pub(super) fn parse(text: &str) -> Result<Cron, String> {
    let fields = text.split_whitespace().count();
    let is_nickname = text.trim().starts_with('@');
    if !is_nickname && !(5..=6).contains(&fields) {
        return Err(format!(
            "it has {fields} field{}, five or six (seconds first) are needed",
            if fields == 1 { "" } else { "s" }
        ));
    }
    let parser = CronParser::builder()
        .seconds(Seconds::Optional)
        .year(Year::Disallowed)
        .build();
    let cron = parser.parse(text).map_err(|error| {
        let reason = reason(&error);
        match wrong_field(parser, text) {
            Some((name, field)) => format!("{name} `{field}`: {reason}"),
            None => reason,
        }
    })?;
    let some_instant = DateTime::UNIX_EPOCH;
    if cron.find_next_occurrence(&some_instant, true).is_err() {
        return Err("it never fires".to_owned());
    }
    Ok(cron)
}

/// The first field that is wrong by itself.
fn wrong_field(parser: CronParser, text: &str) -> Option<(&'static str, &str)> {
    const NAMES: [&str; 6] = [
        "second",
        "minute",
        "hour",
        "day of month",
        "month",
        "day of week",
    ];
    let fields: Vec<&str> = text.split_whitespace().collect();
    let names = &NAMES[NAMES.len().checked_sub(fields.len())?..];
    let is_wrong = |at: usize| {
        let mut alone = vec!["*"; fields.len()];
        alone[at] = fields[at];
        parser.parse(&alone.join(" ")).is_err()
    };
    let at = (0..fields.len()).find(|at| is_wrong(*at))?;
    Some((names[at], fields[at]))
}

fn reason(error: &croner::errors::CronError) -> String {
    use croner::errors::CronError;
    let text = match error {
        CronError::InvalidPattern(text)
        | CronError::IllegalCharacters(text)
        | CronError::ComponentError(text) => text.clone(),
        other => other.to_string(),
    };
    let mut characters = text.trim_end_matches('.').chars();
    let first = characters.next().map(|c| c.to_ascii_lowercase());
    first.into_iter().chain(characters).collect()
}

/// The first fire time after `instant`.
pub(super) fn next_after(cron: &Cron, zone: Tz, instant: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let local = whole_second(instant.with_timezone(&zone).naive_local())?;
    if fires_in_all_hours(cron) {
        let overlap = overlap_at(zone, instant);
        let is_second_time = overlap.is_some_and(|overlap| instant >= overlap.turn);
        let ahead = first_existing(cron, zone, next_local(cron, local)?).and_then(|mapped| {
            if is_second_time {
                latest(mapped)
            } else {
                earliest(mapped)
            }
        });
        let again = overlap.filter(|_| !is_second_time).and_then(|overlap| {
            let fire_time = next_local(cron, overlap.start - TimeDelta::seconds(1))?;
            (fire_time < overlap.end).then(|| latest(zone.from_local_datetime(&fire_time)))?
        });
        return match (ahead, again) {
            (Some(ahead), Some(again)) => Some(ahead.min(again)),
            (ahead, again) => ahead.or(again),
        };
    }
    let mut fire_time = next_local(cron, local)?;
    loop {
        let at = first_instant_of(zone, fire_time)?;
        if at > instant {
            return Some(at);
        }
        // Only in a repeated hour: this local time has already come.
        fire_time = next_local(cron, fire_time)?;
    }
}

/// The last fire time that is not after `instant`.
pub(super) fn last_at_or_before(
    cron: &Cron,
    zone: Tz,
    instant: DateTime<Utc>,
) -> Option<DateTime<Utc>> {
    let local = whole_second(instant.with_timezone(&zone).naive_local())?;
    let overlap = overlap_at(zone, instant);
    let repeated = overlap.filter(|overlap| instant >= overlap.turn);
    if fires_in_all_hours(cron) {
        let behind = last_existing(cron, zone, last_local(cron, local)?).and_then(|mapped| {
            let is_first_time = overlap.is_some_and(|overlap| instant < overlap.turn);
            if is_first_time {
                earliest(mapped)
            } else {
                latest(mapped)
            }
        });
        let first_time = repeated.and_then(|overlap| {
            let fire_time = last_local(cron, overlap.end - TimeDelta::seconds(1))?;
            (fire_time >= overlap.start).then(|| earliest(zone.from_local_datetime(&fire_time)))?
        });
        return match (behind, first_time) {
            (Some(behind), Some(first_time)) => Some(behind.max(first_time)),
            (behind, first_time) => behind.or(first_time),
        };
    }
    let until = match repeated {
        Some(overlap) => overlap.end - TimeDelta::seconds(1),
        None => local,
    };
    first_instant_of(zone, last_local(cron, until)?)
}

/// Whether the hour field begins with `*`.
fn fires_in_all_hours(cron: &Cron) -> bool {
    let fields: Vec<&str> = cron.pattern.as_str().split_whitespace().collect();
    let hour = if fields.len() == 5 { 1 } else { 2 };
    fields.get(hour).is_some_and(|field| field.starts_with('*'))
}

/// The first local fire time after `local`. The search is in UTC, which has every local time once.
fn next_local(cron: &Cron, local: NaiveDateTime) -> Option<NaiveDateTime> {
    let found = cron.find_next_occurrence(&local.and_utc(), false).ok()?;
    Some(found.naive_utc())
}

/// The last local fire time that is not after `local`.
fn last_local(cron: &Cron, local: NaiveDateTime) -> Option<NaiveDateTime> {
    let found = cron.find_previous_occurrence(&local.and_utc(), true).ok()?;
    Some(found.naive_utc())
}

/// The first local fire time from `fire_time` on that no gap swallows.
fn first_existing(
    cron: &Cron,
    zone: Tz,
    mut fire_time: NaiveDateTime,
) -> Option<MappedLocalTime<DateTime<Tz>>> {
    loop {
        match zone.from_local_datetime(&fire_time) {
            MappedLocalTime::None => fire_time = next_local(cron, fire_time)?,
            mapped => return Some(mapped),
        }
    }
}

/// The last local fire time up to `fire_time` that no gap swallows.
fn last_existing(
    cron: &Cron,
    zone: Tz,
    mut fire_time: NaiveDateTime,
) -> Option<MappedLocalTime<DateTime<Tz>>> {
    loop {
        match zone.from_local_datetime(&fire_time) {
            MappedLocalTime::None => {
                fire_time = last_local(cron, fire_time - TimeDelta::seconds(1))?;
            }
            mapped => return Some(mapped),
        }
    }
}

/// The first instant at which a clock in the zone shows `local` or, where that is skipped, more.
fn first_instant_of(zone: Tz, local: NaiveDateTime) -> Option<DateTime<Utc>> {
    if let Some(instant) = earliest(zone.from_local_datetime(&local)) {
        return Some(instant);
    }
    // No zone is further from UTC than this.
    let reach = TimeDelta::hours(16);
    let shows_it = |instant: DateTime<Utc>| instant.with_timezone(&zone).naive_local() >= local;
    first_instant(
        local.and_utc().checked_sub_signed(reach)?,
        local.and_utc().checked_add_signed(reach)?,
        shows_it,
    )
}

/// Local times that come twice.
#[derive(Clone, Copy)]
struct Overlap {
    /// First local time that is repeated.
    start: NaiveDateTime,
    /// First local time after those that are repeated.
    end: NaiveDateTime,
    /// The instant at which clocks are put back from `end` to `start`.
    turn: DateTime<Utc>,
}

/// The overlap in which the local time of `instant` lies, the first or the second time.
fn overlap_at(zone: Tz, instant: DateTime<Utc>) -> Option<Overlap> {
    let local = instant.with_timezone(&zone).naive_local();
    let MappedLocalTime::Ambiguous(first, second) = zone.from_local_datetime(&local) else {
        return None;
    };
    let offset = |at: DateTime<Utc>| at.with_timezone(&zone).offset().fix();
    let (first, second) = (first.to_utc(), second.to_utc());
    let before = offset(first);
    let turn = first_instant(first, second, |at| offset(at) != before)?;
    let shift = |seconds: i32| turn.naive_utc() + TimeDelta::seconds(i64::from(seconds));
    Some(Overlap {
        start: shift(offset(turn).local_minus_utc()),
        end: shift(before.local_minus_utc()),
        turn,
    })
}

/// The first whole second in `(low, high]` at which `holds`, which it does from then on.
fn first_instant(
    low: DateTime<Utc>,
    high: DateTime<Utc>,
    holds: impl Fn(DateTime<Utc>) -> bool,
) -> Option<DateTime<Utc>> {
    let (mut low, mut high) = (low.timestamp(), high.timestamp());
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        if holds(DateTime::from_timestamp(middle, 0)?) {
            high = middle;
        } else {
            low = middle;
        }
    }
    DateTime::from_timestamp(high, 0)
}

fn whole_second(local: NaiveDateTime) -> Option<NaiveDateTime> {
    local.with_nanosecond(0)
}

fn earliest(mapped: MappedLocalTime<DateTime<Tz>>) -> Option<DateTime<Utc>> {
    mapped.earliest().map(|at| at.to_utc())
}

fn latest(mapped: MappedLocalTime<DateTime<Tz>>) -> Option<DateTime<Utc>> {
    mapped.latest().map(|at| at.to_utc())
}
