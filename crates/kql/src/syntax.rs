//! Text to syntax tree. Never fails and never panics: mistakes become diagnostics and the tree
//! goes on behind them.

pub mod ast;
