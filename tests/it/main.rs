//! The only integration-test binary of the root package.

mod lake;

mod actions;
mod support;
mod source_local;
