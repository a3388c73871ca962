//! Bytes of a Microsoft query response → Arrow batches, without ever holding the response.
//!
//! `split` follows the body as it arrives and cuts the rows out of it, a chunk of whole rows at a
//! time; `rows` and `cell` make a batch of a chunk, on other threads, several at once; `columns`
//! settles names and types; `stream` drives them. It sends nothing and knows no HTTP: what it is
//! given are bytes, what it gives are tables.
//!
//! The vendor says little about how values are written, and what it says differs from door to
//! door, so this reader takes what any of them is known or likely to send:
//!
//! - Members of an object come in any order, the columns even after the rows: rows that come
//!   before their columns wait in memory and, beyond a few MiB, in an anonymous temporary file.
//! - Members that describe columns, and keys of rows, are found in any letter case; a key that is
//!   spelt as its column goes first. Keys that no column has are passed over, columns without a
//!   key are null. Of columns that share a name, the k-th takes the k-th such key of a row.
//! - Types are named as .NET does, with or without `System.`, or as KQL does, in any letter case.
//!   A column of a type that is not known holds text, and the summary says so.
//! - Truth is `true`, `false`, 1, 0 or one of these as text; numbers may be text, `NaN` and the
//!   infinities are; datetimes have any number of digits and an offset, `Z` or neither; a
//!   timespan is `[-][d.]hh:mm[:ss[.fffffff]]`. Empty text is null in all columns but text.
//! - A dynamic is nested JSON, or text: text that is an object, an array or a quoted string as
//!   JSON is taken for what it encodes, other text for itself.
//! - A column of text takes what is not text as its JSON; null is the empty text, as in KQL.
//! - Half a surrogate pair becomes U+FFFD, as .NET's own encoder does; control characters within
//!   text are taken as they are, within nested JSON as their escapes.
//!
//! What is not taken: a response without a table of the result, unless it has an error; a table
//! that does not say what it is about; a value that does not fit its column, rows that have more
//! or fewer values than columns or are not as many as the service says, text that is not UTF-8,
//! nesting beyond 128 levels, and anything but white space behind the end. Of what is passed over
//! outside of rows, only brackets and strings are followed. No error quotes a value.

mod cell;
mod columns;
mod failure;
mod rows;
mod scan;
mod split;
mod store;
mod stream;
mod text;
mod time;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use kql::types::{ScalarType, Schema};

pub use failure::{InnerFailure, ServiceFailure};
pub use stream::decode;

/// Levels of brackets within brackets that are followed.
const DEPTH_MAX: u32 = 128;

/// How a response is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Advanced hunting: one object with the columns in `schema` and the rows, as objects, in
    /// `results`.
    Hunting,
    /// Log Analytics: `tables`, each with `columns` and `rows`, perhaps an `error` beside them.
    Tables,
    /// Kusto's v2 endpoint: an array of frames.
    Frames,
    /// Kusto's v1 endpoint: `Tables`, the result before those about it.
    KustoTables,
}

/// How a response is to be read.
#[derive(Clone, Debug)]
pub struct DecodeOptions {
    /// Its layout.
    pub shape: Shape,
    /// What the query should return, as far as that is known without running it: gives a column
    /// its type where the response does not, and decides between string and dynamic.
    pub expected: Option<Schema>,
}

/// What comes out of a response, in its order.
#[derive(Clone, Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "there are few events, and none is kept"
)]
pub enum Event {
    /// A table of the result begins; the batches that follow are its rows.
    Table {
        /// What the service calls it, if it does.
        name: Option<Arc<str>>,
        /// KQL columns, each name once: a second `Name` is `Name1`, as in Kusto's joins.
        schema: Schema,
        /// Their Arrow types.
        arrow: SchemaRef,
    },
    /// Rows. The result may still turn out to have failed: keep them apart until [`Event::End`].
    Batch(RecordBatch),
    /// The body ended where it should. The last event.
    End(Summary),
}

/// What is known at the end of a response.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Summary {
    /// Rows of all tables.
    pub rows: u64,
    /// Bytes of the body.
    pub bytes: u64,
    /// The service's own error within the body: the rows are not the whole answer.
    pub failure: Option<ServiceFailure>,
    /// What the service tells of the query's cost, where it does and it is short.
    pub stats: Option<serde_json::Value>,
    /// What was unusual, in words.
    pub notes: Vec<String>,
}

/// Why a body cannot be decoded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// It is not what was announced.
    #[error("the response is malformed at byte {at_byte}: {what}")]
    Malformed {
        /// Offset in the body, from 0.
        at_byte: u64,
        /// What was found or expected there.
        what: &'static str,
    },
    /// It ended too early: the connection broke.
    #[error("the response ends after {at_byte} bytes, in the middle")]
    Truncated {
        /// Bytes that arrived.
        at_byte: u64,
    },
    /// It has no content at all.
    #[error("the response is empty")]
    Empty,
    /// A value does not fit the type of its column.
    #[error("the value of column `{column}` in row {row} is no {ty}")]
    Value {
        /// Name of the column.
        column: Arc<str>,
        /// Row of its table, from 1.
        row: u64,
        /// The column's type.
        ty: ScalarType,
    },
    /// Brackets are nested deeper than any sensible response.
    #[error("the response nests deeper than {DEPTH_MAX} levels at byte {at_byte}")]
    TooDeep {
        /// Offset in the body, from 0.
        at_byte: u64,
    },
    /// One part is larger than the service's own limit for all.
    #[error("{what} of the response is larger than {bytes_max} bytes")]
    TooLarge {
        /// Which part.
        what: &'static str,
        /// How large it may be.
        bytes_max: usize,
    },
    /// Rows are to replace earlier ones, which are gone by then.
    #[error(
        "the response is progressive and replaces rows; do not set `results_progressive_enabled`"
    )]
    Replaced,
    /// Rows that came before their columns could not be kept.
    #[error("cannot keep rows in a temporary file: {0}; free space or set TMPDIR")]
    Store(String),
    /// A thread that decodes was stopped.
    #[error("decoding was stopped")]
    Stopped,
}

/// Why a stream of events ended before [`Event::End`].
#[derive(Debug, thiserror::Error)]
pub enum Failure<E> {
    /// The body could not be read on.
    #[error("{0}")]
    Body(E),
    /// What was read is not a response.
    #[error("{0}")]
    Decode(#[from] DecodeError),
}
