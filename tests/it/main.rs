//! The only integration-test binary of the root package.

mod actions;
mod detection;
mod lake;
mod source_local;
mod support;
mod tidy;
