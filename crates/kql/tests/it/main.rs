//! Integration tests of the KQL front end.

mod bind;
mod builtin;
mod format;
mod messages;
mod robustness;
mod syntax;
mod walk;
mod window;
mod world;
