//! The signature of a webhook request, by which its receiver knows that it comes from us, is
//! unchanged, and is recent.

use std::fmt::Write as _;

use hmac::{Hmac, Mac as _};
use sha2::Sha256;

use crate::secret::Secret;

/// The value of the signature's header: `t=<unix>,v1=<hex>`, with the HMAC-SHA256 of
/// `<unix>.<body>`.
pub fn signature(key: &Secret, unix_seconds: i64, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(key.expose().as_bytes())
        .expect("HMAC takes keys of any length");
    mac.update(unix_seconds.to_string().as_bytes());
    mac.update(b".");
    mac.update(body);
    let digest = mac.finalize().into_bytes();
    let mut signature = format!("t={unix_seconds},v1=");
    for byte in digest {
        let _ = write!(signature, "{byte:02x}");
    }
    signature
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matches_what_openssl_computes() {
        // printf '1767366000.{"a":1}' | openssl dgst -sha256 -hmac key
        assert_eq!(
            signature(&Secret::new("key"), 1_767_366_000, br#"{"a":1}"#),
            "t=1767366000,v1=9eef00842b4bf7c672d7e2b877fc1e191ff89ec765d59b490cfa4b80da5aa2cd"
        );
    }
}
