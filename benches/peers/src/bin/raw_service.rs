//! `raw_service PORT KEY_FILE inline|blocking`: an axum service that checks the signature of a token and nothing else, for what it
//! changes where the check runs: on the thread that serves, or on a thread of `spawn_blocking`. No check at `/free`.

use std::{error::Error, fs, sync::Arc};

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, ParsedPublicKey};
use axum::{
    Router,
    http::{HeaderMap, StatusCode},
    routing::get,
};
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE},
};
use tower_alb_auth_bench_peers::serve;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let mut next = |name: &str| arguments.next().ok_or(format!("{name} is missing"));
    let port: u16 = next("PORT")?.parse()?;
    let key = Arc::new(key(&fs::read_to_string(next("KEY_FILE")?)?)?);
    let checked = match next("inline|blocking")?.as_str() {
        "inline" => get(async move |headers: HeaderMap| respond(verify(&key, &headers))),
        "blocking" => get(async move |headers: HeaderMap| {
            let verified = tokio::task::spawn_blocking(move || verify(&key, &headers)).await;
            respond(verified.unwrap_or(None))
        }),
        other => return Err(format!("expected inline or blocking, found {other}").into()),
    };
    serve(port, Router::new().route("/", checked).route("/free", get(|| async { "ok" })))
}

fn respond(verified: Option<()>) -> Result<&'static str, StatusCode> {
    verified.map(|()| "ok").ok_or(StatusCode::UNAUTHORIZED)
}

/// The last 65 bytes of a SubjectPublicKeyInfo are the point.
fn key(pem: &str) -> Result<ParsedPublicKey, Box<dyn Error>> {
    let text: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
    let der = STANDARD.decode(text)?;
    let point = der.len().checked_sub(65).and_then(|start| der.get(start..)).ok_or("a short key")?;
    Ok(ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point)?)
}

fn verify(key: &ParsedPublicKey, headers: &HeaderMap) -> Option<()> {
    let token = headers.get("x-amzn-oidc-data")?.to_str().ok()?;
    let (signed, signature) = token.rsplit_once('.')?;
    key.verify_sig(signed.as_bytes(), &URL_SAFE.decode(signature).ok()?).ok()
}
