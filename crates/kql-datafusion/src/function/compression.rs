//! gzip and zlib in base64. Text that does not unpack to text unpacks to nothing.

use std::io::{Read, Write};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::read::{MultiGzDecoder, ZlibDecoder};
use flate2::write::DeflateEncoder;
use flate2::{Compression, Crc};
use kql::types::ScalarType;

use super::udf::{Evaluate, code};

/// Most bytes that a text unpacks to; more is nothing, because small texts unpack to any size.
const UNPACKED_MAX: u64 = 4 * 1024 * 1024;

/// Functions of packed texts by name.
pub(super) fn find(name: &str, _: &[ScalarType]) -> Option<Evaluate> {
    Some(match name {
        "gzip_compress_to_base64_string" => pack(gzip),
        "zlib_compress_to_base64_string" => pack(zlib),
        "gzip_decompress_from_base64_string" => unpack(|bytes| text(MultiGzDecoder::new(bytes))),
        "zlib_decompress_from_base64_string" => unpack(|bytes| text(ZlibDecoder::new(bytes))),
        _ => return None,
    })
}

fn pack(pack: fn(&[u8]) -> Vec<u8>) -> Evaluate {
    code(move |arguments| {
        let texts = arguments.texts(0)?;
        arguments.strings(|row, out| STANDARD.encode_string(pack(texts.text(row).as_bytes()), out))
    })
}

fn unpack(unpack: fn(&[u8]) -> Option<String>) -> Evaluate {
    code(move |arguments| {
        let texts = arguments.texts(0)?;
        arguments.strings(|row, out| {
            let bytes = STANDARD.decode(texts.text(row).trim()).ok();
            if let Some(text) = bytes.and_then(|bytes| unpack(&bytes)) {
                out.push_str(&text);
            }
        })
    })
}

fn text(packed: impl Read) -> Option<String> {
    let mut bytes = Vec::new();
    let read = packed.take(UNPACKED_MAX + 1).read_to_end(&mut bytes).ok()?;
    if read as u64 > UNPACKED_MAX {
        return None;
    }
    String::from_utf8(bytes).ok()
}

/// Packs bytes, or stores them as they are where packing saves little, as Kusto does.
fn deflate(bytes: &[u8]) -> Vec<u8> {
    let fast = deflate_at(bytes, Compression::fast());
    if fast.len() * 4 < bytes.len() * 3 {
        fast
    } else {
        deflate_at(bytes, Compression::none())
    }
}

fn deflate_at(bytes: &[u8], level: Compression) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), level);
    encoder
        .write_all(bytes)
        .and_then(|()| encoder.finish())
        .expect("writing to memory does not fail")
}

/// A header without name, time and system, as Kusto writes it.
fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut out = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];
    out.extend(deflate(bytes));
    let mut crc = Crc::new();
    crc.update(bytes);
    out.extend_from_slice(&crc.sum().to_le_bytes());
    out.extend_from_slice(&crc.amount().to_le_bytes());
    out
}

fn zlib(bytes: &[u8]) -> Vec<u8> {
    let mut out = vec![0x78, 0x01];
    out.extend(deflate(bytes));
    out.extend_from_slice(&adler32(bytes).to_be_bytes());
    out
}

/// The checksum of zlib (RFC 1950).
fn adler32(bytes: &[u8]) -> u32 {
    const MODULUS: u32 = 65_521;
    // So many bytes can be added before the sums overflow.
    const RUN: usize = 5552;
    let (mut low, mut high) = (1_u32, 0_u32);
    for run in bytes.chunks(RUN) {
        for byte in run {
            low += u32::from(*byte);
            high += low;
        }
        low %= MODULUS;
        high %= MODULUS;
    }
    high << 16 | low
}

#[cfg(test)]
mod tests {
    use super::super::testing::{eval, string};
    use super::*;

    fn check(function: &str, text: &str, expected: &str) {
        let actual = eval(function, ScalarType::String, &[string(text)]);
        assert_eq!(actual, expected, "{function} {text}");
    }

    #[test]
    fn examples_of_the_reference() {
        let text = "1234567890qwertyuiop";
        let gzip = "H4sIAAAAAAAA/wEUAOv/MTIzNDU2Nzg5MHF3ZXJ0eXVpb3A6m7f2FAAAAA==";
        let zlib = "eAEBFADr/zEyMzQ1Njc4OTBxd2VydHl1aW9wOAkGdw==";
        check("gzip_compress_to_base64_string", text, gzip);
        check("gzip_decompress_from_base64_string", gzip, text);
        check("zlib_compress_to_base64_string", text, zlib);
        check("zlib_decompress_from_base64_string", zlib, text);
        check(
            "zlib_decompress_from_base64_string",
            "eJwLSS0uUSguKcrMS1cwNDIGACxqBQ4=",
            "Test string 123",
        );
        check("zlib_decompress_from_base64_string", "x0x0x0", "");
        check("gzip_decompress_from_base64_string", "", "");
    }

    #[test]
    fn long_texts_shrink_and_come_back() {
        let text = "powershell -enc ".repeat(10_000);
        for kind in ["gzip", "zlib"] {
            let name = format!("{kind}_compress_to_base64_string");
            let packed = eval(&name, ScalarType::String, &[string(&text)]);
            assert!(packed.len() < text.len() / 50, "{}", packed.len());
            let name = format!("{kind}_decompress_from_base64_string");
            check(&name, &packed, &text);
        }
    }

    #[test]
    fn what_unpacks_to_too_much_is_nothing() {
        let bytes = vec![b'x'; UNPACKED_MAX as usize + 1];
        let packed = STANDARD.encode(zlib(&bytes));
        check("zlib_decompress_from_base64_string", &packed, "");
    }
}
