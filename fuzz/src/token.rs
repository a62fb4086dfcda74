//! The whole verification with two fixed keys: a token is accepted if and only if a second reading of it accepts it.
//!
//! The input is bytes separated by 0xff, which UTF-8 does not have: how to write and sign the token, the JOSE header, the
//! claims. So claims that the fuzzer makes up have a valid signature, and a token that is changed afterwards has not.

use std::{
    pin::pin,
    sync::OnceLock,
    task::{Context, Poll, Waker},
    time::{Duration, SystemTime},
};

use base64::{
    Engine as _,
    engine::general_purpose::{URL_SAFE, URL_SAFE_NO_PAD},
};
use http::{HeaderMap, HeaderValue};
use p256::{
    ecdsa::{
        Signature, SigningKey, VerifyingKey,
        signature::{Signer as _, Verifier as _},
    },
    pkcs8::EncodePublicKey as _,
};
use tower_alb_auth::{
    AlbAuthConfig, AlbAuthHandle, AlbAuthLayer, SignedIn, TrustedAlb, keys::FixedKeys, sign_in::ClaimsOnly,
    test_util::TestClock,
};

use crate::{
    header,
    reading::{self, Json},
};

const NOW: u64 = 1_800_000_000;
const LEEWAY: u64 = 30;
const MAX_LIFETIME: u64 = 15 * 60;

/// A kid and its private key each.
const KEYS: [(&str, [u8; 32]); 2] =
    [("c6f14c2f-0a57-4b0e-9f3a-6d7c2b1e5a90", [7; 32]), ("00000000-0000-4000-8000-000000000001", [9; 32])];

const ARN: &str = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:loadbalancer/app/";
/// Signer, issuer and client of the entries: a token must match one of them as a whole.
const ENTRIES: [(&str, &str, &str); 2] = [
    ("edge/50dc6c495c0c9188", "https://one.example.com", "client-1"),
    ("other/60dc6c495c0c9188", "https://two.example.com", "client-2"),
];

struct Bench {
    handle: AlbAuthHandle,
    clock: TestClock,
    signers: Vec<(&'static str, SigningKey)>,
    verifiers: Vec<(&'static str, VerifyingKey)>,
}

fn bench() -> &'static Bench {
    static BENCH: OnceLock<Bench> = OnceLock::new();
    BENCH.get_or_init(|| {
        let clock = TestClock::at(at(NOW));
        let signers: Vec<_> =
            KEYS.iter().map(|(kid, key)| (*kid, SigningKey::from_slice(key).expect("a private key"))).collect();
        let verifiers: Vec<_> = signers.iter().map(|(kid, key)| (*kid, *key.verifying_key())).collect();
        let keys = verifiers.iter().fold(FixedKeys::new(), |keys, (kid, key)| {
            keys.add(kid, &key.to_public_key_pem(Default::default()).expect("PEM")).expect("a key")
        });
        let entries = ENTRIES.iter().fold(AlbAuthConfig::builder(), |builder, (alb, issuer, client)| {
            builder.trust(TrustedAlb::new(format!("{ARN}{alb}"), *issuer).client_id(*client).sign_in(ClaimsOnly))
        });
        let config = entries
            .fixed_keys(keys)
            .clock(clock.clone())
            .dangerously_ignore_identity_header()
            .build()
            .expect("a configuration");
        Bench { handle: AlbAuthLayer::new(config).handle(), clock, signers, verifiers }
    })
}

fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

pub(crate) fn run(data: &[u8]) {
    let mut parts = data.splitn(3, |byte| *byte == 0xff);
    let mut part = || parts.next().unwrap_or_default();
    let (how, jose, claims) = (part(), part(), part());
    let token = made(how, jose, claims);
    let Ok(value) = HeaderValue::from_bytes(&token) else { return };

    let bench = bench();
    bench.clock.set_date(at(NOW));
    let expected = expected(&token, NOW);
    let signed_in = authenticate(&value);
    assert_eq!(signed_in.is_some(), expected.is_some(), "accepted, and by the second reading");
    let (Some(signed_in), Some(expected)) = (signed_in, expected) else { return };
    assert_eq!(signed_in.claims().subject(), expected.subject);
    assert_eq!(signed_in.claims().issuer(), expected.issuer);
    assert_eq!(signed_in.claims().email(), expected.email.as_deref());
    assert_eq!(signed_in.claims().name(), expected.name.as_deref());
    assert_eq!(signed_in.claims().token_expires_at(), at(expected.expires_at));

    // It is in the cache now: the times are compared again for each request.
    assert!(authenticate(&value).is_some());
    for now in [expected.expires_at + LEEWAY - 1, expected.expires_at + LEEWAY, NOW - 1000] {
        bench.clock.set_date(at(now));
        assert_eq!(authenticate(&value).is_some(), self::expected(&token, now).is_some(), "at {now}");
    }
}

/// Writes the token. `how`: signer, paddings, a change after signing.
fn made(how: &[u8], jose: &[u8], claims: &[u8]) -> Vec<u8> {
    let flags = how.first().copied().unwrap_or_default();
    let encoded =
        |bytes: &[u8], pad: u8| if flags & pad == 0 { URL_SAFE.encode(bytes) } else { URL_SAFE_NO_PAD.encode(bytes) };
    let signed = format!("{}.{}", encoded(jose, 1), encoded(claims, 2));
    let signer = &bench().signers[usize::from(flags >> 3 & 1)].1;
    let signature: Signature = signer.sign(signed.as_bytes());
    let mut token = format!("{signed}.{}", encoded(&signature.to_bytes(), 4)).into_bytes();
    // Replaces bytes, at positions counted from the end.
    for change in how.get(1..).unwrap_or_default().chunks_exact(3) {
        let position = usize::from(u16::from_le_bytes([change[0], change[1]])) % token.len();
        let position = token.len() - 1 - position;
        token[position] = change[2];
    }
    token
}

fn authenticate(token: &HeaderValue) -> Option<SignedIn> {
    let mut headers = HeaderMap::new();
    headers.insert("x-amzn-oidc-data", token.clone());
    let future = pin!(bench().handle.authenticate(&headers));
    // Keys are fixed, and the policy needs no query.
    match future.poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(result) => result.ok(),
        Poll::Pending => panic!("it waits"),
    }
}

