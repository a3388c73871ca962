//! The emulator over HTTP: as it answers, and as the official clients see it.

mod call;
mod clients;
mod command;
mod faults;
mod hunting;
mod log_analytics;
mod own_client;
mod sign_in;
