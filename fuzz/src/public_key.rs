//! Public keys as PEM, against the crate `p256` and its DER reader.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use p256::{PublicKey, pkcs8::DecodePublicKey as _};
use tower_alb_auth::keys::FixedKeys;

const KID: &str = "c6f14c2f-0a57-4b0e-9f3a-6d7c2b1e5a90";

pub(crate) fn run(data: &[u8]) {
    // Bytes as they are, and as the DER in a well-formed PEM block.
    if let Ok(text) = std::str::from_utf8(data) {
        check(text);
    }
    check(&format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", STANDARD.encode(data)));
}

fn check(text: &str) {
    let read = FixedKeys::new().add(KID, text).is_ok();
    assert_eq!(read, is_key(text), "a P-256 key in one block");
}

fn is_key(text: &str) -> bool {
    let space = [' ', '\t', '\n', '\r', '\u{c}'];
    let block = text.trim_matches(space);
    let Some(rest) = block.strip_prefix("-----BEGIN PUBLIC KEY-----") else { return false };
    let Some(body) = rest.strip_suffix("-----END PUBLIC KEY-----") else { return false };
    let body: String = body.split(space).collect();
    STANDARD.decode(body).is_ok_and(|der| PublicKey::from_public_key_der(&der).is_ok() && !is_compact(&der))
}

/// Whether the point has the tag 5: one coordinate without the sign of the other. `p256` reads it; SEC 1 does not have it.
fn is_compact(der: &[u8]) -> bool {
    der.len() == 59 && der.get(26) == Some(&5)
}
