//! Follows a body as it arrives and cuts it: columns and other small members are read whole,
//! rows are handed on in chunks, all else is passed over.
//!
//! A body is containers within containers, of which three matter: the document, its list of
//! tables, and a table. A document of advanced hunting is itself a table. What the members of a
//! table mean once it is whole is in `table`, and for tables that come in fragments in `progress`.

mod progress;
mod table;

use std::collections::VecDeque;
use std::sync::Arc;

use kql::types::Schema;
use memchr::memchr;
use serde_json::Value;

use self::progress::Progress;
use self::table::{Destination, Member, Table};
use super::columns::{Layout, Plan, wire_columns};
use super::failure::ServiceFailure;
use super::rows::Chunk;
use super::scan::{Brackets, Flaw, skip_space};
use super::text::quoted;
use super::{DecodeError, DecodeOptions, Shape, Summary};

/// Bytes of rows that are decoded at once: enough to be worth a thread's while, few enough that
/// several at once weigh little.
const CHUNK_BYTES: usize = 1 << 19;
/// Room behind a chunk for the piece that completes it.
const PIECE_BYTES: usize = 128 << 10;
/// Most rows of a chunk.
const CHUNK_ROWS_MAX: usize = 8_192;
/// Most values of a chunk: rows may be short and columns many.
const CHUNK_CELLS_MAX: usize = 1 << 19;
/// Most rows of a chunk whose columns are not known.
const STORED_ROWS_MAX: usize = 512;
/// Largest row: a value of Kusto's is not larger than 1 MiB, unless a policy says so.
const ROW_BYTES_MAX: usize = 32 << 20;
/// Largest key outside of rows.
const KEY_BYTES_MAX: usize = 64 << 10;
/// Longest number or word outside of rows.
const SCALAR_BYTES_MAX: usize = 1 << 10;

/// What is to be done with a part of the body, in order.
#[derive(Debug)]
pub(super) enum Job {
    /// A table begins.
    Table {
        name: Option<Arc<str>>,
        plan: Arc<Plan>,
    },
    /// Rows of the table that began last.
    Decode { plan: Arc<Plan>, chunk: Chunk },
    /// Rows to keep until their columns are known.
    Store(Chunk),
    /// The rows kept are rows of the table that began last, behind those that it had.
    Replay { plan: Arc<Plan>, rows_before: u64 },
    /// The rows kept are of no interest.
    Discard,
}

/// A container that the reading is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Level {
    /// The object around the list of tables.
    Document,
    /// The list of tables.
    Tables,
    /// A table, or a frame.
    Table,
}

/// What comes next.
#[derive(Clone, Copy, Debug)]
enum State {
    /// The document.
    Top,
    /// What is behind an opening bracket.
    First,
    /// What is behind a comma.
    Next,
    /// What is behind a member or element.
    After,
    /// The value of a member.
    Value(Member),
    /// The rest of a value that is read whole.
    Capture(Member, Extent),
    /// The rest of a value that is passed over.
    Skip(Extent),
    /// Rows.
    Rows(Rows),
    /// White space.
    End,
}

/// How the end of a value is found.
#[derive(Clone, Copy, Debug)]
enum Extent {
    /// An object, an array or a string.
    Enclosed(Brackets),
    /// A number or a word.
    Scalar,
}

/// Where among rows the reading is.
#[derive(Clone, Copy, Debug)]
enum Rows {
    /// Behind the opening bracket.
    First,
    /// Behind a comma.
    Next,
    /// Within a row.
    Within(Brackets),
    /// Behind a row.
    After,
}

/// Follows a body.
#[derive(Debug)]
pub(super) struct Splitter {
    options: DecodeOptions,
    /// What has arrived and is not done with.
    buffer: Vec<u8>,
    /// Where in the body the buffer begins.
    base: u64,
    /// Up to where the buffer is done with.
    at: usize,
    /// Up to where it was looked at, within a value or a chunk.
    scanned: usize,
    /// Where the last whole row of the chunk ends.
    rows_end: usize,
    /// Whole rows of the chunk.
    chunk_rows: usize,
    state: State,
    levels: Vec<Level>,
    table: Table,
    tables: usize,
    has_tables: bool,
    /// Where rows go.
    destination: Destination,
    /// The tables that come in fragments.
    progress: Progress,
    /// Whether a table of the result began.
    has_result: bool,
    is_completed: bool,
    /// What to do, to be taken from the front.
    pub(super) jobs: VecDeque<Job>,
    /// What is known, final once the body is finished; rows are not counted.
    pub(super) summary: Summary,
}

