//! The only integration-test binary of the root package.

mod lake;

mod actions;
mod source_local;
mod support;
