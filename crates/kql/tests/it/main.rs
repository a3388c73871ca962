//! Integration tests of the KQL front end.

mod bind;
mod builtin;
mod messages;
mod syntax;
mod window;
mod window_rewrite;
mod world;
