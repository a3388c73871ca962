//! A chunk of whole rows → a batch.
//!
//! Rows that are objects have their keys in the same order as a rule. So each key knows which one
//! followed it last, and that one is compared first; only if it is another, it is looked up.

use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use arrow::array::{RecordBatch, RecordBatchOptions};

use super::DecodeError;
use super::cell::Cells;
use super::columns::{Layout, Plan};
use super::scan::{Flaw, key_end, skip_space, value_end};
use super::text::{append_unescaped, quoted};

/// Most spellings of keys that are remembered; a response has as many as columns.
const KEYS_MAX: usize = 8_192;

/// Rows as they stand in the body, with the commas between them.
#[derive(Debug)]
pub(super) struct Chunk {
    /// The rows.
    pub(super) bytes: Vec<u8>,
    /// Where the first begins in the body.
    pub(super) at_byte: u64,
    /// Which row of its table the first is, from 1.
    pub(super) first_row: u64,
    /// How many they are.
    pub(super) rows: usize,
}

/// Makes a batch of the rows of a chunk.
pub(super) fn decode_chunk(plan: &Plan, chunk: &Chunk) -> Result<RecordBatch, DecodeError> {
    let text = match std::str::from_utf8(&chunk.bytes) {
        Ok(text) => text,
        Err(error) => {
            return Err(DecodeError::Malformed {
                at_byte: chunk.at_byte + error.valid_up_to() as u64,
                what: "not UTF-8",
            });
        }
    };
    let mut reader = Reader::new(plan, text, chunk.rows);
    let mut at = next_row(text.as_bytes(), 0);
    for row in 0..chunk.rows {
        let read = match plan.layout {
            Layout::Objects => reader.object(at),
            Layout::Arrays => reader.array(at),
        };
        at = read.map_err(|flaw| reader.error(flaw, chunk, row))?;
        at = next_row(text.as_bytes(), at);
    }
    let columns = reader.cells.into_iter().map(Cells::finish).collect();
    let options = RecordBatchOptions::new().with_row_count(Some(chunk.rows));
    let arrow = Arc::clone(&plan.arrow);
    let batch = RecordBatch::try_new_with_options(arrow, columns, &options);
    Ok(batch.expect("each column has a value for each row"))
}

/// Where the row begins that a comma may be before.
fn next_row(bytes: &[u8], at: usize) -> usize {
    let at = skip_space(bytes, at);
    match bytes.get(at) {
        Some(b',') => skip_space(bytes, at + 1),
        _ => at,
    }
}

struct Reader<'c> {
    plan: &'c Plan,
    text: &'c str,
    cells: Vec<Cells>,
    /// In which row, from 1, a column last got its value.
    filled_in: Vec<usize>,
    row: usize,
    /// The column that is being read, for errors.
    column: usize,
    keys: Keys,
    /// Values of members without a column that is spelt like them, with the columns that differ
    /// in case.
    others: Vec<(Rc<[usize]>, usize)>,
    scratch: String,
}

impl<'c> Reader<'c> {
    fn new(plan: &'c Plan, text: &'c str, rows: usize) -> Self {
        let columns = plan.schema.columns();
        Self {
            plan,
            text,
            cells: columns
                .iter()
                .map(|column| Cells::new(column.ty, rows))
                .collect(),
            filled_in: vec![0; columns.len()],
            row: 0,
            column: 0,
            keys: match plan.layout {
                Layout::Objects => Keys::new(plan),
                Layout::Arrays => Keys::default(),
            },
            others: Vec::new(),
            scratch: String::new(),
        }
    }

    fn error(&self, flaw: Flaw, chunk: &Chunk, row: usize) -> DecodeError {
        match flaw {
            Flaw::Malformed(at, what) => DecodeError::Malformed {
                at_byte: chunk.at_byte + at as u64,
                what,
            },
            Flaw::TooDeep(at) => DecodeError::TooDeep {
                at_byte: chunk.at_byte + at as u64,
            },
            Flaw::Misfit => {
                let column = &self.plan.schema.columns()[self.column];
                DecodeError::Value {
                    column: column.name.clone(),
                    row: chunk.first_row + row as u64,
                    ty: column.ty,
                }
            }
        }
    }

    fn read(&mut self, column: usize, at: usize) -> Result<usize, Flaw> {
        self.column = column;
        self.cells[column].read(self.text, at, &mut self.scratch)
    }

    /// Reads the array that begins at `at`.
    fn array(&mut self, at: usize) -> Result<usize, Flaw> {
        let bytes = self.text.as_bytes();
        if bytes.get(at) != Some(&b'[') {
            return Err(Flaw::Malformed(at, "a row is not an array"));
        }
        let mut at = skip_space(bytes, at + 1);
        for column in 0..self.cells.len() {
            if column > 0 {
                if bytes.get(at) != Some(&b',') {
                    return Err(Flaw::Malformed(at, "a row has too few values"));
                }
                at = skip_space(bytes, at + 1);
            }
            at = skip_space(bytes, self.read(column, at)?);
        }
        match bytes.get(at) {
            Some(b']') => Ok(at + 1),
            _ => Err(Flaw::Malformed(at, "a row has too many values")),
        }
    }

