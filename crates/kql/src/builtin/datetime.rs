//! Datetimes and timespans.

use super::vocabulary::{
    Any, CONST_STRING, DATETIME, Integer, LONG, Number, Scalar, TIMESPAN, TO_ARRAY, TO_DATETIME,
    TO_INT, TO_LONG, TO_STRING, TO_TIMESPAN, Text, function, takes,
};

pub(super) static FUNCTIONS: &[Scalar] = &[
    function(
        "now",
        &[takes(&[TIMESPAN], TO_DATETIME).optional(1)],
        "The time the query is asked for, plus an offset.",
    ),
    function(
        "ago",
        &[takes(&[TIMESPAN], TO_DATETIME)],
        "That long before `now()`.",
    ),
    function(
        "datetime_add",
        &[takes(&[CONST_STRING, Integer, DATETIME], TO_DATETIME)],
        "Adds so many years, months, days, ….",
    ),
    function(
        "datetime_diff",
        &[takes(&[CONST_STRING, DATETIME, DATETIME], TO_LONG)],
        "Number of boundaries of years, months, days, … from the second to the first.",
    ),
    function(
        "datetime_part",
        &[takes(&[CONST_STRING, DATETIME], TO_INT)],
        "A part of a datetime as a number.",
    )
    .aliases(&["datepart"]),
    function(
        "startofday",
        &[takes(&[DATETIME, LONG], TO_DATETIME).optional(1)],
        "Start of the day, moved by so many days.",
    )
    .keeps_name(),
    function(
        "startofweek",
        &[takes(&[DATETIME, LONG], TO_DATETIME).optional(1)],
        "Start of the week (Sunday), moved by so many weeks.",
    ),
    function(
        "startofmonth",
        &[takes(&[DATETIME, LONG], TO_DATETIME).optional(1)],
        "Start of the month, moved by so many months.",
    ),
    function(
        "startofyear",
        &[takes(&[DATETIME, LONG], TO_DATETIME).optional(1)],
        "Start of the year, moved by so many years.",
    ),
    function(
        "endofday",
        &[takes(&[DATETIME, LONG], TO_DATETIME).optional(1)],
        "Last tick of the day, moved by so many days.",
    ),
    function(
        "endofweek",
        &[takes(&[DATETIME, LONG], TO_DATETIME).optional(1)],
        "Last tick of the week (Saturday), moved by so many weeks.",
    ),
    function(
        "endofmonth",
        &[takes(&[DATETIME, LONG], TO_DATETIME).optional(1)],
        "Last tick of the month, moved by so many months.",
    ),
    function(
        "endofyear",
        &[takes(&[DATETIME, LONG], TO_DATETIME).optional(1)],
        "Last tick of the year, moved by so many years.",
    ),
    function(
        "dayofweek",
        &[takes(&[DATETIME], TO_TIMESPAN)],
        "Days since Sunday, as a timespan.",
    ),
    function(
        "dayofmonth",
        &[takes(&[DATETIME], TO_INT)],
        "Day of the month.",
    ),
    function(
        "dayofyear",
        &[takes(&[DATETIME], TO_INT)],
        "Day of the year.",
    ),
    function(
        "week_of_year",
        &[takes(&[DATETIME], TO_INT)],
        "ISO 8601 week number.",
    )
    .aliases(&["weekofyear"]),
    function(
        "monthofyear",
        &[takes(&[DATETIME], TO_INT)],
        "Month, from 1.",
    )
    .aliases(&["getmonth"]),
    function("getyear", &[takes(&[DATETIME], TO_INT)], "Year."),
    function("hourofday", &[takes(&[DATETIME], TO_INT)], "Hour, from 0."),
    function(
        "format_datetime",
        &[takes(&[DATETIME, CONST_STRING], TO_STRING)],
        "Text of a datetime in a format such as `yyyy-MM-dd HH:mm`.",
    )
    .keeps_name(),
    function(
        "format_timespan",
        &[takes(&[TIMESPAN, CONST_STRING], TO_STRING)],
        "Text of a timespan in a format such as `d.hh:mm:ss`.",
    )
    .keeps_name(),
    function(
        "make_datetime",
        &[
            takes(&[Any], TO_DATETIME),
            takes(
                &[Number, Number, Number, Number, Number, Number],
                TO_DATETIME,
            )
            .optional(3),
        ],
        "A datetime of its parts.",
    ),
    function(
        "make_timespan",
        &[
            takes(&[Any], TO_TIMESPAN),
            takes(&[Integer, Integer, Number], TO_TIMESPAN).optional(1),
            takes(&[Integer, Integer, Integer, Number], TO_TIMESPAN),
        ],
        "A timespan of its parts.",
    ),
    function(
        "unixtime_seconds_todatetime",
        &[takes(&[Number], TO_DATETIME)],
        "Seconds since 1970 to datetime.",
    ),
    function(
        "unixtime_milliseconds_todatetime",
        &[takes(&[Number], TO_DATETIME)],
        "Milliseconds since 1970 to datetime.",
    ),
    function(
        "unixtime_microseconds_todatetime",
        &[takes(&[Number], TO_DATETIME)],
        "Microseconds since 1970 to datetime.",
    ),
    function(
        "unixtime_nanoseconds_todatetime",
        &[takes(&[Number], TO_DATETIME)],
        "Nanoseconds since 1970 to datetime.",
    ),
    function(
        "datetime_utc_to_local",
        &[takes(&[DATETIME, Text], TO_DATETIME)],
        "UTC to the local time of a time zone.",
    ),
    function(
        "datetime_list_timezones",
        &[takes(&[], TO_ARRAY)],
        "Names of the time zones.",
    ),
    function(
        "datetime_local_to_utc",
        &[takes(&[DATETIME, Text], TO_DATETIME)],
        "Local time of a time zone to UTC.",
    ),
];
