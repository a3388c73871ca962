//! The phrases that tell errors apart which have the same status and code, as the vendor's pages
//! on limits and its services write them.

use std::time::Duration;

use crate::microsoft::error::Throttle;

/// Errors of the query itself.
const WRONG_QUERY: [&str; 5] = [
    "fix semantic errors",
    "fix syntax errors",
    "failed to resolve",
    "semantic error",
    "syntax error",
];
/// The result is over its cap.
const TOO_LARGE: [&str; 7] = [
    "exceeded the allowed result size",
    "result size limit exceeded",
    "exceed the set limit of",
    "e_query_result_set_too_large",
    "internal record count limit",
    "internal data size limit",
    "responsepayloadtoolarge",
];
/// The query was stopped for what it used.
const PREEMPTED: [&str; 8] = [
    "query execution was preempted",
    "query execution has exceeded the allowed limits",
    "due to excessive resource consumption",
    "to avoid excessive resource consumption",
    "e_runaway_query",
    "e_low_memory_condition",
    "low memory condition",
    "query aborted",
];
/// The query took too long.
const TIMEOUT: [&str; 3] = [
    "query exceeded the timeout period",
    "query execution timed out",
    "request execution timed-out",
];
/// The tenant's share of CPU is used up.
const CPU: [&str; 2] = [
    "exceeded processing resources allocated to this tenant",
    "of your organization's allocated resources",
];
/// Too many queries at once.
const CONCURRENCY: [&str; 4] = [
    "concurrent quer",
    "too many concurrent",
    "maximum number of concurrent",
    "query throttled",
];

/// The longest duration that is believed.
const LONGEST: Duration = Duration::from_hours(7 * 24);

/// What a text says.
#[derive(Debug, Default)]
pub(super) struct Said {
    pub(super) is_wrong_query: bool,
    pub(super) is_too_large: bool,
    pub(super) is_preempted: bool,
    pub(super) is_timeout: bool,
    pub(super) quota: Option<Throttle>,
}

impl Said {
    pub(super) fn of(text: &str) -> Self {
        let text = text.to_lowercase();
        let has = |phrases: &[&str]| phrases.iter().any(|phrase| text.contains(phrase));
        Self {
            is_wrong_query: has(&WRONG_QUERY) || has_engine_code(&text),
            is_too_large: has(&TOO_LARGE),
            is_preempted: has(&PREEMPTED),
            is_timeout: has(&TIMEOUT),
            quota: calls(&text).or_else(|| {
                if has(&CPU) {
                    let again_in = text.split("run queries again in").nth(1).and_then(duration);
                    Some(Throttle::Cpu { again_in })
                } else {
                    has(&CONCURRENCY).then_some(Throttle::Concurrency)
                }
            }),
        }
    }
}

/// Whether a text has a code such as SEM0100 or SYN0002.
fn has_engine_code(text: &str) -> bool {
    ["sem", "syn"].iter().any(|prefix| {
        text.match_indices(prefix).any(|(at, _)| {
            let before = text[..at].chars().next_back();
            let digits = text.as_bytes().get(at + 3..at + 7);
            !before.is_some_and(char::is_alphanumeric)
                && digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_digit))
        })
    })
}

/// `maximum allowed 45 per 00:01:00`
fn calls(text: &str) -> Option<Throttle> {
    let mut words = text.split("maximum allowed").nth(1)?.split_whitespace();
    let allowed = words.next()?.parse().ok()?;
    if words.next()? != "per" {
        return None;
    }
    let per = clock_duration(words.next()?)?;
    (per > Duration::ZERO).then_some(Throttle::Calls { allowed, per })
}

