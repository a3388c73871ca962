//! Synthetic Defender telemetry with an intrusion in it, for trying huntd without a tenant.
//!
//! The same options give the same bytes: everything is drawn from one seeded generator, nothing
//! from the machine. `estate` invents the company, `workday` its ordinary activity, `intrusion`
//! the attack; `telemetry` lays the rows out as `<Table>/date=YYYY-MM-DD/events.ndjson`.

mod estate;
mod event;
mod intrusion;
mod random;
mod telemetry;
mod workday;

use std::collections::BTreeMap;
use std::path::Path;

use chrono::{DateTime, Days, NaiveTime, TimeDelta, Utc};

use self::estate::Estate;
use self::random::Random;
use self::telemetry::Telemetry;

/// What to make up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SampleOptions {
    /// The telemetry ends here.
    pub until: DateTime<Utc>,
    /// And begins this many days before.
    pub days: u32,
    /// Machines, servers included; at least [`DEVICES_MIN`].
    pub devices: u32,
    /// Another seed makes another company and another week.
    pub seed: u64,
    /// Whether somebody breaks in, in the last hours.
    pub intrusion: bool,
}

/// Fewest devices a sample can have: the intrusion needs servers and machines to move to.
pub const DEVICES_MIN: u32 = 12;

/// How long before the end of the telemetry the intrusion begins. Every stage lies within.
pub const INTRUSION_LEAD: TimeDelta = TimeDelta::hours(7);

/// Rows written by table.
pub type RowCounts = BTreeMap<&'static str, u64>;

/// Writes the telemetry below `directory`, which is made if it is not there. Files of an earlier
/// sample with the same days are replaced.
///
/// Fails if a file cannot be written.
pub fn write(directory: &Path, options: &SampleOptions) -> std::io::Result<RowCounts> {
    let mut random = Random::new(options.seed);
    let estate = Estate::invent(&mut random, options.devices.max(DEVICES_MIN));
    let start = options.until - TimeDelta::days(i64::from(options.days.max(1)));
    let mut telemetry = Telemetry::new(start, options.until, random.fork());
    if options.intrusion {
        intrusion::play(&mut telemetry, &estate, options.until - INTRUSION_LEAD);
    }
    let mut counts = RowCounts::new();
    let mut day = start.date_naive().and_time(NaiveTime::MIN).and_utc();
    while day < options.until {
        workday::record(&mut telemetry, &estate, &mut random, day);
        let next = day + Days::new(1);
        for (table, rows) in telemetry.write_before(directory, next)? {
            *counts.entry(table).or_default() += rows;
        }
        day = next;
    }
    Ok(counts)
}

#[cfg(test)]
mod tests;
