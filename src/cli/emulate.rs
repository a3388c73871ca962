//! `huntd emulate`: the APIs of Microsoft's services over a folder of telemetry, for trying
//! clients, hunts and dashboards without a tenant.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context as _, ensure};
use tokio::signal::unix::{SignalKind, signal};

use super::terminal::{print_error, print_line, print_note};
use super::{EXIT_BAD_INPUT, Global};
use crate::clock::SystemClock;
use crate::duration::DurationText;
use crate::emulator::clock::SPEED_MAX;
use crate::emulator::config::{ClientConfig, EmulatorConfig, load_clients};
use crate::emulator::encoding::Encoding;
use crate::emulator::fault::Rule;
use crate::emulator::limit::Limits;
use crate::emulator::{DEFAULT_CLIENT, Emulator, RunningEmulator};
use crate::problem::Problems;
use crate::secret::Secret;
use crate::server::access::Access;
use crate::telemetry;

/// Arguments of `huntd emulate`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Serves sign-in, advanced hunting (Graph, Defender XDR, Defender for Endpoint), Log Analytics and
Azure Data Explorer (Kusto) from one port, with the services' quotas, caps and error bodies. What
goes wrong can be chosen. docs/guides/emulator.md goes through it. SIGTERM and SIGINT stop it.

Example:
  huntd sample telemetry
  huntd emulate --data telemetry
  curl -s http://127.0.0.1:8421/v1/rest/query -H 'Content-Type: application/json' \\
    -d '{\"csl\": \"DeviceProcessEvents | summarize count() by FileName | top 5 by count_\"}'")]
pub struct Args {
    /// Folder of telemetry: <Table>/**/*.parquet|ndjson|json|csv or <Table>.<ext>
    #[arg(long, value_name = "DIR")]
    pub data: PathBuf,
    /// Address and port to listen on; port 0 finds a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8421")]
    pub listen: SocketAddr,
    /// Name of the Kusto database; without it any name that a client sends is answered to
    #[arg(long, value_name = "NAME")]
    pub database: Option<String>,

    /// A token that is taken for every service, as `Authorization: Bearer`; better given as the
    /// variable HUNTD_TOKEN. It or a secret is needed where others than this machine can connect
    #[arg(
        long,
        env = "HUNTD_TOKEN",
        hide_env = true,
        hide_env_values = true,
        value_name = "TOKEN",
        help_heading = "Signing in"
    )]
    pub token: Option<String>,
    /// Client id of the application that can sign in
    #[arg(
        long,
        value_name = "ID",
        default_value = DEFAULT_CLIENT,
        help_heading = "Signing in"
    )]
    pub client_id: String,
    /// Its secret; better given as the variable HUNTD_EMULATE_SECRET. Made and printed if missing
    #[arg(
        long,
        env = "HUNTD_EMULATE_SECRET",
        hide_env = true,
        hide_env_values = true,
        value_name = "SECRET",
        help_heading = "Signing in"
    )]
    pub client_secret: Option<String>,
    /// File with further applications: secrets, certificates, federated credentials, roles
    #[arg(long, value_name = "FILE", help_heading = "Signing in")]
    pub clients: Option<PathBuf>,
    /// A tenant that there is, by id or domain; any if none is named
    #[arg(long = "tenant", value_name = "TENANT", help_heading = "Signing in")]
    pub tenants: Vec<String>,
    /// How long tokens live
    #[arg(
        long,
        value_name = "TIME",
        default_value = "1h",
        help_heading = "Signing in"
    )]
    pub token_life: DurationText,
    /// Ask for no tokens and check none
    #[arg(long, help_heading = "Signing in")]
    pub no_auth: bool,

    /// Speak TLS, with a certificate of an authority made at the start
    #[arg(long, help_heading = "TLS")]
    pub tls: bool,
    /// A name beside localhost that it answers to
    #[arg(long = "host", value_name = "NAME", help_heading = "TLS")]
    pub hosts: Vec<String>,
    /// Write the authority's certificate there, for clients to trust
    #[arg(long, value_name = "FILE", requires = "tls", help_heading = "TLS")]
    pub ca_out: Option<PathBuf>,

    /// Change a quota or a cap: NAME=NUMBER, or NAME=off; docs/guides/emulator.md lists them
    #[arg(long = "limit", value_name = "NAME=NUMBER", help_heading = "Limits")]
    pub limits: Vec<String>,
    /// Let clients ask as often as they want
    #[arg(long, help_heading = "Limits")]
    pub no_quotas: bool,
    /// Do not say in a 429 when to come back
    #[arg(long, help_heading = "Limits")]
    pub no_retry_after: bool,
    /// Hunting reaches back so far, as it does in a tenant for 30d; all data if not given
    #[arg(long, value_name = "TIME", help_heading = "Limits")]
    pub lookback: Option<DurationText>,
    /// How many times as fast as real time the clock of quotas, tokens and queries runs
    #[arg(
        long,
        value_name = "FACTOR",
        default_value = "1",
        help_heading = "Limits"
    )]
    pub speed: f64,

    /// Let something go wrong: KIND=PROBABILITY[@PATH], such as throttled=0.1@/v1.0. Kinds:
    /// throttled, throttled-silent, internal-error, unavailable, gateway-timeout, cut, slow,
    /// truncated, html, wrong-content-type, expired-token, preempted, too-large
    #[arg(long = "fault", value_name = "RULE", help_heading = "Faults")]
    pub faults: Vec<Rule>,
    /// What decides which requests faults hit
    #[arg(
        long,
        value_name = "NUMBER",
        default_value = "0",
        help_heading = "Faults"
    )]
    pub seed: u64,
    /// How long each 4 KiB of a slowed answer take
    #[arg(
        long,
        value_name = "TIME",
        default_value = "100ms",
        help_heading = "Faults"
    )]
    pub slow: DurationText,
    /// How hunting answers are written where the documentation is silent: bool=sbyte|number|boolean,
    /// dynamic=text|object, schema=first|last, keys=exact|camel, members=camel|pascal
    #[arg(
        long,
        value_name = "NAME=FORM",
        value_delimiter = ',',
        help_heading = "Faults"
    )]
    pub encode: Vec<String>,
}

