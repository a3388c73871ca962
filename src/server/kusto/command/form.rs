//! Which command a text is.

use kql::types::ScalarType::{self, Bool, DateTime, String as Text, TimeSpan};

use super::super::error::ApiError;
use super::table::Columns;
use super::words::Words;

/// A command.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Command {
    Version,
    Cluster,
    Diagnostics,
    PrincipalRoles,
    /// Of what there is none here.
    Empty(&'static Columns),
    Databases {
        /// These; all where nothing is said.
        only: Option<Vec<String>>,
        view: DatabaseView,
    },
    Tables {
        only: Option<Vec<String>>,
        view: TableView,
    },
    Function(String),
    Queries,
    CancelQuery {
        id: String,
        reason: Option<String>,
    },
}

/// What is shown of databases.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DatabaseView {
    /// One row a database. Of the database at hand, unless the command says otherwise.
    List(Extent),
    /// A row for each column.
    Schema(Extent),
    /// One JSON text.
    SchemaJson(Extent),
    /// The commands that would make the tables.
    SchemaScript,
    /// A row for each table with its columns.
    CslSchema,
    /// The same, with other columns.
    Entities,
}

/// Which databases are meant where none is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Extent {
    /// The one of the request.
    Current,
    All,
}

/// What is shown of tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TableView {
    List,
    Details,
    Columns,
    SchemaJson,
    CslSchema,
}

/// What there is, for the error of an unknown command.
const COMMANDS: &str = "\
.show version, .show cluster, .show diagnostics, .show principal roles, .show databases, \
.show databases entities, .show databases schema [as json], .show database [DB] [details], \
.show database [DB] schema [as json | as csl script], .show database [DB] cslschema, \
.show tables [(T, …)] [details], .show table T [details | cslschema | schema as json], \
.show functions, .show materialized-views, .show external tables, .show entity_groups, \
.show queries, .cancel query \"id\"";

const FUNCTIONS: &Columns = &[
    ("Name", Text),
    ("Parameters", Text),
    ("Body", Text),
    ("Folder", Text),
    ("DocString", Text),
];
const EXTERNAL_TABLES: &Columns = &[
    ("TableName", Text),
    ("TableType", Text),
    ("Folder", Text),
    ("DocString", Text),
    ("Properties", Text),
    ("ConnectionStrings", ScalarType::Dynamic),
    ("Partitions", ScalarType::Dynamic),
    ("PathFormat", Text),
];
const ENTITY_GROUPS: &Columns = &[("Name", Text), ("Entities", Text)];
const MATERIALIZED_VIEWS: &Columns = &[
    ("Name", Text),
    ("SourceTable", Text),
    ("Query", Text),
    ("MaterializedTo", DateTime),
    ("LastRun", DateTime),
    ("LastRunResult", Text),
    ("IsHealthy", Bool),
    ("IsEnabled", Bool),
    ("Folder", Text),
    ("DocString", Text),
    ("AutoUpdateSchema", Bool),
    ("EffectiveDateTime", DateTime),
    ("Lookback", TimeSpan),
    ("LookbackColumn", Text),
];
const DATABASE_WORDS: [&str; 7] = [
    "schema",
    "details",
    "identity",
    "cslschema",
    "entities",
    "principal",
    "if_later_than",
];

/// The command that a text is.
pub(super) fn parse(text: &str) -> Result<Command, ApiError> {
    let mut words = Words::read(text)?;
    let command = if words.take(".show") {
        show(&mut words)
    } else if words.take_all(&[".cancel", "query"]) {
        cancel(&mut words)
    } else {
        None
    };
    command.filter(|_| words.at_end()).ok_or_else(|| {
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        let shown: String = text.chars().take(200).collect();
        ApiError::bad_command(&format!(
            "the command `{shown}` is not served here; there are {COMMANDS}"
        ))
    })
}

fn show(words: &mut Words) -> Option<Command> {
    if words.take("version") {
        return Some(Command::Version);
    }
    if words.take_all(&["cluster", "databases"]) || words.take("databases") {
        return Some(databases(words));
    }
    if words.take_all(&["cluster", "principal", "roles"])
        || words.take_all(&["principal", "roles"])
        || words.take_all(&["current", "principal", "roles"])
    {
        return Some(Command::PrincipalRoles);
    }
    if words.take("cluster") {
        words.take("details");
        return Some(Command::Cluster);
    }
    if words.take("diagnostics") {
        return Some(Command::Diagnostics);
    }
    if words.take("schema") {
        return Some(schema(words, None, Extent::All));
    }
    if words.take("database") {
        return Some(database(words));
    }
    if words.take("tables") {
        let only = words.names();
        let view = if words.take("details") {
            TableView::Details
        } else {
            TableView::List
        };
        words.properties();
        return Some(Command::Tables { only, view });
    }
    if words.take("table") {
        return table(words);
    }
    if words.take("functions") {
        words.properties();
        return Some(Command::Empty(FUNCTIONS));
    }
    if words.take("function") {
        let name = words.name(&[])?;
        words.properties();
        return Some(Command::Function(name));
    }
    if words.take("materialized-views") {
        words.properties();
        return Some(Command::Empty(MATERIALIZED_VIEWS));
    }
    if words.take_all(&["external", "tables"]) {
        words.properties();
        return Some(Command::Empty(EXTERNAL_TABLES));
    }
    if words.take("entity_groups") {
        return Some(Command::Empty(ENTITY_GROUPS));
    }
    if words.take("queries") || words.take_all(&["running", "queries"]) {
        return Some(Command::Queries);
    }
    None
}

