//! Signatures: their length, their numbers, what they cover, and when they are looked at.

use serde_json::json;
use tower::{Layer as _, ServiceExt as _, service_fn};
use tower_alb_auth::{
    AlbAuthLayer, AuthErrorKind, Claims,
    sign_in::ClaimsOnly,
    test_util::{MockAlb, User},
};

use crate::tokens::{
    forge::{BOTH, N, Parts, Text, add, decode, encode, subtract},
    gate::Gate,
};

const ZERO: [u8; 32] = [0; 32];

fn one() -> [u8; 32] {
    let mut one = ZERO;
    one[31] = 1;
    one
}

fn halves(signature: &[u8; 64]) -> ([u8; 32], [u8; 32]) {
    let (r, s) = signature.split_at(32);
    (r.try_into().expect("32 bytes"), s.try_into().expect("32 bytes"))
}

#[tokio::test]
async fn s_29_numbers_out_of_range_are_no_signature() {
    let gate = Gate::new();
    let good = gate.parts(&User::jane());
    let (r, s) = halves(&good.signature_bytes());
    let largest = subtract(&N, &one());
    let special = [("0", ZERO), ("1", one()), ("n - 1", largest), ("n", N), ("all ones", [0xff; 32])];
    let real = [("the right one", r), ("the right other", s)];
    // Wycheproof's SpecialCaseEs256 386 to 401, and each of them beside a right half.
    for (r_name, r) in special.iter().chain(&real) {
        for (s_name, s) in special.iter().chain(&real) {
            if (*r_name, *s_name) == ("the right one", "the right other") {
                continue;
            }
            let token = good.with_signature(&[*r, *s].concat());
            gate.refuses(&format!("r is {r_name}, s is {s_name}"), token, AuthErrorKind::InvalidSignature).await;
        }
    }
    gate.admits("the right halves", good.with_signature(&[r, s].concat())).await;
}

#[tokio::test]
async fn s_29_numbers_with_the_order_added_are_no_signature() {
    let gate = Gate::new();
    let good = gate.parts(&User::jane());
    let (r, s) = halves(&good.signature_bytes());
    let wide = |number: &[u8]| [&[0][..], number].concat();
    let plus = |number: &[u8]| add(number, &N).to_vec();
    let overflowed = |number: &[u8]| [&[1][..], number].concat();
    let far = |number: &[u8]| [&[0; 200][..], number].concat();
    // Wycheproof's SpecialCaseEs256 379 to 385, whose signatures are longer than 64 bytes.
    for (case, signature) in [
        ("379 SignatureTooLong", [wide(&r), wide(&s)].concat()),
        ("380 TrailingZeros", [&r[..], &s, &[0]].concat()),
        ("381 RisTooBig", [plus(&r), wide(&s)].concat()),
        ("382 SisTooBig", [wide(&r), plus(&s)].concat()),
        ("383 IntegerOverflow", [overflowed(&r), wide(&s)].concat()),
        ("384 IntegerOverflow", [wide(&r), overflowed(&s)].concat()),
        ("385 BufferOverflow", [far(&r), far(&s)].concat()),
    ] {
        gate.refuses_unasked(case, good.with_signature(&signature), AuthErrorKind::Malformed).await;
    }
    gate.admits_jane().await;
}

#[tokio::test]
async fn s_31_only_64_raw_bytes_are_a_signature() {
    let gate = Gate::new();
    let good = gate.parts(&User::jane());
    let signature = good.signature_bytes();
    for length in [0, 1, 2, 31, 32, 33, 48, 62, 63, 65, 66, 96, 128, 132, 256, 1024] {
        let other: Vec<u8> = signature.iter().copied().cycle().take(length).collect();
        let case = format!("{length} bytes");
        gate.refuses_unasked(&case, good.with_signature(&other), AuthErrorKind::Malformed).await;
    }
    let hex: String = signature.iter().map(|byte| format!("{byte:02x}")).collect();
    gate.refuses_unasked("hexadecimal", good.with_signature(hex.as_bytes()), AuthErrorKind::Malformed).await;
    let der = der_of(&signature);
    assert!((68..=72).contains(&der.len()), "{}", der.len());
    gate.refuses_unasked("DER", good.with_signature(&der), AuthErrorKind::Malformed).await;
    gate.refuses("DER, cut", good.with_signature(&der[..64]), AuthErrorKind::InvalidSignature).await;
    let (r, s) = halves(&signature);
    gate.refuses("s before r", good.with_signature(&[s, r].concat()), AuthErrorKind::InvalidSignature).await;
    let reversed: Vec<u8> = signature.iter().rev().copied().collect();
    gate.refuses("lower bytes first", good.with_signature(&reversed), AuthErrorKind::InvalidSignature).await;
    gate.admits("raw", good.with_signature(&signature)).await;
}