/// Serves until SIGTERM or SIGINT.
pub async fn run(args: Args, global: &Global) -> anyhow::Result<ExitCode> {
    let filter = global.log.as_deref().unwrap_or(telemetry::COMMAND);
    telemetry::start(filter, global.log_json)?;
    let config = match config(&args) {
        Ok(config) => config,
        Err(error) if error.is::<Problems>() => return Err(error),
        Err(error) => {
            print_error(&error);
            return Ok(ExitCode::from(EXIT_BAD_INPUT));
        }
    };
    let (mut terminate, mut interrupt) = (
        signal(SignalKind::terminate())?,
        signal(SignalKind::interrupt())?,
    );
    let mut running = match Emulator::start(config, Arc::new(SystemClock)).await {
        Ok(running) => running,
        Err(error) => {
            print_error(&error);
            return Ok(ExitCode::from(EXIT_BAD_INPUT));
        }
    };
    if let (Some(path), Some(pem)) = (&args.ca_out, running.ca_pem()) {
        let written = std::fs::write(path, pem);
        written.with_context(|| format!("cannot write {}", path.display()))?;
    }
    let source = Arc::clone(running.source());
    let tables =
        tokio::task::spawn_blocking(move || source.tables().map(|tables| tables.table_names()))
            .await??;
    if tables.is_empty() {
        print_note(&format!(
            "warning: {} holds no table, so nothing will be found; put files into <Table>/ there, or \
             let `huntd sample` make some",
            args.data.display()
        ));
    }
    print_line(&greeting(&args, &running, tables.len()));
    tokio::select! {
        ended = running.ended() => ended.map(|()| ExitCode::SUCCESS),
        _ = terminate.recv() => running.stop().await.map(|()| ExitCode::SUCCESS),
        _ = interrupt.recv() => running.stop().await.map(|()| ExitCode::SUCCESS),
    }
}