    /// Reads the object that begins at `at`.
    fn object(&mut self, at: usize) -> Result<usize, Flaw> {
        let bytes = self.text.as_bytes();
        if bytes.get(at) != Some(&b'{') {
            return Err(Flaw::Malformed(at, "a row is not an object"));
        }
        self.row += 1;
        self.others.clear();
        let mut filled = 0;
        let mut at = skip_space(bytes, at + 1);
        let mut before = Keys::START;
        let mut is_open = bytes.get(at) != Some(&b'}');
        while is_open {
            let (key, value_at) = self.keys.find(self.text, at, before, self.plan)?;
            before = key;
            let (row, filled_in) = (self.row, &self.filled_in);
            let mut columns = self.keys.known[key].columns.iter();
            at = if let Some(&column) = columns.find(|column| filled_in[**column] != row) {
                self.filled_in[column] = row;
                filled += 1;
                self.read(column, value_at)?
            } else {
                let columns = &self.keys.known[key].columns_in_other_case;
                if !columns.is_empty() {
                    self.others.push((Rc::clone(columns), value_at));
                }
                value_end(bytes, value_at)?
            };
            at = skip_space(bytes, at);
            match bytes.get(at) {
                Some(b',') => at = skip_space(bytes, at + 1),
                Some(b'}') => is_open = false,
                _ => {
                    return Err(Flaw::Malformed(
                        at,
                        "a comma or a closing bracket is missing",
                    ));
                }
            }
        }
        if filled < self.cells.len() {
            self.complete()?;
        }
        Ok(at + 1)
    }

    /// Fills the columns that no key is spelt like: from those that differ in case, else null.
    fn complete(&mut self) -> Result<(), Flaw> {
        for (columns, value_at) in std::mem::take(&mut self.others) {
            let (row, filled_in) = (self.row, &self.filled_in);
            let mut columns = columns.iter();
            if let Some(&column) = columns.find(|column| filled_in[**column] != row) {
                self.filled_in[column] = row;
                self.read(column, value_at)?;
            }
        }
        for (cells, filled_in) in self.cells.iter_mut().zip(&self.filled_in) {
            if *filled_in != self.row {
                cells.append_null();
            }
        }
        Ok(())
    }
}

/// The keys of rows that are known.
#[derive(Default)]
struct Keys {
    known: Vec<Key>,
    /// Which they are by their bytes, as written between the quotes.
    by_bytes: HashMap<Box<[u8]>, usize>,
    /// Columns by their names on the wire in lower case.
    by_folded_name: HashMap<String, Vec<usize>>,
}

struct Key {
    /// As it is commonly written, with quotes and colon.
    written: Box<[u8]>,
    /// Columns of this name.
    columns: Vec<usize>,
    /// Columns whose names differ in case only.
    columns_in_other_case: Rc<[usize]>,
    /// The key that followed last.
    next: usize,
}

impl Keys {
    /// What is before the first key of a row.
    const START: usize = 0;

    fn new(plan: &Plan) -> Self {
        let mut keys = Self::default();
        for (column, name) in plan.keys.iter().enumerate() {
            let folded = name.to_lowercase();
            keys.by_folded_name.entry(folded).or_default().push(column);
        }
        keys.known.push(Key {
            written: Box::default(),
            columns: Vec::new(),
            columns_in_other_case: Rc::default(),
            next: 1,
        });
        for name in &plan.keys {
            let quoted = serde_json::Value::from(&**name).to_string();
            let inner = &quoted.as_bytes()[1..quoted.len() - 1];
            if !keys.by_bytes.contains_key(inner) {
                keys.learn(inner, name, plan);
            }
        }
        keys
    }

    /// Remembers a key, as the one that the key known after it follows.
    fn learn(&mut self, inner: &[u8], name: &str, plan: &Plan) -> usize {
        let number = self.known.len();
        let folded = self.by_folded_name.get(&name.to_lowercase());
        let folded = folded.map(Vec::as_slice).unwrap_or_default();
        let (columns, in_other_case): (Vec<usize>, Vec<usize>) = folded
            .iter()
            .partition(|column| &*plan.keys[**column] == name);
        self.known.push(Key {
            written: [b"\"", inner, b"\":"].concat().into(),
            columns,
            columns_in_other_case: in_other_case.into(),
            next: number + 1,
        });
        self.by_bytes.insert(inner.into(), number);
        number
    }

    /// The key at `at`, which follows the key `before`, and where its value begins.
    #[inline]
    fn find(
        &mut self,
        text: &str,
        at: usize,
        before: usize,
        plan: &Plan,
    ) -> Result<(usize, usize), Flaw> {
        let bytes = text.as_bytes();
        let guess = self.known[before].next;
        if let Some(key) = self.known.get(guess)
            && bytes[at..].starts_with(&key.written)
        {
            return Ok((guess, skip_space(bytes, at + key.written.len())));
        }
        self.look_up(text, at, before, plan)
    }

    #[cold]
    fn look_up(
        &mut self,
        text: &str,
        at: usize,
        before: usize,
        plan: &Plan,
    ) -> Result<(usize, usize), Flaw> {
        let bytes = text.as_bytes();
        let value_at = key_end(bytes, at)?;
        let close = quoted(bytes, at + 1).map_or(at + 1, |string| string.close);
        let inner = &text[at + 1..close];
        let key = if let Some(key) = self.by_bytes.get(inner.as_bytes()) {
            *key
        } else {
            let mut name = String::new();
            append_unescaped(inner, &mut name)
                .map_err(|()| Flaw::Malformed(at, "a key has an escape that there is not"))?;
            if self.known.len() == KEYS_MAX {
                self.forget(plan);
            }
            self.learn(inner.as_bytes(), &name, plan)
        };
        if let Some(before) = self.known.get_mut(before) {
            before.next = key;
        }
        Ok((key, value_at))
    }

    /// Forgets all keys but those of columns.
    fn forget(&mut self, plan: &Plan) {
        *self = Self::new(plan);
    }
}