impl Splitter {
    pub(super) fn new(options: DecodeOptions) -> Self {
        Self {
            options,
            buffer: Vec::new(),
            base: 0,
            at: 0,
            scanned: 0,
            rows_end: 0,
            chunk_rows: 0,
            state: State::Top,
            levels: Vec::new(),
            table: Table::default(),
            tables: 0,
            has_tables: false,
            destination: Destination::Skip,
            progress: Progress::default(),
            has_result: false,
            is_completed: false,
            jobs: VecDeque::new(),
            summary: Summary::default(),
        }
    }

    /// Takes the next piece of the body.
    pub(super) fn push(&mut self, piece: &[u8]) -> Result<(), DecodeError> {
        self.summary.bytes += piece.len() as u64;
        self.buffer.extend_from_slice(piece);
        while self.step()? {}
        self.compact();
        Ok(())
    }

    /// The body has ended.
    pub(super) fn finish(&mut self) -> Result<(), DecodeError> {
        match self.state {
            State::End => Ok(()),
            State::Top if self.buffer.is_empty() => Err(DecodeError::Empty),
            _ => Err(DecodeError::Truncated {
                at_byte: self.summary.bytes,
            }),
        }
    }

    /// Forgets what is done with.
    fn compact(&mut self) {
        if self.at > 0 {
            self.buffer.drain(..self.at);
            self.base += self.at as u64;
            self.scanned = self.scanned.saturating_sub(self.at);
            self.rows_end = self.rows_end.saturating_sub(self.at);
            self.at = 0;
        }
    }

    fn malformed(&self, at: usize, what: &'static str) -> DecodeError {
        DecodeError::Malformed {
            at_byte: self.base + at as u64,
            what,
        }
    }

    fn flawed(&self, flaw: Flaw) -> DecodeError {
        match flaw {
            Flaw::Malformed(at, what) => self.malformed(at, what),
            Flaw::TooDeep(at) => DecodeError::TooDeep {
                at_byte: self.base + at as u64,
            },
            Flaw::Misfit => self.malformed(self.at, "a value does not fit"),
        }
    }

    /// Goes on by one thing; false if the buffer does not have it whole.
    fn step(&mut self) -> Result<bool, DecodeError> {
        match self.state {
            State::Capture(member, extent) => return self.capture(member, extent),
            State::Skip(extent) => return self.skip(extent),
            State::Rows(rows) => return self.rows(rows),
            State::Top if self.buffer.first() == Some(&0xEF) => {
                // A byte order mark.
                if self.buffer.len() < 3 {
                    return Ok(false);
                }
                if self.base == 0 && self.buffer.starts_with(b"\xEF\xBB\xBF") {
                    self.at = 3;
                    self.compact();
                    return Ok(true);
                }
            }
            _ => {}
        }
        self.at = skip_space(&self.buffer, self.at);
        let Some(&byte) = self.buffer.get(self.at) else {
            return Ok(false);
        };
        match self.state {
            State::Top => self.open_document(byte)?,
            State::First if byte == self.closing() => self.close()?,
            State::First | State::Next => return self.member_or_element(byte),
            State::After if byte == b',' => {
                self.at += 1;
                self.state = State::Next;
            }
            State::After if byte == self.closing() => self.close()?,
            State::After => {
                let what = "a comma or a closing bracket is missing";
                return Err(self.malformed(self.at, what));
            }
            State::Value(member) => self.begin_value(member, byte)?,
            _ => return Err(self.malformed(self.at, "there is something behind the end")),
        }
        Ok(true)
    }

    fn open_document(&mut self, byte: u8) -> Result<(), DecodeError> {
        let level = match (self.options.shape, byte) {
            (Shape::Hunting, b'{') => Level::Table,
            (Shape::Frames, b'[') => Level::Tables,
            // In place of frames, an object is an error.
            (_, b'{') => Level::Document,
            (Shape::Frames, _) => return Err(self.malformed(self.at, "not an array of frames")),
            _ => return Err(self.malformed(self.at, "not an object")),
        };
        self.levels.push(level);
        self.at += 1;
        self.state = State::First;
        Ok(())
    }

