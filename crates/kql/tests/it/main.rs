//! Integration tests of the KQL front end.

mod bind;
mod builtin;
mod external;
mod messages;
mod open;
mod plugin;
mod render;
mod robustness;
mod statement;
mod syntax;
mod walk;
mod window;
mod window_rewrite;
mod world;
