//! The only integration-test binary of the root package.

mod lake;
mod source_local;
