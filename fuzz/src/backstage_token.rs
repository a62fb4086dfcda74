//! The reader of Backstage's user tokens, against its rules written over another reader of JSON, with a fixed key.
//!
//! The input is how to sign, the JOSE header and the claims, separated by 0xff.

use std::{
    sync::OnceLock,
    time::{Duration, SystemTime},
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use p256::ecdsa::{
    Signature, SigningKey,
    signature::{Signer as _, Verifier as _},
};
use regex::Regex;
use tower_alb_auth::{backstage::PublicJwk, fuzzing::backstage::user_token};

use crate::reading::Json;

const NOW: u64 = 1_800_000_000;
const LEEWAY: u64 = 30;

struct Bench {
    keys: [SigningKey; 2],
    jwk: PublicJwk,
    subject: Regex,
}

fn bench() -> &'static Bench {
    static BENCH: OnceLock<Bench> = OnceLock::new();
    BENCH.get_or_init(|| {
        let keys = [[7; 32], [9; 32]].map(|key| SigningKey::from_slice(&key).expect("a private key"));
        let point = keys[0].verifying_key().to_encoded_point(false);
        let part = |bytes: Option<&p256::FieldBytes>| URL_SAFE_NO_PAD.encode(bytes.expect("a point"));
        let (x, y) = (part(point.x()), part(point.y()));
        let jwk = format!(r#"{{"kty":"EC","crv":"P-256","alg":"ES256","kid":"k","x":"{x}","y":"{y}"}}"#);
        let name = "[a-z0-9](?:[a-z0-9._-]{0,61}[a-z0-9])?";
        let namespace = "[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?";
        Bench {
            keys,
            jwk: PublicJwk::parse(&jwk).expect("a JWK"),
            subject: Regex::new(&format!("^user:{namespace}/{name}$")).expect("a regular expression"),
        }
    })
}

pub(crate) fn run(data: &[u8]) {
    let mut parts = data.splitn(3, |byte| *byte == 0xff);
    let mut part = || parts.next().unwrap_or_default();
    let (how, header, claims) = (part(), part(), part());
    let bench = bench();
    let flags = how.first().copied().unwrap_or_default();
    let input = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
    let signature: Signature = bench.keys[usize::from(flags & 1)].sign(input.as_bytes());
    let mut token = format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature.to_bytes())).into_bytes();
    for change in how.get(1..).unwrap_or_default().chunks_exact(3) {
        let position = usize::from(u16::from_le_bytes([change[0], change[1]])) % token.len();
        let position = token.len() - 1 - position;
        token[position] = change[2];
    }
    let Ok(token) = String::from_utf8(token) else { return };
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(NOW);
    let read = user_token(&token, now, &bench.jwk);
    let expected = expected(&token);
    assert_eq!(read.is_some(), expected.is_some(), "well-formed, and by the second reading");
    let (Some((kid, user)), Some(expected)) = (read, expected) else { return };
    assert_eq!(kid, expected.kid);
    assert_eq!(user.is_some(), expected.is_signed, "the signature");
    if let Some((user, expires_at)) = user {
        assert_eq!(user, expected.subject);
        assert_eq!(expires_at, SystemTime::UNIX_EPOCH + Duration::from_secs(expected.expires_at));
    }
}

struct Expected {
    kid: String,
    subject: String,
    expires_at: u64,
    is_signed: bool,
}

fn expected(token: &str) -> Option<Expected> {
    let parts: Vec<&str> = token.split('.').collect();
    let [header, payload, signature] = parts[..] else { return None };
    let decoded = |text: &str| URL_SAFE_NO_PAD.decode(text).ok();
    let (header, claims) = (Json::read(&decoded(header)?)?, Json::read(&decoded(payload)?)?);
    // Three members, each once and each a text.
    let Json::Object(members) = &header else { return None };
    let text = |name: &str| header.member(name)?.text();
    let (typ, alg, kid) = (text("typ")?, text("alg")?, text("kid")?);
    if members.len() != 3 || header.has_repeated_member() || alg != "ES256" || token.len() > 32_768 {
        return None;
    }
    let Json::Object(members) = &claims else { return None };
    // Claims of other names are not read, so they may be there twice.
    for name in ["sub", "iat", "exp", "aud"] {
        if members.iter().filter(|(held, _)| held == name).count() > 1 {
            return None;
        }
    }
    let audience = match claims.member("aud") {
        None | Some(Json::Null) => None,
        Some(audience) => Some(audience.text()?),
    };
    let is_full = typ == "vnd.backstage.user";
    if !(is_full && audience == Some("backstage") || typ == "vnd.backstage.limited-user") {
        return None;
    }
    let (iat, exp) = (claims.member("iat")?.integer()?, claims.member("exp")?.integer()?);
    // Later than the system's calendar goes.
    let latest = i64::MAX as u64 - LEEWAY;
    if exp > latest || NOW >= exp + LEEWAY || iat > NOW + LEEWAY || iat >= exp {
        return None;
    }
    let subject = claims.member("sub")?.text()?;
    if !bench().subject.is_match(subject) {
        return None;
    }
    let signature = decoded(signature)?;
    let input = token.rsplit_once('.')?.0;
    let is_signed = Signature::from_slice(&signature)
        .is_ok_and(|signature| bench().keys[0].verifying_key().verify(input.as_bytes(), &signature).is_ok());
    Some(Expected { kid: kid.to_owned(), subject: subject.to_owned(), expires_at: exp, is_signed })
}