    fn level(&self) -> Level {
        self.levels.last().copied().unwrap_or(Level::Document)
    }

    fn closing(&self) -> u8 {
        match self.level() {
            Level::Tables => b']',
            _ => b'}',
        }
    }

    /// Leaves a container.
    fn close(&mut self) -> Result<(), DecodeError> {
        self.at += 1;
        if self.levels.pop() == Some(Level::Table) {
            self.end_table()?;
        }
        if self.levels.is_empty() {
            self.end_document()?;
            self.state = State::End;
        } else {
            self.state = State::After;
        }
        Ok(())
    }

    fn member_or_element(&mut self, byte: u8) -> Result<bool, DecodeError> {
        if self.level() == Level::Tables {
            if byte != b'{' {
                return Err(self.malformed(self.at, "a table is not an object"));
            }
            self.at += 1;
            self.levels.push(Level::Table);
            self.table = Table::default();
            self.tables += 1;
            self.state = State::First;
            return Ok(true);
        }
        if byte != b'"' {
            return Err(self.malformed(self.at, "a key is missing"));
        }
        let start = self.at + 1;
        let string = quoted(&self.buffer, start);
        let colon = string.map(|string| skip_space(&self.buffer, string.close + 1));
        let (Some(string), Some(colon)) = (string, colon) else {
            return self.wait_for_key();
        };
        match self.buffer.get(colon) {
            None => return self.wait_for_key(),
            Some(b':') => {}
            Some(_) => return Err(self.malformed(colon, "a colon is missing")),
        }
        let member = self.member(&self.buffer[start..string.close]);
        self.at = colon + 1;
        self.state = State::Value(member);
        Ok(true)
    }

    fn wait_for_key(&self) -> Result<bool, DecodeError> {
        if self.buffer.len() - self.at > KEY_BYTES_MAX {
            return Err(self.malformed(self.at, "a key is too long"));
        }
        Ok(false)
    }

    fn member(&self, key: &[u8]) -> Member {
        match self.level() {
            Level::Document => Member::of_document(key),
            _ => Member::of_table(self.options.shape, key),
        }
    }

    /// At the first byte of the value of a member.
    fn begin_value(&mut self, member: Member, byte: u8) -> Result<(), DecodeError> {
        match (member, byte) {
            (Member::Tables, b'[') => {
                if std::mem::replace(&mut self.has_tables, true) {
                    return Err(self.malformed(self.at, "there are two lists of tables"));
                }
                self.levels.push(Level::Tables);
                self.at += 1;
                self.state = State::First;
                return Ok(());
            }
            (Member::Rows, b'[') => return self.begin_rows(),
            // Null, which is as good as no such member.
            (Member::Rows | Member::Tables, b'n') => {}
            (Member::Rows | Member::Tables, _) => {
                return Err(self.malformed(self.at, "rows or tables are not an array"));
            }
            _ => {}
        }
        let extent = match byte {
            b'{' | b'[' | b'"' => Extent::Enclosed(Brackets::default()),
            _ => Extent::Scalar,
        };
        self.scanned = self.at;
        self.state = match member {
            Member::Other | Member::Rows | Member::Tables => State::Skip(extent),
            member => State::Capture(member, extent),
        };
        Ok(())
    }

    /// Looks for the end of the value that is being read.
    fn extent_end(&mut self, extent: &mut Extent) -> Result<Option<usize>, DecodeError> {
        let end = match extent {
            Extent::Enclosed(brackets) => {
                let end = brackets.end(&self.buffer, self.scanned);
                end.map_err(|flaw| self.flawed(flaw))?
            }
            Extent::Scalar => {
                let rest = &self.buffer[self.at..];
                let is_end =
                    |byte: &u8| matches!(byte, b',' | b'}' | b']' | b' ' | b'\n' | b'\r' | b'\t');
                let length = rest.iter().position(is_end);
                if length.unwrap_or(rest.len()) > SCALAR_BYTES_MAX {
                    return Err(self.malformed(self.at, "a value is malformed"));
                }
                length.map(|length| self.at + length)
            }
        };
        self.scanned = end.unwrap_or(self.buffer.len());
        Ok(end)
    }

