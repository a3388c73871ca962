//! Actions against real servers, and the dispatcher over a real outbox.

mod cli;
mod dispatcher;
mod email;
mod suite;
mod webhook;
