//! KQL on Apache DataFusion: a resolved query in, Arrow record batches out.

pub mod function;
pub mod tables;
pub mod types;
