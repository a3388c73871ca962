//! The only integration-test binary of the root package.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]
#![expect(
    clippy::print_stderr,
    reason = "a test says why it skips what this machine lacks"
)]

mod actions;
mod cli_check;
mod cli_fmt;
mod cli_query;
mod config;
mod detection;
mod docs;
mod doctor;
mod emulator;
mod emulator_security;
mod hunts;
mod kusto;
mod lake;
mod queries;
mod recovery;
mod remote;
mod serve;
mod source_local;
mod support;
mod tidy;
