//! Integration tests of the KQL front end.

mod bind;
mod builtin;
mod clauses;
mod messages;
mod robustness;
mod syntax;
mod walk;
mod window;
mod world;
