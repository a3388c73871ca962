//! What `huntd explain` tells about the query of a hunt: the tables it reads and by which time,
//! whether its window may be run in parts, and its text with a window written into it.

use kql::catalog::Catalog;
use kql::window::{Carrier, Mode, Timing, Window, reads, rewrite, splitting};

use crate::hunt::Hunt;
use crate::source::kusto_ticks;
use crate::window::Window as HuntWindow;

/// Which tables the query reads, and how its window may be cut. Nothing where the query does not
/// bind: `huntd check` says why.
pub(super) fn settings(hunt: &Hunt, catalog: &dyn Catalog) -> Vec<(&'static str, String)> {
    let Some(query) = kql::compile(&hunt.query, catalog).query else {
        return Vec::new();
    };
    let mut lines: Vec<String> = Vec::new();
    for read in reads(&hunt.query, &query) {
        let line = match &read.time_column {
            Some(_) if hunt.window_mode == Mode::Ingestion => {
                format!("{} by time of ingestion", read.table)
            }
            Some(column) => format!("{} by {column}", read.table),
            None if read.is_unknown() => format!("{}, of which nothing is known", read.table),
            None => format!("{}, whole", read.table),
        };
        if !lines.contains(&line) {
            lines.push(line);
        }
    }
    let splitting = splitting(&query, hunt.window_mode);
    let place = splitting.span.text(&hunt.query);
    let place = place.lines().next().unwrap_or_default();
    let verdict = splitting.describe(&query.plan.schema);
    let told = format!("{verdict}\n{}: `{place}`", splitting.reason);
    vec![("reads", lines.join("\n")), ("splitting", told)]
}

/// The query over a window as a source gets it that runs KQL itself, and what it reads whole all
/// the same. `None` where it does not bind.
pub(super) fn windowed(
    hunt: &Hunt,
    catalog: &dyn Catalog,
    window: HuntWindow,
) -> Option<(String, Vec<String>)> {
    let query = kql::compile(&hunt.query, catalog).query?;
    let timing = Timing::from(Window {
        from: kusto_ticks(window.start()),
        to: kusto_ticks(window.end()),
    })
    .by(hunt.window_mode);
    let rewritten = rewrite(&hunt.query, &query, timing, Carrier::Text);
    let whole = rewritten
        .unwindowed
        .iter()
        .map(|read| {
            let place = read.span.text(&hunt.query);
            format!("`{place}` is read whole: {}", read.reason)
        })
        .collect();
    Some((rewritten.text, whole))
}
