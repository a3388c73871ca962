//! Integration tests of the KQL front end.

mod bind;
mod builtin;
mod external;
mod format;
mod messages;
mod open;
mod robustness;
mod syntax;
mod walk;
mod window;
mod window_rewrite;
mod world;
