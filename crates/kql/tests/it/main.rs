//! Integration tests of the KQL front end.

mod bind;
mod builtin;
mod lint;
mod messages;
mod syntax;
mod walk;
mod window;
mod world;
