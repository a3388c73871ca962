//! huntd runs KQL hunting queries on a schedule, keeps their results in a Parquet lake, and acts
//! on what they find.
//!
//! Reading order: the nouns (`hunt`, `window`, `schedule`, `run`, `finding`, `alert`, `quota`) hold
//! data and pure rules; the ports (`source`, `lake`, `action`, `state`) talk to the outside; the
//! agents (`scheduler`, `runner`, `dispatcher`) own loops; `server` answers over HTTP; `app` wires
//! them and `cli` is how people reach them. ARCHITECTURE.md has the table of who may import whom,
//! which a test checks.

#![warn(missing_docs)]

pub mod backoff;
pub mod clock;
pub mod duration;
pub mod http;
pub mod id;
pub mod memory;
pub mod parallel;
pub mod problem;
pub mod secret;
pub mod template;
pub mod yaml;

pub mod alert;
pub mod finding;
pub mod hunt;
pub mod quota;
pub mod run;
pub mod schedule;
pub mod window;

pub mod microsoft;

pub mod action;
pub mod lake;
pub mod source;
pub mod state;

pub mod dispatcher;
pub mod runner;
pub mod sample;
pub mod scheduler;

pub mod server;

pub mod emulator;

pub mod config;

pub mod app;
pub mod cli;
pub mod telemetry;
