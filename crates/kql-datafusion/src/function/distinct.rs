//! Finds the distinct texts of an array by their views alone. Telemetry repeats itself, Parquet
//! files hold it as dictionaries, and the reader gives equal entries of a dictionary equal views:
//! a function of one text needs to run once for each of them.

use arrow::array::{Array, ArrayRef, AsArray, StringViewArray, UInt32Array};
use arrow::buffer::{NullBuffer, ScalarBuffer};
use arrow::datatypes::DataType;

/// Arrays shorter than this are not worth the search.
const ROWS_MIN: usize = 256;
/// Rows after which a search without enough repetition ends.
const TRIAL_ROWS: usize = 256;

/// The distinct texts of an array, and which of them each row has.
pub(crate) struct Distinct {
    /// The texts.
    pub(crate) texts: ArrayRef,
    /// The position of each row's text.
    pub(crate) rows: UInt32Array,
}

/// The distinct texts of an array, if it is text and they are few against its rows.
pub(crate) fn distinct(array: &ArrayRef) -> Option<Distinct> {
    if array.len() < ROWS_MIN || *array.data_type() != DataType::Utf8View {
        return None;
    }
    let texts = array.as_string_view();
    let (views, nulls) = (texts.views(), texts.nulls());
    let most = texts.len() / 4;
    let mut table = Table::new();
    let mut found: Vec<u128> = Vec::new();
    // Null is one more text; what its view holds does not matter.
    let mut null_at = None;
    let mut rows = Vec::with_capacity(texts.len());
    for (row, view) in views.iter().enumerate() {
        if row == TRIAL_ROWS && found.len() > TRIAL_ROWS / 2 {
            return None;
        }
        let position = if nulls.is_some_and(|nulls| nulls.is_null(row)) {
            *null_at.get_or_insert_with(|| {
                found.push(0);
                found.len() as u32 - 1
            })
        } else {
            table.position(*view, &mut found)
        };
        if found.len() > most {
            return None;
        }
        rows.push(position);
    }
    let count = found.len();
    let nulls = null_at.map(|at| {
        (0..count)
            .map(|row| row != at as usize)
            .collect::<NullBuffer>()
    });
    let views = ScalarBuffer::from(found);
    let buffers = texts.data_buffers().to_vec();
    let texts = StringViewArray::try_new(views, buffers, nulls).ok()?;
    Some(Distinct {
        texts: std::sync::Arc::new(texts),
        rows: UInt32Array::from(rows),
    })
}

/// An open hash table from views to the positions at which they were found.
struct Table {
    /// Positions plus one; zero is free.
    slots: Vec<u32>,
    used: usize,
}

impl Table {
    fn new() -> Self {
        Self {
            slots: vec![0; 256],
            used: 0,
        }
    }

    fn position(&mut self, view: u128, found: &mut Vec<u128>) -> u32 {
        let mask = self.slots.len() - 1;
        let mut slot = hash(view) & mask;
        loop {
            match self.slots[slot] {
                0 => break,
                held if found[held as usize - 1] == view => return held - 1,
                _ => slot = (slot + 1) & mask,
            }
        }
        found.push(view);
        let position = found.len() as u32;
        self.slots[slot] = position;
        self.used += 1;
        if self.used * 2 > self.slots.len() {
            self.grow(found);
        }
        position - 1
    }

    fn grow(&mut self, found: &[u128]) {
        let held: Vec<u32> = self
            .slots
            .iter()
            .copied()
            .filter(|held| *held > 0)
            .collect();
        let mask = self.slots.len() * 4 - 1;
        self.slots = vec![0; mask + 1];
        for position in held {
            let mut slot = hash(found[position as usize - 1]) & mask;
            while self.slots[slot] != 0 {
                slot = (slot + 1) & mask;
            }
            self.slots[slot] = position;
        }
    }
}

fn hash(view: u128) -> usize {
    let folded = (view as u64) ^ ((view >> 64) as u64).rotate_left(32);
    let mixed = folded.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    (mixed ^ (mixed >> 32)) as usize
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::StringViewBuilder;
    use arrow::compute::take;

    use super::*;

    #[test]
    fn distinct_texts_and_their_rows_make_up_the_array() {
        let mut builder = StringViewBuilder::new();
        for row in 0..5_000 {
            match row % 1_000 {
                7 => builder.append_null(),
                place => builder.append_value(format!("entry number {place}")),
            }
        }
        let array = builder.finish();
        let repeated = UInt32Array::from_iter_values((0..20_000).map(|row| row / 20));
        let array = take(&array, &repeated, None).unwrap();
        let found = distinct(&array).unwrap();
        assert_eq!(found.texts.len(), 1_000);
        assert_eq!(found.texts.null_count(), 1);
        assert_eq!(*take(&found.texts, &found.rows, None).unwrap(), *array);
    }

    #[test]
    fn texts_that_differ_are_left_alone() {
        let array: ArrayRef = Arc::new(StringViewArray::from_iter_values(
            (0..1_000).map(|row| row.to_string()),
        ));
        assert!(distinct(&array).is_none());
        let short: ArrayRef = Arc::new(StringViewArray::from_iter_values(["a", "a"]));
        assert!(distinct(&short).is_none());
    }
}