    fn skip(&mut self, mut extent: Extent) -> Result<bool, DecodeError> {
        let end = self.extent_end(&mut extent)?;
        if let (Extent::Scalar, Some(end)) = (extent, end) {
            let scalar = &self.buffer[self.at..end];
            if serde_json::from_slice::<serde::de::IgnoredAny>(scalar).is_err() {
                return Err(self.malformed(self.at, "a value is malformed"));
            }
        }
        match (extent, end) {
            (_, Some(end)) => {
                self.at = end;
                self.state = State::After;
                Ok(true)
            }
            (Extent::Enclosed(_), None) => {
                self.at = self.buffer.len();
                self.state = State::Skip(extent);
                Ok(false)
            }
            (Extent::Scalar, None) => Ok(false),
        }
    }

    fn capture(&mut self, member: Member, mut extent: Extent) -> Result<bool, DecodeError> {
        let end = self.extent_end(&mut extent)?;
        let length = end.unwrap_or(self.buffer.len()) - self.at;
        if length > member.bytes_max() {
            self.too_large(member)?;
            // What is left of it is passed over.
            self.state = match end {
                Some(end) => {
                    self.at = end;
                    State::After
                }
                None => State::Skip(extent),
            };
            return Ok(true);
        }
        let Some(end) = end else {
            self.state = State::Capture(member, extent);
            return Ok(false);
        };
        let value = serde_json::from_slice(&self.buffer[self.at..end]);
        let Ok(value) = value else {
            return Err(self.malformed(self.at, "a value is malformed"));
        };
        self.learn(member, value)?;
        self.at = end;
        self.state = State::After;
        if member == Member::ErrorRow {
            self.state = State::Rows(Rows::After);
            self.compact();
            self.scanned = 0;
        }
        Ok(true)
    }

    fn too_large(&mut self, member: Member) -> Result<(), DecodeError> {
        match member {
            Member::Stats => {
                let note = "the response's statistics are too long to keep";
                self.summary.notes.push(note.to_owned());
                Ok(())
            }
            Member::Error => {
                self.fail(ServiceFailure::told(
                    "",
                    "the response has an error too long to keep",
                ));
                Ok(())
            }
            member => Err(DecodeError::TooLarge {
                what: member.what(),
                bytes_max: member.bytes_max(),
            }),
        }
    }

    /// Notes a failure; the first one counts.
    fn fail(&mut self, failure: ServiceFailure) {
        self.summary.failure.get_or_insert(failure);
    }

    fn learn(&mut self, member: Member, value: Value) -> Result<(), DecodeError> {
        match (member, value) {
            (Member::Error | Member::Columns, Value::Null) => {}
            (Member::Error, Value::Array(errors)) if errors.is_empty() => {}
            (Member::Error | Member::ErrorRow, value) => self.fail(ServiceFailure::of(value)),
            (Member::Stats, value) => self.summary.stats = Some(value),
            (Member::Columns, value) => match wire_columns(&value) {
                Some(columns) => self.table.columns = Some(columns),
                None => return Err(self.malformed(self.at, "columns are malformed or too many")),
            },
            (member, value) => self.table.learn(member, value),
        }
        Ok(())
    }

    fn layout(&self) -> Layout {
        match self.options.shape {
            Shape::Hunting => Layout::Objects,
            _ => Layout::Arrays,
        }
    }

    /// At the opening bracket of rows.
    fn begin_rows(&mut self) -> Result<(), DecodeError> {
        if std::mem::replace(&mut self.table.has_rows, true) {
            return Err(self.malformed(self.at, "a table has two lists of rows"));
        }
        self.destination = self.rows_destination()?;
        match self.destination {
            Destination::Skip | Destination::Status => {
                self.table.is_passed_over = true;
                self.scanned = self.at;
                let extent = Extent::Enclosed(Brackets::default());
                self.state = match self.destination {
                    Destination::Status => State::Capture(Member::StatusRows, extent),
                    _ => State::Skip(extent),
                };
            }
            Destination::Decode(_) | Destination::Store => {
                self.at += 1;
                self.compact();
                self.scanned = 0;
                self.rows_end = 0;
                self.state = State::Rows(Rows::First);
            }
        }
        Ok(())
    }

