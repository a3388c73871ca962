//! Dates and durations as text, there and back, to the edges of their range.

use super::{
    civil_from_ticks, format_datetime, format_timespan, parse_datetime, parse_timespan,
    ticks_from_civil,
};
use crate::types::{TICKS_AT_UNIX_EPOCH, TICKS_MAX, TICKS_PER_DAY};

fn datetime(text: &str) -> String {
    parse_datetime(text).map_or_else(|| "none".to_owned(), format_datetime)
}

fn timespan(text: &str) -> String {
    parse_timespan(text).map_or_else(|| "none".to_owned(), format_timespan)
}

#[test]
fn datetimes_are_read_in_the_forms_of_kusto() {
    let cases = [
        (
            "2014-05-25T08:20:03.123456Z",
            "2014-05-25T08:20:03.1234560Z",
        ),
        ("2014-05-25 08:20", "2014-05-25T08:20:00.0000000Z"),
        (
            "2014-11-08 15:05:02.1234567999",
            "2014-11-08T15:05:02.1234567Z",
        ),
        ("2014-11", "2014-11-01T00:00:00.0000000Z"),
        ("2014", "2014-01-01T00:00:00.0000000Z"),
        ("20221202", "2022-12-02T00:00:00.0000000Z"),
        ("1970-5-1", "1970-05-01T00:00:00.0000000Z"),
        ("2022-12-02T13:45:56-05:00", "2022-12-02T18:45:56.0000000Z"),
        ("2022-12-02T00:30:00 +0200", "2022-12-01T22:30:00.0000000Z"),
        ("Sat, 8 Nov 14 15:05:02 GMT", "2014-11-08T15:05:02.0000000Z"),
        (
            "Saturday, 08-Nov-14 15:05:02 UTC",
            "2014-11-08T15:05:02.0000000Z",
        ),
        ("8 Nov 2014 15:05", "2014-11-08T15:05:00.0000000Z"),
        ("2 Dec 2022", "2022-12-02T00:00:00.0000000Z"),
        ("12-02-2022", "2022-12-02T00:00:00.0000000Z"),
        ("12.02.2022 13:45:56", "2022-12-02T13:45:56.0000000Z"),
        ("2/3/2022 12:05 AM", "2022-02-03T00:05:00.0000000Z"),
        ("2/3/2022 3 pm", "2022-02-03T15:00:00.0000000Z"),
        (
            "9999-12-31 23:59:59.9999999",
            "9999-12-31T23:59:59.9999999Z",
        ),
        ("0001-01-01", "0001-01-01T00:00:00.0000000Z"),
    ];
    for (text, expected) in cases {
        assert_eq!(datetime(text), expected, "{text}");
    }
}

#[test]
fn what_is_no_datetime_is_refused() {
    for text in [
        "",
        "not a date",
        "13-01-2022",
        "2022-13-01",
        "2023-02-29",
        "2022-01-01 24:00",
        "2022-01-01 10:60",
        "2022-01-01T10:00:00+15:30",
        "0000-01-01",
        "0001-01-01T00:00:00+01:00",
        "2022-01-01 x",
        "é2022",
        "12",
    ] {
        assert_eq!(datetime(text), "none", "{text}");
    }
}

#[test]
fn timespans_are_read_in_the_forms_of_kusto() {
    let cases = [
        ("1.02:03:04.5", "1.02:03:04.5000000"),
        ("-00:30:00", "-00:30:00"),
        ("13:00", "13:00:00"),
        ("1d", "1.00:00:00"),
        ("1.5h", "01:30:00"),
        ("-2 seconds", "-00:00:02"),
        ("2", "2.00:00:00"),
        ("0.5", "12:00:00"),
        ("1tick", "00:00:00.0000001"),
        ("10675199d", "10675199.00:00:00"),
    ];
    for (text, expected) in cases {
        assert_eq!(timespan(text), expected, "{text}");
    }
    for text in ["", "x", "24:00", "1:60", "1w", "1:2:3:4", "10675200d", "-"] {
        assert_eq!(timespan(text), "none", "{text}");
    }
}

#[test]
fn the_calendar_agrees_with_itself() {
    assert_eq!(parse_datetime("1970-01-01"), Some(TICKS_AT_UNIX_EPOCH));
    assert_eq!(
        parse_datetime("9999-12-31T23:59:59.9999999"),
        Some(TICKS_MAX)
    );
    let mut ticks = 0;
    while ticks <= TICKS_MAX {
        assert_eq!(ticks_from_civil(civil_from_ticks(ticks)), Some(ticks));
        // A step of days and odd hours, so that every part of the calendar varies.
        ticks += 97 * TICKS_PER_DAY + 12_345_678_901;
    }
}
