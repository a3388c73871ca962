//! Integration tests of the KQL front end.

mod bind;
mod builtin;
mod codes;
mod messages;
mod open;
mod syntax;
mod window;
mod world;
