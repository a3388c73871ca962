//! Alerts as HTTP POST requests, signed and with an idempotency key, for everything that has no
//! action of its own.

pub mod client;
pub mod config;
pub mod sign;

pub use client::Webhook;
pub use config::WebhookConfig;
