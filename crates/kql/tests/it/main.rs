//! Integration tests of the KQL front end.

mod bind;
mod branch;
mod builtin;
mod clauses;
mod codes;
mod external;
mod format;
mod functions;
mod graph;
mod lint;
mod messages;
mod mistakes;
mod open;
mod place;
mod plugin;
mod render;
mod robustness;
mod search;
mod statement;
mod syntax;
mod walk;
mod window;
mod window_rewrite;
mod window_split;
mod world;