#[tokio::test]
async fn s_32_the_twin_of_a_signature_gives_an_equal_identity() {
    let alb = MockAlb::new();
    let config = alb.config_builder().sign_in(ClaimsOnly).build().expect("a sound configuration");
    let layer = AlbAuthLayer::new(config);
    let handle = layer.handle();
    let app = layer.layer(service_fn(|request: http::Request<String>| async move {
        let claims = Claims::of(request.extensions()).expect("claims").clone();
        let mut response = http::Response::new(String::new());
        response.extensions_mut().insert(claims);
        Ok::<_, std::convert::Infallible>(response)
    }));
    let claims_of = async |token: &str| {
        let request = alb.request("/").token(token).into();
        let response = app.clone().oneshot(request).await.expect("infallible");
        assert_eq!(response.status(), 200, "{response:?}");
        response.extensions().get::<Claims>().expect("claims").clone()
    };
    for _ in 0..4 {
        let before = handle.stats().tokens;
        let good = Parts::of(&alb.token(&User::google("jane.doe")).claim("groups", json!(["a"])).unpadded().sign());
        let (r, s) = halves(&good.signature_bytes());
        let twin = good.with_signature(&[r, subtract(&N, &s)].concat());
        let (one, other) = (claims_of(&good.with_signature(&good.signature_bytes())).await, claims_of(&twin).await);
        assert_eq!(one.stable_id(), other.stable_id());
        assert_eq!((one.email(), one.name(), one.groups()), (other.email(), other.name(), other.groups()));
        assert_eq!(one.token_expires_at(), other.token_expires_at());
        assert_eq!(handle.stats().tokens, before + 2, "each is remembered by all of its bytes");
    }
}

#[tokio::test]
async fn s_33_a_signature_that_is_missing_or_cut_is_refused() {
    let gate = Gate::new();
    let good = gate.parts(&User::jane());
    let (signing_input, signature) = (format!("{}.{}", good.header, good.payload), &good.signature);
    for (case, token) in [
        ("no third segment", signing_input.clone()),
        ("empty third segment", format!("{signing_input}.")),
        ("padding alone", format!("{signing_input}.==")),
        ("a null", format!("{signing_input}.AA")),
        ("one byte less", good.with_signature(&good.signature_bytes()[..63])),
        ("one byte less in front", good.with_signature(&good.signature_bytes()[1..])),
        ("one character less", format!("{signing_input}.{}", &signature[..85])),
        ("one character less, padded", format!("{signing_input}.{}=", &signature[..85])),
        ("half", good.with_signature(&good.signature_bytes()[..32])),
        ("the text null", format!("{signing_input}.null")),
        ("the text undefined", format!("{signing_input}.undefined")),
    ] {
        gate.refuses_unasked(case, token, AuthErrorKind::Malformed).await;
    }
    gate.admits("whole", format!("{signing_input}.{signature}")).await;
}

