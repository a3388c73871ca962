//! Writes JSON that functions make anew: bags property by property, arrays of reals.

use super::json;
use super::text;

/// Writes an array of reals.
pub(super) fn write_reals(values: &[f64], out: &mut String) {
    out.push('[');
    for (position, value) in values.iter().enumerate() {
        if position > 0 {
            out.push(',');
        }
        json::write_real(*value, out);
    }
    out.push(']');
}

/// Writes `true` or `false`, or `null`.
pub(super) fn write_bool(value: Option<bool>, out: &mut String) {
    out.push_str(match value {
        Some(true) => "true",
        Some(false) => "false",
        None => "null",
    });
}

/// Writes a bag; the names are known and need no escapes.
pub(super) struct BagWriter<'o> {
    out: &'o mut String,
    is_empty: bool,
}

impl<'o> BagWriter<'o> {
    pub(super) fn new(out: &'o mut String) -> Self {
        out.push('{');
        let is_empty = true;
        Self { out, is_empty }
    }

    fn name(&mut self, name: &str) {
        if !self.is_empty {
            self.out.push(',');
        }
        self.is_empty = false;
        json::write_string(name, self.out);
        self.out.push(':');
    }

    pub(super) fn real(&mut self, name: &str, value: f64) {
        self.name(name);
        json::write_real(value, self.out);
    }

    pub(super) fn long(&mut self, name: &str, value: i64) {
        self.name(name);
        text::write(self.out, format_args!("{value}"));
    }

    pub(super) fn reals(&mut self, name: &str, values: &[f64]) {
        self.name(name);
        write_reals(values, self.out);
    }

    /// A bag within the bag.
    pub(super) fn bag(&mut self, name: &str, write: impl FnOnce(&mut BagWriter<'_>)) {
        self.name(name);
        let mut bag = BagWriter::new(self.out);
        write(&mut bag);
        bag.end();
    }

    pub(super) fn end(self) {
        self.out.push('}');
    }
}
