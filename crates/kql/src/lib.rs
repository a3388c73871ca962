//! The front end of the Kusto Query Language: text and a catalog in, a typed, resolved query out.
//!
//! ```text
//! text ──syntax──▶ ast::Script ──bind──▶ hir::Query ──window──▶ hir::Query over [from, to)
//!   └───format──▶ the same text in its canonical form
//! ```
//!
//! `lint` warns of what is allowed but probably not meant; `builtin` declares every function once.
//!
//! No stage fails or panics: each returns a value and diagnostics with places. This crate knows
//! neither Arrow nor DataFusion; the engine is the crate `kql-datafusion`.

#![warn(missing_docs)]

pub mod bind;
pub mod builtin;
pub mod catalog;
pub mod diagnostic;
pub mod hir;
pub mod lint;
mod name_map;
pub mod span;
pub mod syntax;
pub mod time;
pub mod types;
pub mod window;

pub use bind::{compile, compile_with};
pub use syntax::format;
