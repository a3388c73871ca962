//! Integration tests of the KQL front end.

mod bind;
mod builtin;
mod functions;
mod messages;
mod syntax;
mod window;
mod world;
