//! Integration tests of huntd.

mod config;
mod docs;
mod hunts;
