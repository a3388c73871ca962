//! One run in words: how it ended, and the tree of the parts that its window was asked for in.

use std::fmt::Write as _;

use chrono::SecondsFormat;

use crate::run::RunRecord;
use crate::run::report::{Part, PartOutcome, SourceReport};

/// All that is known of a run.
pub(super) fn as_text(record: &RunRecord) -> String {
    let request = &record.request;
    let counts = &record.counts;
    let time = |at: chrono::DateTime<chrono::Utc>| at.to_rfc3339_opts(SecondsFormat::Secs, true);
    let mut lines = vec![
        ("run", request.id.to_string()),
        ("hunt", request.hunt.to_string()),
        ("window", request.window.to_string()),
        (
            "status",
            format!("{}, attempt {}", record.status.as_str(), request.attempt),
        ),
        ("trigger", request.trigger.as_str().to_owned()),
    ];
    lines.extend(record.message.clone().map(|message| ("message", message)));
    lines.extend(record.started_at.map(|at| ("started", time(at))));
    lines.extend(record.finished_at.map(|at| ("finished", time(at))));
    lines.push(("rows", format!("{} in {} bytes", counts.rows, counts.bytes)));
    let told = format!(
        "{} matched, {} new, {} suppressed, {} deliveries",
        counts.matched, counts.new, counts.suppressed, counts.notified
    );
    lines.push(("findings", told));
    lines.extend(record.file.clone().map(|file| ("file", file)));
    let mut text = String::new();
    for (name, value) in lines {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{name:<9} {value}");
    }
    if let Some(report) = &record.report {
        write_report(&mut text, report);
    }
    text.trim_end().to_owned()
}

fn write_report(text: &mut String, report: &SourceReport) {
    let _ = writeln!(text, "calls     {}", report.calls());
    if report.calls_omitted > 0 {
        let _ = writeln!(
            text,
            "          {} of them are not listed",
            report.calls_omitted
        );
    }
    for note in &report.notes {
        let _ = writeln!(text, "note      {note}");
    }
    let _ = writeln!(text, "parts");
    write_part(text, &report.root, 1);
}

fn write_part(text: &mut String, part: &Part, depth: usize) {
    let indent = "  ".repeat(depth);
    let _ = write!(text, "{indent}{} {}", part.window, part.outcome.as_str());
    if part.outcome != PartOutcome::Pending {
        let _ = write!(text, ", {} rows", part.rows);
    }
    if let Some(reason) = &part.reason {
        let _ = write!(text, ": {reason}");
    }
    text.push('\n');
    for call in &part.calls {
        let status = call
            .status
            .map_or("no answer".to_owned(), |status| status.to_string());
        let _ = write!(
            text,
            "{indent}  - {} {status} in {:.1}s, {} rows, {} bytes, request {}",
            call.at.to_rfc3339_opts(SecondsFormat::Millis, true),
            call.took_ms as f64 / 1000.0,
            call.rows,
            call.bytes,
            call.client_request_id,
        );
        if let Some(id) = &call.request_id {
            let _ = write!(text, " ({id})");
        }
        if let Some(error) = &call.error {
            let _ = write!(text, ": {error}");
        }
        text.push('\n');
    }
    for half in &part.parts {
        write_part(text, half, depth + 1);
    }
}
