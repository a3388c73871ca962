//! JSON rows: one object a line, or objects one after the other in a document.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::Path;

use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::column::Cell;
use super::compression::Compression;
use super::sink::{Halt, RowSink};

/// Longest row. A longer one is malformed: nothing else bounds what is held of a file.
const ROW_BYTES_MAX: usize = 64 << 20;
/// Most positions of a row whose field is remembered from the row before.
const FIELDS_REMEMBERED_MAX: usize = 1024;
const ABSENT: Range<usize> = usize::MAX..usize::MAX;

/// Reads the lines of a file; those that start in `range`, if one is given.
pub(super) fn read_lines(
    path: &Path,
    compression: Compression,
    range: Option<&Range<u64>>,
    sink: &mut RowSink<'_>,
) -> Result<(), Halt> {
    let opened = match range {
        Some(range) => open_at_line(path, range.start),
        None => compression.open(path).map(|reader| (reader, 0)),
    };
    let (mut reader, mut position) = match opened {
        Ok(opened) => opened,
        Err(error) => return sink.unreadable(&error.to_string()),
    };
    let end = range.map_or(u64::MAX, |range| range.end);
    let start = position;
    let mut fields = Fields::new(sink);
    let mut line = Vec::new();
    let mut number: u64 = 0;
    while position < end {
        line.clear();
        let read = (&mut reader)
            .take(ROW_BYTES_MAX as u64)
            .read_until(b'\n', &mut line);
        match read {
            Ok(0) => break,
            Ok(bytes) => position += bytes as u64,
            Err(error) => {
                sink.unreadable(&error.to_string())?;
                break;
            }
        }
        number += 1;
        let place = || number + lines_before(path, range.is_some().then_some(start));
        let mut row = line.as_slice();
        if number == 1 && start == 0 {
            row = row.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(row);
        }
        let row = row.trim_ascii();
        if line.len() >= ROW_BYTES_MAX {
            sink.malformed(place(), "the line is longer than 64 MiB")?;
            match skip_line(&mut reader) {
                Ok(skipped) => position += skipped,
                Err(error) => {
                    sink.unreadable(&error.to_string())?;
                    break;
                }
            }
        } else if !row.is_empty() {
            fields.read_row(row, line.len(), sink, place)?;
        }
    }
    sink.flush()
}

/// Reads the objects of a document: one after the other, or in one array.
pub(super) fn read_document(
    path: &Path,
    compression: Compression,
    sink: &mut RowSink<'_>,
) -> Result<(), Halt> {
    let mut reader = match compression.open(path) {
        Ok(reader) => reader,
        Err(error) => return sink.unreadable(&error.to_string()),
    };
    let mut fields = Fields::new(sink);
    let mut objects = Objects::default();
    loop {
        let chunk = match reader.fill_buf() {
            Ok([]) => break,
            Ok(chunk) => chunk,
            Err(error) => {
                sink.unreadable(&error.to_string())?;
                return sink.flush();
            }
        };
        let (used, step) = objects.advance(chunk);
        match step {
            Step::Onward => {}
            Step::Whole => {
                let line = objects.start_line;
                let object = std::mem::take(&mut objects.object);
                fields.read_row(&object, object.len(), sink, || line)?;
                objects.object = object;
            }
            Step::Stray => {
                sink.malformed(objects.line, "no JSON object where one should start")?;
                return sink.flush();
            }
            Step::TooLong => {
                sink.malformed(objects.start_line, "the object is longer than 64 MiB")?;
                return sink.flush();
            }
        }
        reader.consume(used);
    }
    if objects.depth > 0 {
        sink.malformed(objects.start_line, "the file ends inside a JSON object")?;
    }
    sink.flush()
}

/// Shows the first objects of a file to `look`, whether each stands on a line or not. Ends early,
/// without an error, where no object can be found: that is reported when the file is read.
pub(super) fn first_objects(
    path: &Path,
    compression: Compression,
    count: usize,
    mut look: impl FnMut(&[u8]),
) -> Result<(), String> {
    let mut reader = compression.open(path).map_err(|error| error.to_string())?;
    let mut objects = Objects::default();
    let mut found = 0;
    while found < count {
        let Ok(chunk @ [_, ..]) = reader.fill_buf() else {
            break;
        };
        let (used, step) = objects.advance(chunk);
        match step {
            Step::Onward => {}
            Step::Whole => {
                look(&objects.object);
                found += 1;
            }
            Step::Stray | Step::TooLong => break,
        }
        reader.consume(used);
    }
    Ok(())
}

/// Finds where objects start and end.
struct Objects {
    object: Vec<u8>,
    depth: usize,
    in_string: bool,
    escaped: bool,
    /// The line that is being read, and the one the object starts on; the first is 1.
    line: u64,
    start_line: u64,
}

