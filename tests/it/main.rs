//! The only integration-test binary of the root package.
#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot be set up has failed"
)]

mod cli_check;
mod config;
mod docs;
mod hunts;

mod lake;

mod actions;
mod source_local;
mod support;
