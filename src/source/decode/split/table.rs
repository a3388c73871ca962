//! What the members of a table or frame mean, by the shape of the response.

use std::sync::Arc;

use serde_json::Value;

use super::super::columns::{Plan, WireColumn};
use super::super::failure::ServiceFailure;
use super::super::{DecodeError, Shape};
use super::{Job, Splitter, is_key};

/// Members that matter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Member {
    /// The list of tables.
    Tables,
    /// The service's error.
    Error,
    /// What the query cost.
    Stats,
    /// Columns of a table.
    Columns,
    /// Rows of a table.
    Rows,
    /// Rows of a table of statuses, read whole.
    StatusRows,
    /// An error in the place of a row.
    ErrorRow,
    /// Name of a table.
    Name,
    /// What a table of Kusto's is about.
    Kind,
    /// What a frame of Kusto's is.
    FrameType,
    /// Number of a table among frames.
    TableId,
    /// Whether rows of a frame come behind others or in their place.
    FragmentType,
    /// Whether a query failed.
    HasErrors,
    /// Whether a query was stopped.
    Cancelled,
    /// How many rows a table has that came in fragments.
    RowCount,
    /// Any other.
    Other,
}

impl Member {
    /// The member of a document that is called `key`.
    pub(super) fn of_document(key: &[u8]) -> Self {
        let members = [
            ("tables", Self::Tables),
            ("error", Self::Error),
            ("Exceptions", Self::Error),
            ("OneApiErrors", Self::Error),
            ("statistics", Self::Stats),
        ];
        Self::named(key, &members)
    }

    /// The member of a table that is called `key`.
    pub(super) fn of_table(shape: Shape, key: &[u8]) -> Self {
        let members: &[(&str, Self)] = match shape {
            Shape::Hunting => &[
                ("schema", Self::Columns),
                ("results", Self::Rows),
                ("error", Self::Error),
                ("Stats", Self::Stats),
            ],
            Shape::Tables => &[
                ("name", Self::Name),
                ("columns", Self::Columns),
                ("rows", Self::Rows),
            ],
            Shape::KustoTables => &[
                ("TableName", Self::Name),
                ("Columns", Self::Columns),
                ("Rows", Self::Rows),
                ("Exceptions", Self::Error),
            ],
            Shape::Frames => &[
                ("FrameType", Self::FrameType),
                ("TableId", Self::TableId),
                ("TableKind", Self::Kind),
                ("TableName", Self::Name),
                ("TableFragmentType", Self::FragmentType),
                ("Columns", Self::Columns),
                ("Rows", Self::Rows),
                ("HasErrors", Self::HasErrors),
                ("Cancelled", Self::Cancelled),
                ("RowCount", Self::RowCount),
                ("OneApiErrors", Self::Error),
            ],
        };
        Self::named(key, members)
    }

    fn named(key: &[u8], members: &[(&str, Self)]) -> Self {
        let found = members.iter().find(|(name, _)| is_key(key, name));
        found.map_or(Self::Other, |(_, member)| *member)
    }

    /// Most bytes that are read of it.
    pub(super) fn bytes_max(self) -> usize {
        match self {
            Self::Columns | Self::StatusRows => 4 << 20,
            Self::Error | Self::ErrorRow => 1 << 20,
            _ => 64 << 10,
        }
    }

    /// What it is called in errors.
    pub(super) fn what(self) -> &'static str {
        match self {
            Self::Columns => "the list of columns",
            Self::StatusRows => "the table of statuses",
            Self::ErrorRow => "an error among the rows",
            _ => "a member",
        }
    }
}

/// Where rows go.
#[derive(Clone, Debug)]
pub(super) enum Destination {
    /// They are rows of the result.
    Decode(Arc<Plan>),
    /// They are kept until it is known what they are.
    Store,
    /// They tell how the query went.
    Status,
    /// Nowhere.
    Skip,
}

/// What is known of a table or frame.
#[derive(Debug, Default)]
pub(super) struct Table {
    pub(super) columns: Option<Vec<WireColumn>>,
    /// Whether it has a list of rows.
    pub(super) has_rows: bool,
    /// Rows so far.
    pub(super) rows: u64,
    name: Option<Arc<str>>,
    kind: Option<String>,
    frame_type: Option<String>,
    pub(super) id: Option<i64>,
    pub(super) fragment_type: Option<String>,
    pub(super) row_count: Option<u64>,
    status_rows: Option<Value>,
    has_errors: bool,
    is_cancelled: bool,
    /// How its rows are decoded, once it was announced.
    plan: Option<Arc<Plan>>,
    /// Whether its rows are kept until it is known what they are.
    pub(super) is_stored: bool,
    /// Whether its rows were taken for none of the result.
    pub(super) is_passed_over: bool,
}