/// `00:12:30`, `1.00:00:00`, `5 minutes`, `1 hour and 10 minutes`, `90s`
fn duration(text: &str) -> Option<Duration> {
    let mut total = None;
    let mut number: Option<u64> = None;
    for word in text.split_whitespace() {
        if let Some(duration) = clock_duration(word) {
            return Some(duration);
        }
        let ends_sentence = word.ends_with('.');
        let word = word.trim_matches(['.', ',', ';']);
        let letters = word.trim_start_matches(|c: char| c.is_ascii_digit());
        let digits = &word[..word.len() - letters.len()];
        if !digits.is_empty() {
            number = digits.parse().ok();
        }
        if !letters.is_empty() && letters != "and" {
            let Some((count, unit)) = number.take().zip(unit_seconds(letters)) else {
                break;
            };
            let part = Duration::from_secs(count.saturating_mul(unit));
            total = Some(part.saturating_add(total.unwrap_or_default()));
        }
        if ends_sentence {
            break;
        }
    }
    total.map(|total| total.min(LONGEST))
}

fn unit_seconds(word: &str) -> Option<u64> {
    Some(match word {
        "s" | "sec" | "secs" | "second" | "seconds" => 1,
        "m" | "min" | "mins" | "minute" | "minutes" => 60,
        "h" | "hr" | "hrs" | "hour" | "hours" => 3600,
        "d" | "day" | "days" => 86_400,
        _ => return None,
    })
}

/// `[d.]hh:mm:ss[.fffffff]`
fn clock_duration(word: &str) -> Option<Duration> {
    let word = word.trim_end_matches(['.', ',', ';', '!', '"', '\'', ')']);
    let mut parts = word.split(':');
    let (hours, minutes, seconds) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() {
        return None;
    }
    let (days, hours) = match hours.split_once('.') {
        Some((days, hours)) => (days.parse::<u32>().ok()?, hours),
        None => (0, hours),
    };
    let hours: u32 = hours.parse().ok()?;
    let minutes: u32 = minutes.parse().ok()?;
    let seconds = seconds.split('.').next()?.parse::<u32>().ok()?;
    if minutes > 59 || seconds > 59 {
        return None;
    }
    let whole = u64::from(days) * 86_400 + u64::from(hours) * 3600;
    let duration = Duration::from_secs(whole + u64::from(minutes * 60 + seconds));
    Some(duration.min(LONGEST))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_are_read_in_the_forms_that_services_write() {
        let seconds = |text| duration(text).map(|duration| duration.as_secs());
        for (text, expected) in [
            ("5 minutes.", Some(300)),
            ("1 hour and 10 minutes", Some(4200)),
            ("1 hour, 10 minutes. Try 3 hours", Some(4200)),
            ("00:12:30", Some(750)),
            ("00:12:30.1234567.", Some(750)),
            ("1.00:00:05", Some(86_405)),
            ("90s", Some(90)),
            ("15 m", Some(900)),
            ("4000000000.00:00:00", Some(7 * 86_400)),
            ("99999999999999 days", Some(7 * 86_400)),
            ("a few minutes", None),
            ("", None),
            ("99999999999999999999 minutes", None),
        ] {
            assert_eq!(seconds(text), expected, "{text}");
        }
    }

    #[test]
    fn quotas_of_calls_are_read() {
        let quota = |text: &str| Said::of(text).quota;
        assert_eq!(
            quota("API calls quota exceeded! maximum allowed 45 per 00:01:00"),
            Some(Throttle::Calls {
                allowed: 45,
                per: Duration::from_mins(1)
            })
        );
        assert_eq!(
            quota("API calls quota exceeded! maximum allowed 1500 per 01:00:00."),
            Some(Throttle::Calls {
                allowed: 1500,
                per: Duration::from_hours(1)
            })
        );
        for text in [
            "maximum allowed",
            "maximum allowed x per 00:01:00",
            "maximum allowed 45 per minute",
            "maximum allowed 45 per 00:00:00",
            "maximum allowed 45 per 00:99:00",
        ] {
            assert_eq!(quota(text), None, "{text}");
        }
    }

    #[test]
    fn codes_of_the_engine_are_words_of_their_own() {
        assert!(has_engine_code("request is invalid: sem0100: failed"));
        assert!(has_engine_code("syn0002"));
        assert!(!has_engine_code("assem0100"));
        assert!(!has_engine_code("semäöü"));
        assert!(!has_engine_code("sem"));
    }
}
