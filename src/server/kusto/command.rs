//! Management commands: what clients ask on connecting and to list what there is. A command yields
//! one table, which a query may be piped onto. Nothing is changed by any of them but that a query
//! under way is cancelled.

mod cluster;
mod databases;
mod form;
mod requests;
mod schema;
mod table;
mod tables;
mod words;

use std::sync::Arc;

use futures::FutureExt as _;
use kql::bind::{Bound, Parameters};
use kql::hir;
use kql::span::Span;
use kql_datafusion::{KqlContext, Limits, MemoryTables, QueryTime};

use super::Kusto;
use super::answer::{Preparation, Rows};
use super::error::ApiError;
use super::identity::Identity;
use super::request::Request;
use crate::source::{SourceError, kusto_ticks};
use form::Command;
use table::Table;

/// The name under which a piped query reads the table of its command. It is no longer than any
/// command.
const INPUT: &str = "_input";

/// What will answer a command.
pub(super) fn prepare(
    kusto: Arc<Kusto>,
    request: Request,
    identity: Identity,
) -> Result<Preparation, ApiError> {
    let (command, pipe) = words::split(&request.text);
    let command = form::parse(command)?;
    let piped = pipe.map(|at| {
        // Places in the query stay those of the text that was sent.
        let blank =
            |letter: char| if letter == '\n' { "\n" } else { " " }.repeat(letter.len_utf8());
        let before: String = request.text[..at].chars().map(blank).collect();
        format!("{INPUT}{}{}", &before[INPUT.len()..], &request.text[at..])
    });
    let text = request.text;
    let database = request.database;
    let work = async move {
        let received = identity.received;
        let looked = tokio::task::spawn_blocking(move || {
            run(&kusto, &command, database.as_deref(), &identity)
        });
        // Looking at tables reads the disk.
        let table = looked
            .await
            .map_err(|error| ApiError::internal(&error.to_string()))??;
        let time = QueryTime {
            now: kusto_ticks(received),
            window: None,
        };
        rows(table, piped.as_deref(), &text, time)
            .await
            .map(|rows| vec![rows])
    };
    Ok(work.boxed())
}

fn run(
    kusto: &Kusto,
    command: &Command,
    database: Option<&str>,
    identity: &Identity,
) -> Result<Table, ApiError> {
    let set = kusto.databases.now();
    match command {
        Command::Version => Ok(cluster::version()),
        Command::Cluster => Ok(cluster::cluster(kusto.started)),
        Command::Diagnostics => Ok(cluster::diagnostics(kusto.started)),
        Command::PrincipalRoles => Ok(cluster::principal_roles(&identity.user)),
        Command::Empty(columns) => Ok(Table::new(columns)),
        Command::Databases { only, view } => {
            databases::show(&set, database, only.as_deref(), *view)
        }
        Command::Tables { only, view } => tables::show(&set, database, only.as_deref(), *view),
        Command::Function(name) => Err(ApiError::no_such_entity("Function", name, &[])),
        Command::Queries => Ok(requests::queries(&kusto.running, identity.received)),
        Command::CancelQuery { id, reason } => {
            Ok(requests::cancel(&kusto.running, id, reason.as_deref()))
        }
    }
}

/// The rows of a table, or of the query that is piped onto it.
async fn rows(
    table: Table,
    piped: Option<&str>,
    text: &str,
    time: QueryTime,
) -> Result<Rows, ApiError> {
    let failed = |error: kql_datafusion::EngineError| ApiError::internal(&error.to_string());
    let nothing = KqlContext::new(Arc::new(MemoryTables::new()), Limits::default());
    let values = hir::Query {
        plan: table.into_plan(Span::default()),
        render: None,
        text: None,
        parameters: Parameters::default(),
    };
    let stream = nothing
        .map_err(failed)?
        .stream(&values, time)
        .await
        .map_err(failed)?;
    let Some(piped) = piped else {
        return Ok(Rows {
            name: None,
            schema: stream.schema,
            render: None,
            batches: stream.batches,
            stats: None,
        });
    };
    let mut tables = MemoryTables::new();
    let schema = stream.schema.clone();
    let batches = stream.collect().await.map_err(failed)?;
    tables.insert(INPUT, schema, batches).map_err(failed)?;
    let context = KqlContext::new(Arc::new(tables), Limits::default()).map_err(failed)?;
    let Bound {
        query, diagnostics, ..
    } = context.bind(piped);
    let Some(query) = query else {
        return Err(ApiError::of_query(&diagnostics, text));
    };
    let refused = SourceError::of_engine(std::time::Duration::ZERO, text.to_owned());
    let stream = context
        .stream(&query, time)
        .await
        .map_err(|error| ApiError::of_source(refused(error)))?;
    Ok(Rows {
        name: None,
        schema: stream.schema,
        render: query.render,
        batches: stream.batches,
        stats: None,
    })
}
