//! What the older hunting services tell of a query's cost, in `Stats` beside its rows.

use std::time::Duration;

use serde_json::Value;

/// `ExecutionTime`, in seconds.
pub(super) fn running(stats: Option<&Value>) -> Option<Duration> {
    let seconds = stats?.get("ExecutionTime")?.as_f64()?;
    Duration::try_from_secs_f64(seconds).ok()
}

/// `resource_usage.cpu.total cpu`, as hours, minutes and seconds.
pub(super) fn cpu(stats: Option<&Value>) -> Option<Duration> {
    let text = stats?.pointer("/resource_usage/cpu/total cpu")?.as_str()?;
    let mut seconds = 0.0;
    for part in text.split(':') {
        seconds = seconds * 60.0 + part.parse::<f64>().ok()?;
    }
    Duration::try_from_secs_f64(seconds).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn costs_are_read_where_they_are_told() {
        let stats = json!({"ExecutionTime": 4.62, "resource_usage": {"cpu":
            {"user": "00:00:19.0468750", "total cpu": "00:01:19.0625000"}}});
        assert_eq!(running(Some(&stats)), Some(Duration::from_secs_f64(4.62)));
        assert_eq!(cpu(Some(&stats)), Some(Duration::from_secs_f64(79.0625)));
        for odd in [
            json!(null),
            json!({"ExecutionTime": -1, "resource_usage": []}),
        ] {
            assert_eq!(running(Some(&odd)), None);
            assert_eq!(cpu(Some(&odd)), None);
        }
        assert_eq!(cpu(None), None);
    }
}
