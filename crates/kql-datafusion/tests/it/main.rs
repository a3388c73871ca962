//! Integration tests of the KQL engine.

#![expect(
    clippy::unwrap_used,
    reason = "a test stops at the first thing that is wrong"
)]

mod cancel;
mod cases;
mod differential;
mod external;
mod ingestion;
mod limits;
mod lookup;
mod parquet;
mod place;
mod plan;
mod several;
mod split;
mod wide;
mod world;
