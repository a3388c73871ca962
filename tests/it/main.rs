//! The only integration-test binary of the root package.

mod config;
mod docs;
mod hunts;

mod lake;

mod actions;
mod source_local;
mod support;
