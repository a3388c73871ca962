//! Hashes, base64 and URL encoding.

use super::vocabulary::{
    Any, Array, Comparable, GUID, Integer, Scalar, TO_ARRAY, TO_GUID, TO_LONG, TO_STRING, Text,
    function, takes,
};

pub(super) static FUNCTIONS: &[Scalar] = &[
    function(
        "hash",
        &[takes(&[Comparable, Integer], TO_LONG).optional(1)],
        "xxHash64 of a value, modulo a number.",
    ),
    function(
        "hash_xxhash64",
        &[takes(&[Comparable, Integer], TO_LONG).optional(1)],
        "xxHash64 of a value, modulo a number.",
    ),
    function(
        "hash_md5",
        &[takes(&[Comparable], TO_STRING)],
        "MD5 as hexadecimal text.",
    ),
    function(
        "hash_sha1",
        &[takes(&[Comparable], TO_STRING)],
        "SHA-1 as hexadecimal text.",
    ),
    function(
        "hash_sha256",
        &[takes(&[Comparable], TO_STRING)],
        "SHA-256 as hexadecimal text.",
    ),
    function(
        "hash_combine",
        &[takes(&[Any, Any], TO_LONG).variadic()],
        "One hash of several hashes.",
    ),
    function(
        "hash_many",
        &[takes(&[Comparable], TO_LONG).variadic()],
        "One hash of several values.",
    ),
    function(
        "base64_encode_tostring",
        &[takes(&[Text], TO_STRING)],
        "Text to base64.",
    )
    .aliases(&["base64_encodestring"]),
    function(
        "base64_decode_tostring",
        &[takes(&[Text], TO_STRING)],
        "Base64 to text.",
    )
    .aliases(&["base64_decodestring"]),
    function(
        "base64_decode_toarray",
        &[takes(&[Text], TO_ARRAY)],
        "Base64 to an array of bytes.",
    ),
    function(
        "base64_decode_toguid",
        &[takes(&[Text], TO_GUID)],
        "Base64 to a guid.",
    ),
    function(
        "base64_encode_fromguid",
        &[takes(&[GUID], TO_STRING)],
        "A guid to base64.",
    ),
    function(
        "base64_encode_fromarray",
        &[takes(&[Array], TO_STRING)],
        "An array of bytes to base64.",
    ),
    function(
        "url_encode",
        &[takes(&[Text], TO_STRING)],
        "Encodes a text for the query part of a URL.",
    ),
    function(
        "url_encode_component",
        &[takes(&[Text], TO_STRING)],
        "Encodes a text as a component of a URL.",
    ),
    function(
        "url_decode",
        &[takes(&[Text], TO_STRING)],
        "Decodes the text of a URL.",
    ),
    function(
        "punycode_from_string",
        &[takes(&[Text], TO_STRING)],
        "Text to punycode.",
    ),
    function(
        "punycode_to_string",
        &[takes(&[Text], TO_STRING)],
        "Punycode to text.",
    ),
    function(
        "punycode_domain_from_string",
        &[takes(&[Text], TO_STRING)],
        "A domain name to its form in ASCII.",
    ),
    function(
        "punycode_domain_to_string",
        &[takes(&[Text], TO_STRING)],
        "A domain name from its form in ASCII.",
    ),
    function(
        "gzip_decompress_from_base64_string",
        &[takes(&[Text], TO_STRING)],
        "Unpacks gzip in base64.",
    ),
    function(
        "gzip_compress_to_base64_string",
        &[takes(&[Text], TO_STRING)],
        "Packs with gzip to base64.",
    ),
    function(
        "zlib_decompress_from_base64_string",
        &[takes(&[Text], TO_STRING)],
        "Unpacks zlib in base64.",
    ),
    function(
        "zlib_compress_to_base64_string",
        &[takes(&[Text], TO_STRING)],
        "Packs with zlib to base64.",
    ),
];
