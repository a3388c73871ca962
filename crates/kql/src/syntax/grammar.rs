//! The grammar of KQL, one module per kind of phrase, by recursive descent.

pub(super) mod statement;

mod chain;
mod clause;
mod cluster;
mod declaration;
mod dynamic;
mod expression;
mod graph;
mod infix;
mod literal;
mod name;
mod operator;
mod property;
mod query;
