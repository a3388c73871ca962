//! KQL on Apache DataFusion: a resolved query in, Arrow record batches out.
//!
//! Start with [`KqlContext`]: it binds text against the tables it was given and streams the rows
//! of a bound query. `lower` turns the typed tree into a DataFusion plan, `function`, `aggregate`
//! and `node` hold what DataFusion has no word for. Reading files is not done here: a table is
//! whatever [`tables::Tables`] provides.

#![warn(missing_docs)]

pub mod context;
pub mod decimal;
pub mod error;
pub mod external;
pub mod function;
pub mod json;
pub mod limits;
pub mod lookup;
pub mod memory;
pub mod parquet;
pub mod stream;
pub mod tables;
pub mod threads;
pub mod types;
mod watch;

mod aggregate;
mod lower;
mod narrow;
mod node;
mod plugin;
mod sketch;

pub use context::{KqlContext, NamedStream, QueryTime};
pub use error::{EngineError, Limit};
pub use external::{ExternalData, Fetch, Fetched};
pub use limits::Limits;
pub use memory::MemoryTables;
pub use stream::QueryStream;
