//! Integration tests of the KQL engine.

mod cases;
mod limits;
mod plan;
mod world;