fn databases(words: &mut Words) -> Command {
    let only = words.names();
    let command = if words.take("schema") {
        return schema(words, only, Extent::All);
    } else if words.take("entities") {
        Command::Databases {
            only,
            view: DatabaseView::Entities,
        }
    } else {
        let _ = words.take("details") || words.take("identity");
        Command::Databases {
            only,
            view: DatabaseView::List(Extent::All),
        }
    };
    words.properties();
    command
}

fn database(words: &mut Words) -> Command {
    let only = words.name(&DATABASE_WORDS).map(|name| vec![name]);
    if words.take("schema") {
        return schema(words, only, Extent::Current);
    }
    if words.take_all(&["principal", "roles"]) {
        return Command::PrincipalRoles;
    }
    let view = if words.take("cslschema") {
        DatabaseView::CslSchema
    } else {
        let _ = words.take("details") || words.take("identity");
        DatabaseView::List(Extent::Current)
    };
    Command::Databases { only, view }
}

fn schema(words: &mut Words, only: Option<Vec<String>>, extent: Extent) -> Command {
    words.if_later_than();
    let view = if words.take_all(&["as", "json"]) {
        DatabaseView::SchemaJson(extent)
    } else if words.take_all(&["as", "csl", "script"]) {
        DatabaseView::SchemaScript
    } else {
        words.take("details");
        DatabaseView::Schema(extent)
    };
    words.properties();
    Command::Databases { only, view }
}

fn table(words: &mut Words) -> Option<Command> {
    let only = Some(vec![words.name(&[])?]);
    let view = if words.take("details") {
        TableView::Details
    } else if words.take_all(&["schema", "as", "json"]) {
        TableView::SchemaJson
    } else if words.take("cslschema") || words.take_all(&["schema", "as", "csl"]) {
        TableView::CslSchema
    } else {
        words.take("schema");
        TableView::Columns
    };
    Some(Command::Tables { only, view })
}

fn cancel(words: &mut Words) -> Option<Command> {
    let id = words.name(&[])?;
    let reason = words
        .properties()
        .into_iter()
        .find_map(|(name, value)| name.eq_ignore_ascii_case("reason").then_some(value));
    Some(Command::CancelQuery { id, reason })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn databases(only: &[&str], view: DatabaseView) -> Command {
        let only = (!only.is_empty()).then(|| only.iter().map(ToString::to_string).collect());
        Command::Databases { only, view }
    }

    fn tables(only: &[&str], view: TableView) -> Command {
        let only = (!only.is_empty()).then(|| only.iter().map(ToString::to_string).collect());
        Command::Tables { only, view }
    }

    #[test]
    fn commands_are_told_apart() {
        use DatabaseView::{CslSchema, Entities, List, Schema, SchemaJson, SchemaScript};
        use Extent::{All, Current};
        for (text, expected) in [
            (".show version", Command::Version),
            ("  .SHOW\n Databases ;", databases(&[], List(All))),
            (".show cluster databases", databases(&[], List(All))),
            (".show databases details", databases(&[], List(All))),
            (
                ".show databases (a, ['b c']) schema as json",
                databases(&["a", "b c"], SchemaJson(All)),
            ),
            (
                ".show databases (a if_later_than \"v1.0\") schema as json with (Tables=True)",
                databases(&["a"], SchemaJson(All)),
            ),
            (".show databases schema", databases(&[], Schema(All))),
            (".show schema as json", databases(&[], SchemaJson(All))),
            (
                ".show databases entities with (showObfuscatedStrings=true)",
                databases(&[], Entities),
            ),
            (".show database", databases(&[], List(Current))),
            (".show database a details", databases(&["a"], List(Current))),
            (".show database schema", databases(&[], Schema(Current))),
            (
                ".show database schema as json",
                databases(&[], SchemaJson(Current)),
            ),
            (
                ".show database ['schema'] schema",
                databases(&["schema"], Schema(Current)),
            ),
            (
                ".show database [\"a\"] schema as csl script",
                databases(&["a"], SchemaScript),
            ),
            (".show database cslschema", databases(&[], CslSchema)),
            (".show tables", tables(&[], TableView::List)),
            (
                ".show tables (T, U) details",
                tables(&["T", "U"], TableView::Details),
            ),
            (
                ".show table T cslschema",
                tables(&["T"], TableView::CslSchema),
            ),
            (
                ".show table ['T x'] schema as json",
                tables(&["T x"], TableView::SchemaJson),
            ),
            (".show table T", tables(&["T"], TableView::Columns)),
            (".show principal roles", Command::PrincipalRoles),
            (".show cluster", Command::Cluster),
            (".show functions", Command::Empty(FUNCTIONS)),
            (".show function f", Command::Function("f".to_owned())),
            (".show running queries", Command::Queries),
            (
                ".cancel query \"App;1\" with (reason='slow')",
                Command::CancelQuery {
                    id: "App;1".to_owned(),
                    reason: Some("slow".to_owned()),
                },
            ),
        ] {
            assert_eq!(parse(text).unwrap(), expected, "{text}");
        }
    }

    #[test]
    fn other_commands_are_refused_with_those_that_there_are() {
        for text in [
            ".drop table T",
            ".show tables details more",
            ".show table",
            ".ingest inline into table T <| 1",
            ".",
        ] {
            let error = parse(text).unwrap_err();
            assert!(
                error.message.contains(".show tables"),
                "{text}: {}",
                error.message
            );
        }
    }
}