impl Default for Objects {
    fn default() -> Self {
        Self {
            object: Vec::new(),
            depth: 0,
            in_string: false,
            escaped: false,
            line: 1,
            start_line: 1,
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Step {
    /// All was taken, and there is no whole object yet.
    Onward,
    Whole,
    Stray,
    TooLong,
}

impl Objects {
    /// Reads up to the next step, or to the end of `chunk`; how many bytes that took.
    fn advance(&mut self, chunk: &[u8]) -> (usize, Step) {
        let mut at = 0;
        while self.depth == 0 {
            let Some(byte) = chunk.get(at) else {
                return (at, Step::Onward);
            };
            match byte {
                b'{' => {
                    self.object.clear();
                    self.start_line = self.line;
                    self.depth = 1;
                    self.object.push(b'{');
                }
                b'\n' => self.line += 1,
                b' ' | b'\t' | b'\r' | b'[' | b']' | b',' => {}
                // The parts of a byte-order mark.
                0xEF | 0xBB | 0xBF if self.line == 1 => {}
                _ => return (at, Step::Stray),
            }
            at += 1;
        }
        let start = at;
        while self.depth > 0 && at < chunk.len() {
            at += self.inside(&chunk[at..]);
        }
        let part = &chunk[start..at];
        self.object.extend_from_slice(part);
        self.line += memchr::memchr_iter(b'\n', part).count() as u64;
        let step = if self.object.len() > ROW_BYTES_MAX {
            Step::TooLong
        } else if self.depth == 0 {
            Step::Whole
        } else {
            Step::Onward
        };
        (at, step)
    }

    /// Goes on inside an object, past the next byte that decides something.
    fn inside(&mut self, rest: &[u8]) -> usize {
        if self.escaped {
            self.escaped = false;
            return 1;
        }
        if self.in_string {
            let Some(found) = memchr::memchr2(b'"', b'\\', rest) else {
                return rest.len();
            };
            if rest[found] == b'"' {
                self.in_string = false;
            } else {
                self.escaped = true;
            }
            return found + 1;
        }
        match rest[0] {
            b'"' => self.in_string = true,
            b'{' | b'[' => self.depth += 1,
            b'}' | b']' => self.depth -= 1,
            _ => {}
        }
        1
    }
}

/// Finds the wanted fields of a row. Rows of one file mostly have the same fields in the same
/// order, so that a field is first looked for where the row before had it.
struct Fields {
    positions: HashMap<String, usize>,
    remembered: Vec<(String, Option<usize>)>,
    /// Where in the row the value of each wanted column stands.
    values: Vec<Range<usize>>,
}

impl Fields {
    fn new(sink: &RowSink<'_>) -> Self {
        let columns = sink.columns().iter().enumerate();
        Self {
            positions: columns
                .map(|(position, column)| (column.name.to_string(), position))
                .collect(),
            remembered: Vec::new(),
            values: vec![ABSENT; sink.columns().len()],
        }
    }

    fn read_row(
        &mut self,
        row: &[u8],
        bytes: usize,
        sink: &mut RowSink<'_>,
        line: impl Fn() -> u64,
    ) -> Result<(), Halt> {
        let Ok(row) = std::str::from_utf8(row) else {
            return sink.malformed(line(), "not UTF-8");
        };
        self.values.fill(ABSENT);
        let mut json = serde_json::Deserializer::from_str(row);
        let read = RowSeed { fields: self, row }
            .deserialize(&mut json)
            .and_then(|()| json.end());
        if let Err(error) = read {
            let column = error.column();
            // serde_json's own text may repeat values.
            let what = match error.classify() {
                serde_json::error::Category::Eof => "ends inside a JSON value".to_owned(),
                serde_json::error::Category::Data => {
                    "no JSON object, or one with a field twice".to_owned()
                }
                _ => format!("no valid JSON at column {column}"),
            };
            return sink.malformed(line(), &what);
        }
        let values = &self.values;
        let cell = |position: usize| {
            let value = &values[position];
            row.get(value.clone()).map_or(Cell::Missing, Cell::Json)
        };
        sink.push(bytes, cell, line)
    }

    /// The wanted column of the field called `name`, which is the row's `nth`.
    fn position(&mut self, nth: usize, name: &str) -> Option<usize> {
        if let Some((remembered, position)) = self.remembered.get(nth)
            && remembered == name
        {
            return *position;
        }
        let position = self.positions.get(name).copied();
        if nth < self.remembered.len() {
            self.remembered[nth] = (name.to_owned(), position);
        } else if nth < FIELDS_REMEMBERED_MAX {
            self.remembered.push((name.to_owned(), position));
        }
        position
    }
}

struct RowSeed<'f, 'r> {
    fields: &'f mut Fields,
    row: &'r str,
}

impl<'r> DeserializeSeed<'r> for RowSeed<'_, 'r> {
    type Value = ();

    fn deserialize<D: Deserializer<'r>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'r> Visitor<'r> for RowSeed<'_, 'r> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'r>>(self, mut map: A) -> Result<(), A::Error> {
        let mut nth = 0;
        loop {
            let seed = NameSeed {
                fields: &mut *self.fields,
                nth,
            };
            let Some(position) = map.next_key_seed(seed)? else {
                return Ok(());
            };
            nth += 1;
            let Some(position) = position else {
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            let value: &'r RawValue = map.next_value()?;
            let value = value.get();
            let place = &mut self.fields.values[position];
            if *place != ABSENT {
                return Err(A::Error::custom("field twice"));
            }
            // The value is a part of the row, so that its place is the distance of the two.
            let start = value.as_ptr() as usize - self.row.as_ptr() as usize;
            *place = start..start + value.len();
        }
    }
}

struct NameSeed<'f> {
    fields: &'f mut Fields,
    nth: usize,
}

impl<'r> DeserializeSeed<'r> for NameSeed<'_> {
    type Value = Option<usize>;

    fn deserialize<D: Deserializer<'r>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for NameSeed<'_> {
    type Value = Option<usize>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a field name")
    }

    fn visit_str<E>(self, name: &str) -> Result<Option<usize>, E> {
        Ok(self.fields.position(self.nth, name))
    }
}

/// Opens an uncompressed file at the first line that starts at or after `start`.
fn open_at_line(path: &Path, start: u64) -> io::Result<(Box<dyn BufRead>, u64)> {
    let mut file = File::open(path)?;
    if start == 0 {
        return Ok((Box::new(BufReader::with_capacity(256 << 10, file)), 0));
    }
    file.seek(SeekFrom::Start(start - 1))?;
    let mut reader = BufReader::with_capacity(256 << 10, file);
    let skipped = skip_line(&mut reader)?;
    Ok((Box::new(reader), start - 1 + skipped))
}

/// Reads to the end of the line; says how many bytes that was.
fn skip_line(reader: &mut impl BufRead) -> io::Result<u64> {
    let mut skipped = 0;
    loop {
        let chunk = reader.fill_buf()?;
        if chunk.is_empty() {
            return Ok(skipped);
        }
        let end = memchr::memchr(b'\n', chunk);
        let used = end.map_or(chunk.len(), |end| end + 1);
        reader.consume(used);
        skipped += used as u64;
        if end.is_some() {
            return Ok(skipped);
        }
    }
}

/// How many lines of a file stand before `position`. Worked out for a message only: the parts of
/// a file are read at the same time, and none knows the lines of those before it.
fn lines_before(path: &Path, position: Option<u64>) -> u64 {
    let (Some(position), Ok(file)) = (position, File::open(path)) else {
        return 0;
    };
    let mut reader = BufReader::with_capacity(256 << 10, file.take(position));
    let mut lines = 0;
    while let Ok(chunk) = reader.fill_buf() {
        if chunk.is_empty() {
            break;
        }
        lines += memchr::memchr_iter(b'\n', chunk).count() as u64;
        let used = chunk.len();
        reader.consume(used);
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The objects of a text that arrives in chunks, each with its line, and why it ends.
    fn objects(text: &str, chunk_bytes: usize) -> (Vec<(u64, String)>, Step) {
        let mut objects = Objects::default();
        let mut found = Vec::new();
        for mut chunk in text.as_bytes().chunks(chunk_bytes) {
            while !chunk.is_empty() {
                let (used, step) = objects.advance(chunk);
                chunk = &chunk[used..];
                match step {
                    Step::Onward => {}
                    Step::Whole => {
                        let object = String::from_utf8(objects.object.clone()).unwrap();
                        found.push((objects.start_line, object));
                    }
                    Step::Stray | Step::TooLong => return (found, step),
                }
            }
        }
        (found, Step::Onward)
    }

    #[test]
    fn objects_are_found_wherever_the_chunks_of_a_document_end() {
        let text = "\u{feff}[{\"a\": \"}{\\\"\\\\\"},\n {\"b\":\n{\"c\": [1, {}]}}]\r\n{}";
        let expected = vec![
            (1, "{\"a\": \"}{\\\"\\\\\"}".to_owned()),
            (2, "{\"b\":\n{\"c\": [1, {}]}}".to_owned()),
            (4, "{}".to_owned()),
        ];
        for chunk_bytes in 1..=text.len() {
            let found = objects(text, chunk_bytes);
            assert_eq!(found, (expected.clone(), Step::Onward), "{chunk_bytes}");
        }
        let stray = objects("{}\n{\"a\":1}\nx", 3);
        assert_eq!((stray.0.len(), stray.1), (2, Step::Stray));
    }
}
