//! Maps keyed by names. Binding looks names up at every turn, and the hash of the standard library
//! takes several times as long for them as one made for short keys. The seed is still random, so
//! that nobody can write a query whose names collide.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use foldhash::fast::RandomState;

/// A map from names, shared ones unless said otherwise.
pub(crate) type NameMap<V, N = Arc<str>> = HashMap<N, V, RandomState>;

/// A set of names.
pub(crate) type NameSet<N = Arc<str>> = HashSet<N, RandomState>;
