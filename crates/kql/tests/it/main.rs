//! Integration tests of the KQL front end.

mod bind;
mod builtin;
mod messages;
mod open;
mod plugin;
mod syntax;
mod window;
mod world;
