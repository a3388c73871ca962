//! The query API of Azure Data Explorer: over the wire as it is, and through the official client.

mod client;
mod wire;