    /// Follows rows as far as the buffer goes.
    fn rows(&mut self, mut state: Rows) -> Result<bool, DecodeError> {
        let open = match self.layout() {
            Layout::Objects => b'{',
            Layout::Arrays => b'[',
        };
        let rows_max = self.chunk_rows_max();
        loop {
            if let Rows::Within(brackets) = &mut state {
                let end = brackets.end(&self.buffer, self.scanned);
                match end.map_err(|flaw| self.flawed(flaw))? {
                    None => {
                        self.scanned = self.buffer.len();
                        break;
                    }
                    Some(end) => {
                        self.scanned = end;
                        self.rows_end = end;
                        self.chunk_rows += 1;
                        state = Rows::After;
                        let bytes = self.rows_end - self.at;
                        if bytes >= CHUNK_BYTES || self.chunk_rows >= rows_max {
                            self.cut();
                        }
                    }
                }
            }
            self.scanned = skip_space(&self.buffer, self.scanned);
            let Some(&byte) = self.buffer.get(self.scanned) else {
                break;
            };
            match (state, byte) {
                (Rows::First | Rows::After, b']') => {
                    let end = self.scanned + 1;
                    let before = self.base;
                    self.cut();
                    self.at = end - (self.base - before) as usize;
                    self.state = State::After;
                    return Ok(true);
                }
                (Rows::After, b',') => {
                    self.scanned += 1;
                    state = Rows::Next;
                }
                (Rows::First | Rows::Next, byte) if byte == open => {
                    state = Rows::Within(Brackets::default());
                }
                (Rows::First | Rows::Next, b'{') => {
                    // Kusto puts its errors where a row should be.
                    let start = self.scanned;
                    let before = self.base;
                    self.cut();
                    self.at = start - (self.base - before) as usize;
                    self.scanned = self.at;
                    let extent = Extent::Enclosed(Brackets::default());
                    self.state = State::Capture(Member::ErrorRow, extent);
                    return Ok(true);
                }
                _ => return Err(self.malformed(self.scanned, "a row is missing or malformed")),
            }
        }
        // With what is between it and the row before, be that ever so much white space.
        if self.scanned - self.rows_end > ROW_BYTES_MAX {
            return Err(DecodeError::TooLarge {
                what: "a row",
                bytes_max: ROW_BYTES_MAX,
            });
        }
        self.state = State::Rows(state);
        Ok(false)
    }

    fn chunk_rows_max(&self) -> usize {
        match &self.destination {
            Destination::Decode(plan) => {
                let columns = plan.schema.len().max(1);
                (CHUNK_CELLS_MAX / columns).clamp(1, CHUNK_ROWS_MAX)
            }
            _ => STORED_ROWS_MAX,
        }
    }

    /// Hands on the whole rows of the buffer.
    fn cut(&mut self) {
        let rows = std::mem::take(&mut self.chunk_rows);
        if rows == 0 {
            return;
        }
        let end = self.rows_end;
        let mut rest = Vec::with_capacity(CHUNK_BYTES + PIECE_BYTES);
        rest.extend_from_slice(&self.buffer[end..]);
        let mut bytes = std::mem::replace(&mut self.buffer, rest);
        bytes.truncate(end);
        let chunk = Chunk {
            bytes,
            at_byte: self.base,
            first_row: self.table.rows + 1,
            rows,
        };
        self.base += end as u64;
        self.scanned -= end;
        self.rows_end = 0;
        self.table.rows += rows as u64;
        self.jobs.push_back(match &self.destination {
            Destination::Decode(plan) => Job::Decode {
                plan: Arc::clone(plan),
                chunk,
            },
            _ => Job::Store(chunk),
        });
    }

    fn expected(&self) -> Option<&Schema> {
        self.options.expected.as_ref()
    }
}

/// Whether a key, as written between its quotes, is `name` in some letter case.
fn is_key(key: &[u8], name: &str) -> bool {
    memchr(b'\\', key).is_none() && key.eq_ignore_ascii_case(name.as_bytes())
}
