//! `huntd emulate`: the APIs of Microsoft's services over a folder of telemetry, for trying
//! clients and dashboards without a tenant.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::ensure;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::terminal::{print_error, print_line};
use super::{EXIT_BAD_INPUT, Global};
use crate::clock::SystemClock;
use crate::secret::Secret;
use crate::server::Server;
use crate::server::access::Access;
use crate::server::kusto::Kusto;
use crate::server::kusto::databases::{DEFAULT_NAME, Databases, Set};
use crate::source::local::LocalConfig;
use crate::source;
use crate::telemetry;

/// Arguments of `huntd emulate`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Serves the query API of Azure Data Explorer (Kusto): queries and the management commands that
clients send on connecting. SIGTERM and SIGINT stop it.

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
    /// Name of the database; without it any name that a client sends is answered to
    #[arg(long, value_name = "NAME")]
    pub database: Option<String>,
    /// What clients must send as `Authorization: Bearer`; better given as the variable
    /// HUNTD_TOKEN. Needed where others than this machine can connect
    #[arg(
        long,
        env = "HUNTD_TOKEN",
        hide_env = true,
        hide_env_values = true,
        value_name = "TOKEN"
    )]
    pub token: Option<String>,
}

/// Serves until SIGTERM or SIGINT.
pub async fn run(args: Args, global: &Global) -> anyhow::Result<ExitCode> {
    let filter = global.log.as_deref().unwrap_or(telemetry::COMMAND);
    telemetry::start(filter, global.log_json)?;
    let access = match access(&args) {
        Ok(access) => access,
        Err(error) => {
            print_error(&error);
            return Ok(ExitCode::from(EXIT_BAD_INPUT));
        }
    };
    let asks_token = matches!(access, Access::Token(_));
    let (mut terminate, mut interrupt) = (
        signal(SignalKind::terminate())?,
        signal(SignalKind::interrupt())?,
    );
    let source = source::local(&LocalConfig::new(&args.data));
    let tables = {
        let source = Arc::clone(&source);
        tokio::task::spawn_blocking(move || source.tables().map(|tables| tables.table_names()))
            .await??
    };
    let name = args.database.as_deref().unwrap_or(DEFAULT_NAME);
    let databases = Set::single(name, source, args.database.is_none());
    let kusto = Kusto::new(Databases::new(databases), Arc::new(SystemClock));
    let server = Server::bind(args.listen, access, Arc::new(kusto)).await?;
    let url = format!("http://{}", server.address());
    print_line(&format!(
        "{} tables of {} as the Kusto database {name} at {url}",
        tables.len(),
        args.data.display()
    ));
    let sign_in = if asks_token {
        "with_aad_user_token_authentication(url, token)"
    } else {
        "with_no_authentication(url)"
    };
    print_line(&format!(
        "  REST:    POST {url}/v1/rest/query, {url}/v2/rest/query, {url}/v1/rest/mgmt\n  \
         Python:  KustoClient(KustoConnectionStringBuilder.{sign_in}), url = \"{url}\"\n  \
         .NET:    Data Source={url};Initial Catalog={name}\n\
         Ctrl-C stops it."
    ));
    let stop = CancellationToken::new();
    let serving = server.serve(stop.clone());
    tokio::pin!(serving);
    loop {
        tokio::select! {
            served = &mut serving => return served.map(|()| ExitCode::SUCCESS),
            _ = terminate.recv() => stop.cancel(),
            _ = interrupt.recv() => stop.cancel(),
        }
    }
}

fn access(args: &Args) -> anyhow::Result<Access> {
    ensure!(
        args.data.exists(),
        "there is no folder {}; `huntd sample` makes one",
        args.data.display()
    );
    let token = args.token.clone().map(Secret::new);
    Access::new(args.listen, token)
        .map_err(|what| anyhow::anyhow!("{what} (`--token` or HUNTD_TOKEN)"))
}
