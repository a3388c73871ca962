//! A memory of the common columns of many tables. `union *` and `search` over a catalog of a
//! thousand tables compare tens of thousands of names, with the same outcome in every query. How
//! the common columns are found is the business of the binder.

use std::sync::{Arc, Mutex, PoisonError};

use crate::hir::UnionColumn;
use crate::types::Schema;

/// How many unions are remembered; the one that was not asked for longest gives way.
const REMEMBERED_MAX: usize = 32;
/// Unions of fewer legs are found faster than the memory is searched and filled.
const LEGS_MIN: usize = 8;

/// Common columns of tables of a catalog, by the tables. Clones share what they remember.
#[derive(Clone, Debug, Default)]
pub struct Unions {
    /// The one asked for last is the last.
    known: Arc<Mutex<Vec<Entry>>>,
}

#[derive(Debug)]
struct Entry {
    legs: Legs,
    common: Arc<Common>,
}

/// What the common columns depend on.
#[derive(Debug)]
pub(crate) struct Legs {
    /// The columns of each leg.
    pub(crate) schemas: Vec<Schema>,
    /// Whether only columns are wanted that all legs have.
    pub(crate) inner: bool,
    /// The column in front that tells the source of a row.
    pub(crate) source: Option<Arc<str>>,
}

impl Legs {
    /// Compares lists of columns by their place in memory: the memory holds the lists, so that no
    /// other can come to stand there.
    fn is_same(&self, other: &Self) -> bool {
        self.inner == other.inner
            && self.source == other.source
            && self.schemas.len() == other.schemas.len()
            && self
                .schemas
                .iter()
                .zip(&other.schemas)
                .all(|(own, other)| own.is_same(other))
    }
}

/// The common columns of several tables.
#[derive(Debug)]
pub(crate) struct Common {
    /// The columns, that of the source first if there is one.
    pub(crate) schema: Schema,
    /// The same without that of the source.
    pub(crate) read: Schema,
    /// What each leg gives to them.
    pub(crate) legs: Vec<Arc<[UnionColumn]>>,
}

impl Unions {
    /// The common columns of some legs, found by `find` unless they are known.
    pub(crate) fn common(&self, legs: Legs, find: impl FnOnce(&Legs) -> Common) -> Arc<Common> {
        if legs.schemas.len() < LEGS_MIN {
            return Arc::new(find(&legs));
        }
        // A panic elsewhere leaves whole entries behind.
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let place = known.iter().position(|entry| entry.legs.is_same(&legs));
        if let Some(place) = place {
            let last = known.len();
            known[place..last].rotate_left(1);
            return Arc::clone(&known[last - 1].common);
        }
        let common = Arc::new(find(&legs));
        if known.len() == REMEMBERED_MAX {
            known.remove(0);
        }
        known.push(Entry {
            legs,
            common: Arc::clone(&common),
        });
        common
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{Column, ScalarType};

    fn legs(table: &Schema, source: Option<&str>) -> Legs {
        Legs {
            schemas: vec![table.clone(); LEGS_MIN],
            inner: false,
            source: source.map(Into::into),
        }
    }

    fn found(legs: &Legs) -> Common {
        Common {
            schema: legs.schemas[0].clone(),
            read: legs.schemas[0].clone(),
            legs: Vec::new(),
        }
    }

    #[test]
    fn what_was_found_is_remembered_for_the_same_tables_only() {
        let unions = Unions::default();
        let table = Schema::new([Column::new("a", ScalarType::Long)]);
        let first = unions.common(legs(&table, None), found);
        let again = unions.common(legs(&table, None), |_| unreachable!("it is known"));
        assert!(Arc::ptr_eq(&first, &again));
        let with_source = unions.common(legs(&table, Some("from")), found);
        assert!(!Arc::ptr_eq(&first, &with_source));
        let equal = Schema::new([Column::new("a", ScalarType::Long)]);
        let other = unions.common(legs(&equal, None), found);
        assert!(!Arc::ptr_eq(&first, &other));
    }

    #[test]
    fn what_was_not_asked_for_longest_is_forgotten() {
        let unions = Unions::default();
        let tables: Vec<Schema> = (0..=REMEMBERED_MAX)
            .map(|_| Schema::new([Column::new("a", ScalarType::Long)]))
            .collect();
        for table in &tables {
            unions.common(legs(table, None), found);
            unions.common(legs(&tables[0], None), found);
        }
        let mut asked = 0;
        for table in [&tables[0], &tables[1]] {
            unions.common(legs(table, None), |legs| {
                asked += 1;
                found(legs)
            });
        }
        assert_eq!(asked, 1);
    }
}
