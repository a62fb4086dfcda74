//! `site FOLDER TOKENS USERS BYTES`: a load balancer in files, for all peers of one run.
//!
//! Writes `padded` and `unpadded` (a token a line, each with a signature of its own; about BYTES long), `key.pem`, `jwks.json`
//! and `facts.json`. As a load balancer's, the tokens of one second have the same expiry: a thousand each.

use std::{
    error::Error,
    fs::{self, File},
    io::{BufWriter, Write},
    path::PathBuf,
};

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use serde_json::json;
use tower_alb_auth::test_util::{MockAlb, User};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let mut next = |name: &str| arguments.next().ok_or(format!("{name} is missing"));
    let folder = PathBuf::from(next("FOLDER")?);
    let (tokens, users, bytes): (u64, u64, usize) =
        (next("TOKENS")?.parse()?, next("USERS")?.parse()?, next("BYTES")?.parse()?);

    let alb = MockAlb::new();
    let bare = alb.sign(&user(0, 0)).len();
    let padding = bytes.saturating_sub(bare) * 3 / 4;
    let (mut padded, mut unpadded) = (create(&folder, "padded")?, create(&folder, "unpadded")?);
    // As far ahead as the default max_lifetime allows, less the time of a run.
    let expires_at = alb.unix_now() + 840;
    for number in 0..tokens {
        let user = user(number % users, padding);
        let token = || alb.token(&user).expires_at(expires_at + number / 1000 % 50);
        writeln!(padded, "{}", token().sign())?;
        writeln!(unpadded, "{}", token().unpadded().sign())?;
    }
    padded.flush()?;
    unpadded.flush()?;

    let pem = alb.public_key_pem();
    fs::write(folder.join("key.pem"), &pem)?;
    fs::write(folder.join("jwks.json"), jwks(&pem, alb.kid())?.to_string())?;
    let facts = json!({
        "kid": alb.kid(), "signer": alb.signer(), "issuer": alb.issuer(), "client_id": alb.client_id(), "bytes": alb.sign(&user(0, padding)).len(),
    });
    fs::write(folder.join("facts.json"), facts.to_string())?;
    Ok(())
}

fn create(folder: &std::path::Path, name: &str) -> std::io::Result<BufWriter<File>> {
    File::create(folder.join(name)).map(BufWriter::new)
}

fn user(number: u64, padding: usize) -> User {
    let user = User::entra(&format!("user{number}"));
    if padding == 0 { user } else { user.claim("padding", "x".repeat(padding)) }
}

/// The key as a JWK: the last 64 bytes of its SubjectPublicKeyInfo are the point.
fn jwks(pem: &str, kid: &str) -> Result<serde_json::Value, Box<dyn Error>> {
    let text: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
    let der = STANDARD.decode(text)?;
    let point = der.len().checked_sub(64).and_then(|start| der.get(start..)).ok_or("a short key")?;
    let (x, y) = point.split_at(32);
    let key = json!({ "kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": kid, "x": URL_SAFE_NO_PAD.encode(x), "y": URL_SAFE_NO_PAD.encode(y) });
    Ok(json!({ "keys": [key] }))
}
