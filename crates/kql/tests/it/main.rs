//! Integration tests of the KQL front end.

mod bind;
mod builtin;
mod format;
mod messages;
mod syntax;
mod window;
mod world;
