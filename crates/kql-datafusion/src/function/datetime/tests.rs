//! One line per rule, with the dates that are easy to get wrong.

use kql::types::ScalarType::{self, DateTime, Long, String, TimeSpan};

use super::super::testing::{Argument, datetime, eval, long, real, string, timespan};

fn check(name: &str, result: ScalarType, arguments: &[Argument], expected: &str) {
    assert_eq!(
        eval(name, result, arguments),
        expected,
        "{name} {arguments:?}"
    );
}

fn check_time(name: &str, arguments: &[Argument], expected: &str) {
    check(name, DateTime, arguments, &format!("{expected}Z"));
}

#[test]
fn periods_start_and_end() {
    for (name, time, expected) in [
        (
            "startofweek",
            "2020-06-15 13:45:00",
            "2020-06-14T00:00:00.0000000",
        ),
        ("endofweek", "2023-12-29", "2023-12-30T23:59:59.9999999"),
        (
            "startofmonth",
            "2020-06-15 13:45:00",
            "2020-06-01T00:00:00.0000000",
        ),
        ("endofmonth", "2020-02-15", "2020-02-29T23:59:59.9999999"),
        ("endofmonth", "1900-02-28", "1900-02-28T23:59:59.9999999"),
        ("endofyear", "2020-06-15", "2020-12-31T23:59:59.9999999"),
        (
            "startofday",
            "1950-06-15 13:45:00",
            "1950-06-15T00:00:00.0000000",
        ),
    ] {
        check_time(name, &[datetime(time)], expected);
    }
    let shifted = [datetime("2017-01-01 10:10:17"), long(1)];
    check_time("endofmonth", &shifted, "2017-02-28T23:59:59.9999999");
    let shifted = [datetime("2017-01-01 10:10:17"), long(-1)];
    check_time("startofyear", &shifted, "2016-01-01T00:00:00.0000000");
}

#[test]
fn parts_of_datetimes() {
    for (part, expected) in [
        ("year", "2017"),
        ("quarter", "4"),
        ("week_of_year", "44"),
        ("dayOfYear", "303"),
        ("millisecond", "765"),
        ("microsecond", "765432"),
        ("nanosecond", "765432100"),
    ] {
        let time = datetime("2017-10-30 01:02:03.7654321");
        check("datetime_part", Long, &[string(part), time], expected);
    }
    check(
        "dayofweek",
        TimeSpan,
        &[datetime("1970-05-12")],
        "2.00:00:00",
    );
}

#[test]
fn weeks_of_the_year_are_those_of_iso_8601() {
    for (time, expected) in [
        ("2015-12-31", "53"),
        ("2016-01-01", "53"),
        ("2018-12-31", "1"),
        ("2019-01-01", "1"),
        ("2023-01-01", "52"),
    ] {
        check("week_of_year", Long, &[datetime(time)], expected);
    }
}

#[test]
fn additions_clamp_to_the_end_of_the_month() {
    for (part, amount, time, expected) in [
        ("month", 1, "2020-01-31", "2020-02-29T00:00:00.0000000"),
        ("month", -15, "2017-01-01", "2015-10-01T00:00:00.0000000"),
        ("week", 100, "2017-01-01", "2018-12-02T00:00:00.0000000"),
        (
            "second",
            90,
            "2020-12-31 23:59:00",
            "2021-01-01T00:00:30.0000000",
        ),
    ] {
        check_time(
            "datetime_add",
            &[string(part), long(amount), datetime(time)],
            expected,
        );
    }
}

#[test]
fn differences_count_boundaries() {
    for (part, left, right, expected) in [
        ("quarter", "2024-03-31", "2020-04-01", "15"),
        ("week", "2020-12-31", "2020-01-01", "52"),
        ("hour", "2020-03-01", "2020-02-28 12:00:00", "36"),
        ("month", "2021-03-15", "2020-01-01", "14"),
        ("year", "2021-01-01", "2020-12-31 23:59:59", "1"),
        ("day", "2020-01-01", "2020-01-02 00:00:01", "-1"),
    ] {
        check(
            "datetime_diff",
            Long,
            &[string(part), datetime(left), datetime(right)],
            expected,
        );
    }
}

#[test]
fn making_times_checks_their_parts() {
    let parts = |numbers: &[i64]| numbers.iter().map(|n| long(*n)).collect::<Vec<_>>();
    check_time(
        "make_datetime",
        &parts(&[2020, 2, 29]),
        "2020-02-29T00:00:00.0000000",
    );
    check("make_datetime", DateTime, &parts(&[2020, 13, 1]), "null");
    let mut with_seconds = parts(&[2017, 10, 1, 12, 11]);
    with_seconds.push(real(0.123_456_7));
    check_time(
        "make_datetime",
        &with_seconds,
        "2017-10-01T12:11:00.1234567",
    );
    check(
        "make_timespan",
        TimeSpan,
        &parts(&[1, 2, 3, 4]),
        "1.02:03:04",
    );
    check("make_timespan", TimeSpan, &parts(&[2, 30]), "02:30:00");
    check("make_timespan", TimeSpan, &parts(&[25, 70]), "null");
    check_time(
        "unixtime_milliseconds_todatetime",
        &[long(1_546_300_800_000)],
        "2019-01-01T00:00:00.0000000",
    );
}

#[test]
fn formats() {
    for (time, format, expected) in [
        (
            "2017-01-29 09:00:05",
            "yy-MM-dd [hh:mm:ss tt]",
            "17-01-29 [09:00:05 AM]",
        ),
        (
            "2020-06-15 13:45:09.123",
            "yyyy-MM-dd HH:mm:ss.fff",
            "2020-06-15 13:45:09.123",
        ),
        ("2020-06-15 00:05:09", "h:m t", "12:5 A"),
    ] {
        check(
            "format_datetime",
            String,
            &[datetime(time), string(format)],
            expected,
        );
    }
    for (span, format, expected) in [
        (
            "1.02:03:04.5670000",
            "dd.hh:mm:ss.fffffff",
            "01.02:03:04.5670000",
        ),
        ("-02:30:00", "hh:mm", "-02:30"),
        ("1.02:01:00", "h:m", "2:1"),
        ("2.00:00:00", "d", "2"),
    ] {
        check(
            "format_timespan",
            String,
            &[timespan(span), string(format)],
            expected,
        );
    }
}