impl Table {
    /// Takes in the value of a member.
    pub(super) fn learn(&mut self, member: Member, value: Value) {
        let text = value.as_str();
        match member {
            Member::Name => self.name = text.map(Into::into),
            Member::Kind => self.kind = text.map(str::to_ascii_lowercase),
            Member::FrameType => self.frame_type = text.map(str::to_ascii_lowercase),
            Member::FragmentType => self.fragment_type = text.map(str::to_ascii_lowercase),
            Member::TableId => self.id = value.as_i64(),
            Member::HasErrors => self.has_errors |= !is_denied(&value),
            Member::Cancelled => self.is_cancelled |= !is_denied(&value),
            Member::RowCount => self.row_count = value.as_u64(),
            Member::StatusRows => self.status_rows = Some(value),
            _ => {}
        }
    }

    fn is_frame(&self, frame_type: &str) -> bool {
        self.frame_type.as_deref() == Some(frame_type)
    }

    /// Whether it is no frame that tells of others.
    fn may_have_rows(&self) -> bool {
        let without = ["tableheader", "tablecompletion", "datasetcompletion"];
        !without.iter().any(|frame_type| self.is_frame(frame_type))
    }

    pub(super) fn is_primary(&self) -> bool {
        self.kind.as_deref() == Some("primaryresult")
    }

    pub(super) fn is_status(&self) -> bool {
        self.kind.as_deref() == Some("querycompletioninformation")
    }

    /// What a table of Kusto's v1 endpoint that is not the first is about, by its columns.
    fn v1_kind(&self, number: usize) -> &'static str {
        let names: Vec<&str> = self
            .columns
            .iter()
            .flatten()
            .map(WireColumn::name)
            .collect();
        let has = |wanted: &[&str]| wanted.iter().all(|name| names.contains(name));
        if number == 1 {
            "primaryresult"
        } else if has(&["Severity", "StatusCode", "StatusDescription", "RequestId"]) {
            "querycompletioninformation"
        } else if has(&["Ordinal", "Kind", "Name", "Id", "PrettyName"]) {
            "tableofcontents"
        } else if names == ["Value"] {
            "queryproperties"
        } else {
            "primaryresult"
        }
    }
}

/// Whether the answer to a question is no, or none is given.
fn is_denied(value: &Value) -> bool {
    matches!(value, Value::Null | Value::Bool(false))
}

impl Splitter {
    /// Where the rows go that begin now, by what is known of their table.
    pub(super) fn rows_destination(&mut self) -> Result<Destination, DecodeError> {
        let has_columns = self.table.columns.is_some();
        match self.options.shape {
            Shape::Frames if self.table.is_frame("tablefragment") => return self.fragment(),
            Shape::Frames if self.table.kind.is_none() => return Ok(self.store()),
            Shape::KustoTables if has_columns => {
                self.table.kind = Some(self.table.v1_kind(self.tables).to_owned());
            }
            Shape::Frames | Shape::Hunting | Shape::Tables | Shape::KustoTables => {}
        }
        if self.is_of_kusto() && self.table.kind.is_some() && !self.table.is_primary() {
            return Ok(if self.table.is_status() {
                Destination::Status
            } else {
                Destination::Skip
            });
        }
        if has_columns {
            Ok(Destination::Decode(self.announce()))
        } else {
            Ok(self.store())
        }
    }

    fn is_of_kusto(&self) -> bool {
        matches!(self.options.shape, Shape::Frames | Shape::KustoTables)
    }

    pub(super) fn store(&mut self) -> Destination {
        self.table.is_stored = true;
        Destination::Store
    }

    /// Begins the table in the result, if that is not done.
    pub(super) fn announce(&mut self) -> Arc<Plan> {
        if let Some(plan) = &self.table.plan {
            return Arc::clone(plan);
        }
        let layout = self.layout();
        let mut notes = std::mem::take(&mut self.summary.notes);
        let plan = match (&self.table.columns, self.expected()) {
            (Some(columns), expected) => Plan::new(layout, columns, expected, &mut notes),
            (None, Some(expected)) => Plan::of_expected(layout, expected),
            (None, None) => Plan::new(layout, &[], None, &mut notes),
        };
        self.summary.notes = notes;
        let plan = Arc::new(plan);
        self.has_result = true;
        self.table.plan = Some(Arc::clone(&plan));
        self.jobs.push_back(Job::Table {
            name: self.table.name.clone(),
            plan: Arc::clone(&plan),
        });
        plan
    }