fn config(args: &Args) -> anyhow::Result<EmulatorConfig> {
    ensure!(
        args.data.exists(),
        "there is no folder {}; `huntd sample` makes one",
        args.data.display()
    );
    ensure!(
        args.speed > 0.0 && args.speed <= SPEED_MAX,
        "the speed {} is not between 0 and {SPEED_MAX}",
        args.speed
    );
    let token = args.token.clone().map(Secret::new);
    // Who can connect from elsewhere must know something.
    ensure!(
        token.is_some() || args.client_secret.is_some() || args.listen.ip().is_loopback(),
        "others than this machine can connect to {}, so a secret or a token is needed; set \
         HUNTD_EMULATE_SECRET (`--client-secret`) or HUNTD_TOKEN (`--token`), or listen on 127.0.0.1",
        args.listen
    );
    if token.is_some() {
        Access::new(args.listen, token.clone())
            .map_err(|what| anyhow::anyhow!("{what} (`--token` or HUNTD_TOKEN)"))?;
    }
    ensure!(
        !args.no_auth || token.is_some() || args.listen.ip().is_loopback(),
        "`--no-auth` is for 127.0.0.1 only: others than this machine can connect to {}",
        args.listen
    );
    let mut clients = Vec::new();
    if let Some(secret) = &args.client_secret {
        ensure!(
            !secret.trim().is_empty(),
            "the secret of `--client-secret` is empty"
        );
        clients.push(ClientConfig::with_secret(&args.client_id, secret));
    }
    if let Some(path) = &args.clients {
        clients.extend(load_clients(path)?);
    }
    if clients.is_empty() {
        clients.push(ClientConfig::with_random_secret(&args.client_id)?);
    }
    let mut limits = Limits::default();
    for limit in &args.limits {
        limits.set(limit)?;
    }
    let mut encoding = Encoding::default();
    for setting in &args.encode {
        encoding.set(setting)?;
    }
    Ok(EmulatorConfig {
        listen: args.listen,
        database: args.database.clone(),
        tls: args.tls,
        hosts: args.hosts.clone(),
        checks_tokens: !args.no_auth,
        token,
        tenants: args.tenants.clone(),
        clients,
        identity_header: None,
        token_life: args.token_life.0,
        limits,
        quotas: !args.no_quotas,
        retry_after: !args.no_retry_after,
        faults: args.faults.clone(),
        seed: args.seed,
        slow_piece: args.slow.0,
        encoding,
        lookback: args.lookback.map(|time| time.0),
        speed: args.speed,
        ..EmulatorConfig::new(&args.data)
    })
}

/// What is there and how to reach it. The secret is told only where nobody chose one.
fn greeting(args: &Args, running: &RunningEmulator, tables: usize) -> String {
    let url = running.url();
    let tenant = args.tenants.first().map_or("common", |tenant| tenant);
    let mut lines = vec![format!(
        "{tables} tables of {} at {url}",
        args.data.display()
    )];
    if args.no_auth && args.token.is_some() {
        lines.push("  Sign in:        not needed; the token of `--token` is".to_owned());
    } else if args.no_auth {
        lines.push(format!(
            "  Sign in:        not needed; POST {url}/{tenant}/oauth2/v2.0/token takes any secret"
        ));
    } else {
        lines.push(format!(
            "  Sign in:        POST {url}/{tenant}/oauth2/v2.0/token"
        ));
        if let (Some((id, secret)), None, None) =
            (running.client(), &args.client_secret, &args.clients)
        {
            lines.push(format!(
                "                  client id {id}, secret {}",
                secret.expose()
            ));
        }
        lines.push(format!(
            "  Identity:       IDENTITY_ENDPOINT={url}/msi/token IDENTITY_HEADER={}",
            running.identity_header().expose()
        ));
    }
    lines.push(format!(
        "  Hunting:        POST {url}/v1.0/security/runHuntingQuery"
    ));
    lines.push(format!(
        "  Defender:       POST {url}/api/advancedhunting/run, /api/advancedqueries/run"
    ));
    lines.push(format!(
        "  Log Analytics:  POST {url}/v1/workspaces/GUID/query"
    ));
    lines.push(format!(
        "  Kusto:          POST {url}/v1/rest/query, /v2/rest/query, /v1/rest/mgmt"
    ));
    lines.push(format!(
        "  Admin:          {url}/admin/faults, /admin/clock, /admin/requests"
    ));
    if args.tls {
        lines.push(match &args.ca_out {
            Some(path) => format!(
                "  Certificate:    trust {} (SSL_CERT_FILE, REQUESTS_CA_BUNDLE, `curl --cacert`)",
                path.display()
            ),
            None => {
                "  Certificate:    of an authority of its own; `--ca-out FILE` writes it".to_owned()
            }
        });
    }
    lines.push("Ctrl-C stops it.".to_owned());
    lines.join("\n")
}