struct Expected {
    subject: String,
    issuer: String,
    email: Option<String>,
    name: Option<String>,
    expires_at: u64,
}

/// When a token is accepted, written as one condition after the other.
fn expected(token: &[u8], now: u64) -> Option<Expected> {
    let (signed, jose, payload, signature) = reading::segments(token).filter(|_| token.len() <= 16 * 1024)?;
    if jose.len() > 2048 {
        return None;
    }
    let head = header::expected(&jose)?;
    let text = |member: Option<Option<String>>| member.flatten();
    let issuer = text(head.issuer)?;
    let (signer, client) = (text(head.signer)?, text(head.client)?);
    let is_entry =
        |(alb, iss, id): &(&str, &str, &str)| signer == format!("{ARN}{alb}") && issuer == *iss && client == *id;
    ENTRIES.iter().find(|entry| is_entry(entry))?;

    let verifier = bench().verifiers.iter().find(|(kid, _)| *kid == head.kid)?.1;
    verifier.verify(signed, &Signature::from_slice(&signature).ok()?).ok()?;

    let claims = Json::strict_object(&payload, 16, 128, 1024)?;
    let exp = match claims.member("exp") {
        Some(exp) => exp.seconds()?.min(head.expires_at),
        None => head.expires_at,
    };
    // Providers write these two, some of them with fractions. Those are left out and reported.
    let time = |name: &str| claims.member(name).and_then(Json::seconds).unwrap_or(0);
    let not_before = time("nbf").max(time("iat")).max(head.not_before);
    if now >= exp + LEEWAY || not_before > now + LEEWAY || exp > now + MAX_LIFETIME {
        return None;
    }
    // The header alone is compared first, so its window must hold by itself.
    if now >= head.expires_at + LEEWAY || head.not_before > now + LEEWAY || head.expires_at > now + MAX_LIFETIME {
        return None;
    }
    if claims.member("iss").is_some_and(|iss| iss.text() != Some(&issuer)) {
        return None;
    }
    let subject = claims.member("sub")?.text()?.to_owned();
    let optional = |name: &str| claims.member(name).and_then(Json::text).map(str::to_owned);
    let (email, name) = (optional("email"), optional("name"));
    let turns = |c: char| "\u{61c}\u{200e}\u{200f}".contains(c) || ('\u{2066}'..='\u{2069}').contains(&c);
    let is_sound =
        |text: &str| !text.chars().any(|c| c.is_control() || ('\u{2028}'..='\u{202e}').contains(&c) || turns(c));
    let fits = (1..=255).contains(&subject.chars().count()) && is_sound(&subject);
    (fits && email.as_deref().is_none_or(is_sound)).then_some(Expected {
        subject,
        issuer,
        email,
        name,
        expires_at: exp,
    })
}
