//! Names that get a number where they are taken: `Column1`, `count_1`, `count_2`.
//!
//! Operators may have tens of thousands of columns, all of one name. Where the last search for a
//! number ended is remembered, so that numbering them takes time linear in their count.

use crate::name_map::{NameMap, NameSet};
use std::sync::Arc;

use crate::types::Schema;

/// The numbers that have been given to each name.
#[derive(Default)]
pub(super) struct Numbering {
    next: NameMap<usize>,
}

impl Numbering {
    /// `base`, or `base1`, `base2`, … until it is free. Relies on it that a name that was taken
    /// stays so, and that the names it gives are taken from then on.
    pub(super) fn free(&mut self, base: &Arc<str>, taken: impl Fn(&str) -> bool) -> Arc<str> {
        if taken(base) {
            self.numbered(base, taken)
        } else {
            Arc::clone(base)
        }
    }

    /// `base1`, `base2`, … until it is free.
    pub(super) fn numbered(&mut self, base: &Arc<str>, taken: impl Fn(&str) -> bool) -> Arc<str> {
        let next = self.next.entry(Arc::clone(base)).or_insert(1);
        loop {
            let name = format!("{base}{next}");
            *next += 1;
            if !taken(&name) {
                return name.into();
            }
        }
    }
}

/// What columns of the right side of a join are called: where its name is taken, a column gets a
/// number that makes it neither one of the taken names nor one of the right side's own.
pub(super) struct RightNames<'s> {
    own: NameSet<&'s str>,
    numbering: Numbering,
}

impl<'s> RightNames<'s> {
    pub(super) fn new(right: &'s Schema) -> Self {
        Self {
            own: right.columns().iter().map(|column| &*column.name).collect(),
            numbering: Numbering::default(),
        }
    }

    pub(super) fn free(&mut self, name: &Arc<str>, taken: impl Fn(&str) -> bool) -> Arc<str> {
        if !taken(name) {
            return Arc::clone(name);
        }
        let own = &self.own;
        self.numbering
            .numbered(name, |name| taken(name) || own.contains(name))
    }
}
