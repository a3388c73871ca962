//! Hashes: `hash()` is xxHash64, the others are what their names say, in hexadecimal.

use arrow::array::ArrayRef;
use datafusion::common::Result;
use kql::types::ScalarType;
use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha256};
use twox_hash::XxHash64;

use super::arguments::Arguments;
use super::text;
use super::udf::{Evaluate, code};
use super::value::Datum;

/// Hash functions by name.
pub(super) fn find(name: &str, _: &[ScalarType]) -> Option<Evaluate> {
    Some(match name {
        "hash" | "hash_xxhash64" => code(hash),
        // How a cluster combines hashes is not documented; ours are stable, but others.
        "hash_combine" => code(|a| {
            let hashes: Vec<_> = (0..a.len()).map(|position| a.longs_in(position)).collect();
            a.longs(|row| {
                let hashes = hashes.iter().map(|hashes| hashes.get(row).unwrap_or(0));
                Some(hashes.fold(0, combined))
            })
        }),
        "hash_many" => code(|a| {
            let values = a.inputs(0);
            let mut buffer = String::new();
            a.longs(|row| {
                let hashes = values.iter();
                let hashes = hashes.map(|values| xxhash(values.get(row), &mut buffer) as i64);
                Some(hashes.fold(0, combined))
            })
        }),
        "hash_md5" => digest::<Md5>(),
        "hash_sha1" => digest::<Sha1>(),
        "hash_sha256" => digest::<Sha256>(),
        _ => return None,
    })
}

/// A hash of what came before and of one more, which depends on their order.
fn combined(before: i64, next: i64) -> i64 {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&before.to_le_bytes());
    bytes[8..].copy_from_slice(&next.to_le_bytes());
    XxHash64::oneshot(0, &bytes) as i64
}

/// A digest of the string form.
fn digest<D: Digest + 'static>() -> Evaluate {
    code(|arguments| {
        let texts = arguments.texts(0)?;
        arguments.strings(|row, out| {
            for byte in D::digest(texts.text(row).as_bytes()) {
                text::write(out, format_args!("{byte:02x}"));
            }
        })
    })
}

/// `hash(value, modulus)`.
fn hash(arguments: &Arguments<'_>) -> Result<ArrayRef> {
    let values = arguments.input(0);
    let moduli = (arguments.len() > 1).then(|| arguments.longs_in(1));
    let mut buffer = String::new();
    arguments.longs(|row| {
        let hash = xxhash(values.get(row), &mut buffer) as i64;
        match &moduli {
            Some(moduli) => hash.checked_rem_euclid(moduli.get(row)?),
            None => Some(hash),
        }
    })
}

/// Texts hash by their bytes, numbers and times by those of their 64 bits.
fn xxhash(value: Datum<'_>, buffer: &mut String) -> u64 {
    match value {
        Datum::String(text) => XxHash64::oneshot(0, text.as_bytes()),
        Datum::Int(_) | Datum::Long(_) | Datum::DateTime(_) | Datum::TimeSpan(_) => {
            let long = value.to_long().unwrap_or_default();
            XxHash64::oneshot(0, &long.to_le_bytes())
        }
        Datum::Real(real) => XxHash64::oneshot(0, &real.to_le_bytes()),
        Datum::Bool(value) => XxHash64::oneshot(0, &[u8::from(value)]),
        other => {
            buffer.clear();
            other.write_text(buffer);
            XxHash64::oneshot(0, buffer.as_bytes())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Argument, datetime, eval, long, string};
    use super::*;

    #[test]
    fn many_values_hash_as_their_hashes_combine() {
        let of = |name: &str, arguments: &[Argument]| eval(name, ScalarType::Long, arguments);
        let hash = |text: &str| long(of("hash", &[string(text)]).parse().unwrap());
        let many = of("hash_many", &[string("Hello"), string("World")]);
        let combined = of("hash_combine", &[hash("Hello"), hash("World")]);
        assert_eq!(many, combined);
        assert_ne!(many, of("hash_many", &[string("World"), string("Hello")]));
    }

    #[test]
    fn digests() {
        for (name, expected) in [
            ("hash_md5", "f5a7924e621e84c9280a9a27e1bcb7f6"),
            ("hash_sha1", "70c07ec18ef89c5309bbb0937f3a6342411e1fdd"),
            (
                "hash_sha256",
                "78ae647dc5544d227130a0682a51e30bc7777fbb6d8a8f17007463a3ecd1d524",
            ),
        ] {
            assert_eq!(eval(name, ScalarType::String, &[string("World")]), expected);
        }
        let number = eval("hash_md5", ScalarType::String, &[long(123)]);
        assert_eq!(number, "202cb962ac59075b964b07152d234b70");
        let time = eval("hash_md5", ScalarType::String, &[datetime("2020-01-01")]);
        assert_eq!(time, "786c530672d1f8db31fee25ea8a9390b");
    }

    #[test]
    fn hashes_are_xxhash64() {
        assert_eq!(
            eval("hash", ScalarType::Long, &[string("World")]),
            "1846988464401551951"
        );
        assert_eq!(
            eval("hash", ScalarType::Long, &[string("World"), long(100)]),
            "51"
        );
        let time = eval("hash", ScalarType::Long, &[datetime("2015-01-01")]);
        assert_eq!(time, "1380966698541616202");
    }
}