    /// The table or frame is whole.
    pub(super) fn end_table(&mut self) -> Result<(), DecodeError> {
        match self.options.shape {
            Shape::Hunting | Shape::Tables => self.end_result(),
            Shape::KustoTables => {
                let kind = self.table.v1_kind(self.tables);
                self.table.kind = Some(kind.to_owned());
                self.end_kusto_table()
            }
            Shape::Frames if self.table.has_rows && !self.table.may_have_rows() => {
                Err(self.malformed(self.at, "a frame has rows that should have none"))
            }
            Shape::Frames if self.table.is_frame("tableheader") => self.end_header(),
            Shape::Frames if self.table.is_frame("tablefragment") => self.end_fragment(),
            Shape::Frames if self.table.is_frame("tablecompletion") => self.end_completion(),
            Shape::Frames if self.table.is_frame("datasetcompletion") => {
                self.is_completed = true;
                if self.table.has_errors {
                    let message = "the query failed while its rows were sent";
                    self.fail(ServiceFailure::told("HasErrors", message));
                }
                if self.table.is_cancelled {
                    let message = "the query was cancelled while its rows were sent";
                    self.fail(ServiceFailure::told("Cancelled", message));
                }
                Ok(())
            }
            Shape::Frames => self.end_kusto_table(),
        }
    }

    fn end_kusto_table(&mut self) -> Result<(), DecodeError> {
        if self.table.is_primary() {
            return self.end_result();
        }
        if self.table.has_rows || self.table.is_frame("datatable") {
            self.refuse_unknown_kind()?;
        }
        if let Some(rows) = self.table.status_rows.take() {
            let columns = self.table.columns.as_deref().unwrap_or_default();
            if let Some(failure) = ServiceFailure::of_status(columns, &rows) {
                self.fail(failure);
            }
        }
        if self.table.is_stored && self.table.is_status() {
            // They may tell of a failure, and are too late to be read.
            let what = "the statuses of the query come before what they are";
            return Err(self.malformed(self.at, what));
        }
        if self.table.is_stored {
            self.jobs.push_back(Job::Discard);
        }
        Ok(())
    }

    /// Nobody knows whether the rows of a table are of the result that does not say so.
    pub(super) fn refuse_unknown_kind(&self) -> Result<(), DecodeError> {
        match self.table.kind {
            Some(_) => Ok(()),
            None => Err(self.malformed(self.at, "a table does not say what it is about")),
        }
    }

    /// The rows of a table of the result are there, and went into it.
    pub(super) fn refuse_rows_not_taken(&self) -> Result<(), DecodeError> {
        let has_failed = self.summary.failure.is_some();
        if !self.table.has_rows && !has_failed {
            return Err(self.malformed(self.at, "there are no rows, not even an empty list"));
        }
        if self.table.is_passed_over {
            let what = "a table says behind its rows that they are of the result";
            return Err(self.malformed(self.at, what));
        }
        Ok(())
    }

    /// A table of the result is whole.
    fn end_result(&mut self) -> Result<(), DecodeError> {
        self.refuse_rows_not_taken()?;
        let is_described = self.table.columns.is_some() || self.expected().is_some();
        if !is_described && self.table.rows > 0 {
            return Err(self.malformed(self.at, "nothing says which columns the rows have"));
        }
        if !self.table.has_rows && self.table.columns.is_none() {
            return Ok(());
        }
        let plan = self.announce();
        if self.table.is_stored {
            self.jobs.push_back(Job::Replay {
                plan,
                rows_before: 0,
            });
        }
        Ok(())
    }

    /// The document is whole.
    pub(super) fn end_document(&mut self) -> Result<(), DecodeError> {
        if self.summary.failure.is_some() {
            return Ok(());
        }
        let what = match self.options.shape {
            Shape::Frames if !self.is_completed => "there is no frame that completes the others",
            Shape::Frames if self.progress.has_result() => "a table of the result is not complete",
            _ if !self.has_result => "there is no table of the result",
            _ => return Ok(()),
        };
        Err(self.malformed(self.at, what))
    }
}