#[tokio::test]
async fn s_35_a_bad_signature_is_all_that_is_said_of_a_token_that_has_one() {
    let gate = Gate::new();
    let token = || gate.alb.token(&User::jane());
    let expired = gate.alb.unix_now() - 1000;
    for (case, payload) in [
        ("sound", token().payload_json().into_bytes()),
        ("no JSON", b"{".to_vec()),
        ("empty", Vec::new()),
        ("no UTF-8", b"\xff\xfe".to_vec()),
        ("an array", b"[]".to_vec()),
        ("deep", "[".repeat(5000).into_bytes()),
        ("a member twice", br#"{"sub":"a","sub":"b"}"#.to_vec()),
        ("no subject", br#"{"exp":4102444800}"#.to_vec()),
        ("another issuer", br#"{"sub":"a","iss":"https://another.example","exp":4102444800}"#.to_vec()),
        ("expired", format!(r#"{{"sub":"a","exp":{expired}}}"#).into_bytes()),
        ("not yet valid", format!(r#"{{"sub":"a","exp":{},"nbf":99999999999}}"#, expired + 1100).into_bytes()),
    ] {
        let good = Parts::of(&token().raw_payload(payload).unpadded().sign());
        let mut signature = good.signature_bytes();
        signature[40] ^= 1;
        gate.refuses(case, good.with_signature(&signature), AuthErrorKind::InvalidSignature).await;
        let another = MockAlb::new();
        let signing_input = format!("{}.{}", good.header, good.payload);
        let forged = another.sign_bytes(signing_input.as_bytes());
        gate.refuses(case, good.with_signature(&forged), AuthErrorKind::InvalidSignature).await;
    }
}

#[tokio::test]
async fn s_35_what_is_wrong_with_the_header_is_said_before_the_signature_is_looked_at() {
    let gate = Gate::new();
    let past = gate.alb.unix_now() - 1000;
    let token = || gate.alb.token(&User::jane());
    for (token, kind) in [
        (token().header("alg", "none").sign(), AuthErrorKind::UnsupportedAlgorithm),
        (token().header("kid", "x").sign(), AuthErrorKind::MalformedKeyId),
        (token().header("signer", "x").sign(), AuthErrorKind::UntrustedSigner),
        (token().header("iss", "x").sign(), AuthErrorKind::UntrustedIssuer),
        (token().header("client", "x").sign(), AuthErrorKind::UntrustedClient),
        (token().expires_at(past).sign(), AuthErrorKind::Expired),
    ] {
        let unsigned = Parts::of(&token).with_signature(&[0; 64]);
        gate.refuses_unasked(&format!("{kind:?}"), unsigned, kind).await;
    }
}

#[tokio::test]
async fn s_35_a_signature_covers_header_and_payload_and_the_dot_between() {
    let gate = Gate::new();
    let jane = gate.parts(&User::jane());
    let admin = gate.parts(&User::entra("admin"));
    for (case, token) in [
        ("another's payload", [&jane.header[..], &admin.payload, &jane.signature].join(".")),
        ("another's signature", [&jane.header[..], &jane.payload, &admin.signature].join(".")),
        ("payload doubled", [&jane.header[..], &encode(decode(&jane.payload).repeat(2)), &jane.signature].join(".")),
    ] {
        gate.refuses(case, token, AuthErrorKind::InvalidSignature).await;
    }
    for text in BOTH {
        let part = if text == Text::Header { &jane.header } else { &jane.payload };
        let spaced = [b" ".as_slice(), &decode(part)].concat();
        let token = match text {
            Text::Header => [&encode(spaced), &*jane.payload, &jane.signature].join("."),
            Text::Payload => [&jane.header, &*encode(spaced), &jane.signature].join("."),
        };
        gate.refuses(&format!("{text:?} with a space"), token, AuthErrorKind::InvalidSignature).await;
    }
    gate.admits_jane().await;
}

/// `SEQUENCE { INTEGER r, INTEGER s }`.
fn der_of(signature: &[u8; 64]) -> Vec<u8> {
    let integer = |number: &[u8]| {
        let zeros = number.iter().take_while(|byte| **byte == 0).count();
        let digits = &number[zeros..];
        let sign: &[u8] = if digits[0] >= 0x80 { &[0] } else { &[] };
        let length = u8::try_from(sign.len() + digits.len()).expect("short");
        [&[0x02, length], sign, digits].concat()
    };
    let (r, s) = signature.split_at(32);
    let content = [integer(r), integer(s)].concat();
    [&[0x30, u8::try_from(content.len()).expect("short")], &content[..]].concat()
}
