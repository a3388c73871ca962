//! The embedded engine over a folder of telemetry.

pub mod config;

pub use config::LocalConfig;
