//! Integration tests of the KQL front end.

mod bind;
mod builtin;
mod external;
mod messages;
mod robustness;
mod search;
mod syntax;
mod walk;
mod window;
mod world;
