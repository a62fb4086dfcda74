#!/usr/bin/env bash
# jsonwebtoken 10 rejects a token whose JOSE header has a member of its own with a number; 9 and 11 accept it.
#
# A JOSE header may have further members (RFC 7515 section 4.3), and may repeat claims (RFC 7519 section 5.3). An Application Load Balancer
# writes `exp` there, as a number. Version 10 reads further members into a map of texts, so `decode`, and `decode_header` too, which
# has to find the key first, end with a JSON error that names neither the member nor the header. Version 11 keeps them as JSON values.
# Libraries on version 10 cannot verify such a token at all, whatever is done about its padding.
#
# Versions:  jsonwebtoken 9.3.1, 10.4.0, 11.1.0; Rust 1.95. One HS256 token, with and without `"exp": 4102444800` in its header.
# Behaviour seen:
#
#                          plain header    with the number
#   jsonwebtoken 9.3.1     accepted        accepted
#   jsonwebtoken 10.4.0    accepted        JSON error: invalid type: integer `4102444800`, expected a string at line 1 column 44
#   jsonwebtoken 11.1.0    accepted        accepted
#
# Exits with 0 where that is so, with 1 where it is not any more. Needs cargo; writes into a temporary folder alone.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
mkdir src
cat >Cargo.toml <<'TOML'
[package]
name = "header-numbers"
version = "0.0.0"
edition = "2024"

[dependencies]
base64 = "=0.22.1"
nine = { package = "jsonwebtoken", version = "=9.3.1", default-features = false }
ten = { package = "jsonwebtoken", version = "=10.4.0", default-features = false, features = ["rust_crypto"] }
eleven = { package = "jsonwebtoken", version = "=11.1.0", default-features = false, features = ["rust_crypto"] }
serde_json = "1"
TOML
cat >src/main.rs <<'RUST'
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::Value;

const KEY: &[u8] = b"a key for this example alone, of 256 bits or more";

/// A token with this JOSE header.
fn token(header: &str) -> String {
    let content = [header, r#"{"sub":"jane","exp":4102444800}"#].map(|part| URL_SAFE_NO_PAD.encode(part)).join(".");
    let key = nine::EncodingKey::from_secret(KEY);
    let signature = nine::crypto::sign(content.as_bytes(), &key, nine::Algorithm::HS256).expect("a signature");
    format!("{content}.{signature}")
}

macro_rules! verdict {
    ($version:ident, $token:expr) => {{
        let key = $version::DecodingKey::from_secret(KEY);
        let rules = $version::Validation::new($version::Algorithm::HS256);
        let header = $version::decode_header($token).map(drop);
        let claims = $version::decode::<Value>($token, &key, &rules).map(drop);
        match (header, claims) {
            (Ok(()), Ok(())) => "accepted".to_owned(),
            (Err(header), Err(claims)) if header.to_string() == claims.to_string() => claims.to_string(),
            other => format!("{other:?}"),
        }
    }};
}

fn main() {
    let plain = token(r#"{"typ":"JWT","alg":"HS256"}"#);
    let number = token(r#"{"typ":"JWT","alg":"HS256","exp":4102444800}"#);
    println!("9.3.1: {}; {}", verdict!(nine, &plain), verdict!(nine, &number));
    println!("10.4.0: {}; {}", verdict!(ten, &plain), verdict!(ten, &number));
    println!("11.1.0: {}; {}", verdict!(eleven, &plain), verdict!(eleven, &number));
}
RUST
seen=$(cargo run --quiet)
echo "$seen"
expected='9.3.1: accepted; accepted
10.4.0: accepted; JSON error: invalid type: integer `4102444800`, expected a string at line 1 column 44
11.1.0: accepted; accepted'
[ "$seen" = "$expected" ] || {
    echo "expected:"
    echo "$expected"
    exit 1
}
