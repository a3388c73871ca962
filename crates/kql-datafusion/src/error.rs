//! Why a query could not run, by what the caller can do about it.

use std::fmt;

use datafusion::error::DataFusionError;
use kql::span::Span;

/// An error of the engine.
#[derive(Clone, Debug, thiserror::Error)]
pub enum EngineError {
    /// The query uses something that the engine does not have.
    #[error("{what} is not supported yet")]
    NotSupported {
        /// What, in the words of the query.
        what: String,
        /// Where.
        span: Span,
    },
    /// The query asks for something impossible that only its constants reveal.
    #[error("{what}")]
    Invalid {
        /// What is wrong.
        what: String,
        /// Where.
        span: Span,
    },
    /// The query reached one of its [`crate::Limits`].
    #[error("{0}")]
    Limit(Limit),
    /// A table could not be read; the text says where.
    #[error("{0}")]
    Source(String),
    /// A function answers from a table of its own, which nobody gave.
    #[error("{what} has no table to answer from{help}", help = after(help.as_ref()))]
    NoFunctionTable {
        /// The function, or the watchlist.
        what: String,
        /// What to do about it.
        help: Option<String>,
        /// Where.
        span: Span,
    },
    /// Anything else that went wrong while the query ran.
    #[error("query failed: {0}")]
    Execution(String),
}

/// A limit that stopped a query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Limit {
    /// [`crate::Limits::memory_bytes`], with the engine's account of who asked for what.
    Memory {
        /// The limit.
        bytes: usize,
        /// Which part of the query asked for more.
        detail: String,
    },
    /// [`crate::Limits::rows`].
    Rows(u64),
    /// [`crate::Limits::seconds`].
    Seconds(u64),
    /// Values of an `in (table)`.
    InTable(usize),
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Memory { bytes, detail } => write!(
                f,
                "query needs more than its memory limit of {bytes} bytes; \
                 raise memory_bytes or narrow the query ({detail})"
            ),
            Self::Rows(rows) => write!(
                f,
                "query returns more than its limit of {rows} rows; raise rows or add a take"
            ),
            Self::Seconds(seconds) => write!(
                f,
                "query ran longer than its limit of {seconds} s; raise seconds or narrow the query"
            ),
            Self::InTable(values) => write!(
                f,
                "the table of an in operator has more than {values} distinct values; use a join"
            ),
        }
    }
}

/// A hint behind the message that it is for.
fn after(help: Option<&String>) -> String {
    help.map_or_else(String::new, |help| format!("; {help}"))
}

impl EngineError {
    /// Not supported.
    pub(crate) fn not_supported(what: impl Into<String>, span: Span) -> Self {
        Self::NotSupported {
            what: what.into(),
            span,
        }
    }

    /// A DataFusion error in the engine's terms; `memory_bytes` is the limit the query ran under.
    pub(crate) fn of_datafusion(error: DataFusionError, memory_bytes: usize) -> Self {
        match error {
            DataFusionError::External(source) => match source.downcast::<Self>() {
                Ok(own) => *own,
                Err(source) => Self::Source(source.to_string()),
            },
            DataFusionError::Context(_, inner) | DataFusionError::Diagnostic(_, inner) => {
                Self::of_datafusion(*inner, memory_bytes)
            }
            DataFusionError::ArrowError(inner, context) => match *inner {
                arrow::error::ArrowError::ExternalError(source) => {
                    Self::of_datafusion(DataFusionError::External(source), memory_bytes)
                }
                inner => Self::Execution(
                    DataFusionError::ArrowError(Box::new(inner), context).strip_backtrace(),
                ),
            },
            DataFusionError::ResourcesExhausted(detail) => Self::Limit(Limit::Memory {
                bytes: memory_bytes,
                detail,
            }),
            error @ (DataFusionError::ParquetError(_)
            | DataFusionError::ObjectStore(_)
            | DataFusionError::IoError(_)) => Self::Source(error.strip_backtrace()),
            DataFusionError::Shared(inner) => Self::of_shared(&inner, memory_bytes),
            error => Self::Execution(error.strip_backtrace()),
        }
    }

    /// Of an error that several parts of a plan were told, such as all readers of one input.
    fn of_shared(error: &DataFusionError, memory_bytes: usize) -> Self {
        match error.find_root() {
            DataFusionError::External(source) => match source.downcast_ref::<Self>() {
                Some(own) => own.clone(),
                None => Self::Source(source.to_string()),
            },
            root @ (DataFusionError::ParquetError(_)
            | DataFusionError::ObjectStore(_)
            | DataFusionError::IoError(_)) => Self::Source(root.strip_backtrace()),
            DataFusionError::ResourcesExhausted(detail) => Self::Limit(Limit::Memory {
                bytes: memory_bytes,
                detail: detail.clone(),
            }),
            root => Self::Execution(root.strip_backtrace()),
        }
    }
}

impl From<EngineError> for DataFusionError {
    fn from(error: EngineError) -> Self {
        Self::External(Box::new(error))
    }
}

impl From<DataFusionError> for EngineError {
    fn from(error: DataFusionError) -> Self {
        Self::of_datafusion(error, 0)
    }
}
