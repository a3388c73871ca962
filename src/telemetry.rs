//! What is logged and how: words for people or JSON lines, always to stderr. `metrics` says what can
//! be watched.

pub mod metrics;

use std::io::IsTerminal as _;

use anyhow::Context as _;
use tracing_subscriber::EnvFilter;

/// Filter of the long-running daemon.
pub const DAEMON: &str = "info";
/// Filter of subcommands that print what they did.
pub const COMMAND: &str = "warn";
/// Libraries that log what only their own developers can use.
const QUIET: [&str; 3] = ["tokio_cron_scheduler=warn", "sqlx=warn", "datafusion=warn"];

/// Starts logging; called once. `filter` is a level or a list such as `warn,huntd=debug`.
pub fn start(filter: &str, json: bool) -> anyhow::Result<()> {
    let mut directives = QUIET.join(",");
    directives.push(',');
    directives.push_str(filter);
    let filter = EnvFilter::try_new(&directives).with_context(|| {
        format!("`--log {filter}` is no filter; write a level such as debug, or huntd=debug")
    })?;
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_target(false);
    let started = if json {
        subscriber.json().flatten_event(true).try_init()
    } else {
        subscriber
            .compact()
            .with_ansi(std::io::stderr().is_terminal())
            .try_init()
    };
    started.map_err(|error| anyhow::anyhow!("cannot start logging: {error}"))?;
    log_panics();
    Ok(())
}

/// A panic is logged like any other failure, and printed by nothing else.
fn log_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic
            .location()
            .map(ToString::to_string)
            .unwrap_or_default();
        let cause = panic.payload_as_str().unwrap_or("panicked");
        tracing::error!(place, cause, "a defect of huntd; please report it");
    }));
}
