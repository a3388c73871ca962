//! YAML that people write, with places: parsed into a tree, references resolved, held against the
//! type that is wanted, decoded. Configuration and hunts are read through it.
//!
//! Everything that is wrong is told at once, each mistake with its place. What options mean is the
//! business of those who own them.

mod decode;
mod excerpt;
mod interpolation;
mod node;
mod parse;
mod shape;

pub use decode::{Decoded, decode};
pub use excerpt::Excerpt;
pub use interpolation::{ProcessSurroundings, Surroundings};
pub use node::{Entry, Node, Value};
pub use parse::parse;
