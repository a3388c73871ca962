//! `huntd serve`: runs hunts by their schedules until it is told to stop.

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::Global;
use crate::app::App;
use crate::clock::SystemClock;
use crate::telemetry;

/// Arguments of `huntd serve`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
SIGTERM and SIGINT stop it: runs under way may finish within `runner.shutdown`, what is left
begins again at the next start. SIGHUP and changed files reload configuration and hunts.")]
pub struct Args {}

/// Serves until SIGTERM or SIGINT.
pub async fn run(_: Args, global: &Global) -> anyhow::Result<ExitCode> {
    let filter = global.log.as_deref().unwrap_or(telemetry::DAEMON);
    telemetry::start(filter, global.log_json)?;
    // Heard from the start: a reload that is asked for while huntd starts must not end it.
    let mut signals = Signals::new()?;
    let app = Arc::new(App::open(&global.config, Arc::new(SystemClock)).await?);
    let server = app.listen().await?;
    app.take_over().await?;
    app.schedule().await?;
    let hunts = app.hunts().hunts;
    let scheduled = hunts
        .values()
        .filter(|hunt| hunt.enabled && hunt.schedule.is_some())
        .count();
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"),
        config = %global.config.display(),
        hunts = hunts.len(),
        scheduled,
        listen = server.as_ref().map(|server| server.address().to_string()),
        "huntd is serving"
    );
    let (stop, reload) = (CancellationToken::new(), Arc::new(Notify::new()));
    let serving = Arc::clone(&app).serve(server, stop.clone(), Arc::clone(&reload));
    tokio::pin!(serving);
    let mut asked_to_stop = false;
    loop {
        tokio::select! {
            () = &mut serving => break,
            asked = signals.next() => match asked {
                Asked::Reload => reload.notify_one(),
                Asked::Stop => {
                    tracing::info!("stopping");
                    asked_to_stop = true;
                    stop.cancel();
                }
            }
        }
    }
    app.close().await;
    tracing::info!("stopped");
    Ok(if asked_to_stop {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(super::EXIT_FAILED)
    })
}

/// What a signal asks for.
enum Asked {
    Stop,
    Reload,
}

struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
}

impl Signals {
    fn new() -> anyhow::Result<Self> {
        let on = |kind| signal(kind).context("cannot listen for signals");
        Ok(Self {
            terminate: on(SignalKind::terminate())?,
            interrupt: on(SignalKind::interrupt())?,
            hangup: on(SignalKind::hangup())?,
        })
    }

    async fn next(&mut self) -> Asked {
        tokio::select! {
            _ = self.terminate.recv() => Asked::Stop,
            _ = self.interrupt.recv() => Asked::Stop,
            _ = self.hangup.recv() => Asked::Reload,
        }
    }
}
