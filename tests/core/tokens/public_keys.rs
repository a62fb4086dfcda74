//! What a key endpoint may answer that is not the key of a load balancer.

use std::time::Duration;

use aws_lc_rs::signature::{
    ECDSA_P256K1_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, EcdsaSigningAlgorithm,
    KeyPair as _,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use tower_alb_auth::{
    AuthErrorKind,
    test_util::{KeyServerMode, MockAlb, TestClock, User},
};

use crate::tokens::{
    der::{bits, octets, oid, sequence, tlv, unsigned},
    forge::N,
    gate::Gate,
};

const EC_PUBLIC_KEY: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
const PRIME256V1: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
const SECP384R1: &[u8] = &[0x2b, 0x81, 0x04, 0x00, 0x22];
const SECP256K1: &[u8] = &[0x2b, 0x81, 0x04, 0x00, 0x0a];
const RSA_ENCRYPTION: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
const EC_DH: &[u8] = &[0x2b, 0x81, 0x04, 0x01, 0x0c];
const ED25519: &[u8] = &[0x2b, 0x65, 0x70];
const PRIME_FIELD: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x01, 0x01];

/// The prime of P-256, its coefficient b and its base point (SEC 2, section 2.4.2).
const P: &str = "ffffffff00000001000000000000000000000000ffffffffffffffffffffffff";
const B: &str = "5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604b";
const G: &str = "046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296\
                 4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5";

/// `AlgorithmIdentifier { algorithm, parameters }` and a key of these bits.
fn spki(algorithm: &[u8], parameters: &[u8], key: &[u8]) -> Vec<u8> {
    sequence(&[&sequence(&[&oid(algorithm), parameters]), &bits(key)])
}

fn p256(point: &[u8]) -> Vec<u8> {
    spki(EC_PUBLIC_KEY, &oid(PRIME256V1), point)
}

fn pem(label: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let lines: Vec<&str> = text.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).expect("ASCII")).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}

fn point_of(alb: &MockAlb) -> [u8; 65] {
    let pem = alb.public_key_pem();
    let text: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
    STANDARD.decode(text).expect("base64")[26..].try_into().expect("a point")
}

fn fresh_point(curve: &'static EcdsaSigningAlgorithm) -> Vec<u8> {
    EcdsaKeyPair::generate(curve).expect("a key pair").public_key().as_ref().to_vec()
}

fn hex(digits: &str) -> Vec<u8> {
    let digits: String = digits.split_whitespace().collect();
    (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).expect("hexadecimal")).collect()
}

/// Each is refused with 503, costs one fetch, is not held, and hinders nothing once the endpoint gives the key.
async fn refuse_keys(cases: impl IntoIterator<Item = (&'static str, Vec<u8>)>) {
    for (case, answer) in cases {
        let clock = TestClock::new();
        let alb = MockAlb::new().with_clock(&clock);
        let builder = alb.config_builder();
        let gate = Gate::with(alb, builder);
        gate.alb.set_key_server(KeyServerMode::Answer(answer));
        for _ in 0..2 {
            let answer = gate.call(gate.alb.sign(&User::jane())).await;
            assert_eq!(
                (answer.status.as_u16(), answer.kind()),
                (503, Some(AuthErrorKind::KeyRejected)),
                "{case}: {answer:?}"
            );
            assert!(answer.header("retry-after").is_some(), "{case}: {answer:?}");
            assert_eq!(gate.alb.key_fetches(), 1, "{case}: asked again at once");
        }
        let stats = gate.handle.stats();
        assert_eq!((stats.keys, stats.tokens, gate.calls()), (0, 0, 0), "{case}");

        gate.alb.set_key_server(KeyServerMode::Healthy);
        clock.advance(Duration::from_secs(2));
        gate.admits(case, gate.alb.sign(&User::jane())).await;
        assert_eq!((gate.alb.key_fetches(), gate.handle.stats().keys), (2, 1), "{case}");
    }
}

#[tokio::test]
async fn s_34_keys_of_other_kinds_are_refused_and_not_held() {
    let alb = MockAlb::new();
    let point = point_of(&alb);
    let key = |der: &[u8]| pem("PUBLIC KEY", der).into_bytes();
    let p384 = fresh_point(&ECDSA_P384_SHA384_FIXED_SIGNING);
    let k256 = fresh_point(&ECDSA_P256K1_SHA256_FIXED_SIGNING);
    let modulus = [&[0xc1][..], &[0x5b; 254], &[0x01]].concat();
    let rsa = sequence(&[&unsigned(&modulus), &unsigned(&[0x01, 0x00, 0x01])]);
    let null: &[u8] = &[0x05, 0x00];
    let certificate = rcgen::generate_simple_self_signed(["alb.example".to_owned()]).expect("a certificate");
    let (p, a) = (hex(P), [&hex(P)[..31], &[0xfc]].concat());
    let explicit = sequence(&[
        &unsigned(&[1]),
        &sequence(&[&oid(PRIME_FIELD), &unsigned(&p)]),
        &sequence(&[&octets(&a), &octets(&hex(B))]),
        &octets(&hex(G)),
        &unsigned(&N),
        &unsigned(&[1]),
    ]);
    refuse_keys([
        ("p384", key(&spki(EC_PUBLIC_KEY, &oid(SECP384R1), &p384))),
        ("p384 that says p256", key(&p256(&p384))),
        ("k256", key(&spki(EC_PUBLIC_KEY, &oid(SECP256K1), &k256))),
        ("k256 with a point of p256", key(&spki(EC_PUBLIC_KEY, &oid(SECP256K1), &point))),
        ("k256 that says p256", key(&p256(&k256))),
        ("rsa", key(&spki(RSA_ENCRYPTION, null, &rsa))),
        ("rsa, PKCS #1", pem("RSA PUBLIC KEY", &rsa).into_bytes()),
        ("ed25519", key(&spki(ED25519, &[], &point[1..33]))),
        ("ecdh", key(&spki(EC_DH, &oid(PRIME256V1), &point))),
        ("certificate", certificate.cert.pem().into_bytes()),
        ("certificate that says public key", key(certificate.cert.der())),
        ("private key", certificate.signing_key.serialize_pem().into_bytes()),
        ("explicit parameters", key(&spki(EC_PUBLIC_KEY, &explicit, &point))),
        ("no parameters", key(&spki(EC_PUBLIC_KEY, &[], &point))),
        ("null parameters", key(&spki(EC_PUBLIC_KEY, null, &point))),
        ("point alone", key(&point)),
    ])
    .await;
}

#[tokio::test]
async fn s_34_points_that_are_not_on_the_curve_are_refused_and_not_held() {
    let key = |point: &[u8]| pem("PUBLIC KEY", &p256(point)).into_bytes();
    let point = point_of(&MockAlb::new());
    let changed = |at: usize, to: u8| {
        let mut point = point;
        point[at] = to;
        point.to_vec()
    };
    let p = hex(P);
    // For x = 1 the curve's equation has no y.
    let off_curve_x = |prefix: u8| {
        let mut x = [0; 33];
        (x[0], x[32]) = (prefix, 1);
        x.to_vec()
    };
    refuse_keys([
        ("off the curve, y", key(&changed(64, point[64] ^ 1))),
        ("off the curve, x", key(&changed(32, point[32] ^ 1))),
        ("zero", key(&[&[0x04][..], &[0; 64]].concat())),
        ("compressed, cut", key(&[&[0x02][..], &point[1..32]].concat())),
        ("infinity", key(&[0x00])),
        ("no point", key(&[])),
        ("infinity, padded", key(&[0; 65])),
        ("hybrid, even", key(&changed(0, 0x06))),
        ("hybrid, odd", key(&changed(0, 0x07))),
        ("unknown form", key(&changed(0, 0x05))),
        ("uncompressed that says compressed", key(&changed(0, 0x02))),
        ("coordinates without a form", key(&point[1..])),
        ("compressed that says uncompressed", key(&[&[0x04][..], &point[1..33]].concat())),
        ("compressed off the curve, even", key(&off_curve_x(0x02))),
        ("compressed off the curve, odd", key(&off_curve_x(0x03))),
        ("x is p", key(&[&[0x04][..], &p, &point[33..]].concat())),
        ("x is p, compressed", key(&[&[0x02][..], &p].concat())),
        ("all ones", key(&[&[0x04][..], &[0xff; 64]].concat())),
        ("point cut", key(&point[..64])),
        ("point with a byte more", key(&[&point[..], &[0]].concat())),
    ])
    .await;
}

#[tokio::test]
async fn s_34_keys_that_are_written_wrongly_are_refused_and_not_held() {
    let mut albs = std::iter::repeat_with(MockAlb::new).take(100);
    let alb = albs.find(|alb| alb.public_key_pem().contains(['+', '/'])).expect("one of a hundred");
    let good = alb.public_key_pem();
    let der = p256(&point_of(&alb));
    let key = |der: &[u8]| pem("PUBLIC KEY", der).into_bytes();
    let with = |at: usize, to: u8| {
        let mut der = der.clone();
        der[at] = to;
        key(&der)
    };
    let inner = &der[2..];
    let text = STANDARD.encode(&der);
    assert_eq!(key(&der), good.as_bytes(), "what is changed here is the key itself");
    refuse_keys([
        ("a byte behind", key(&[&der[..], &[0]].concat())),
        ("a byte behind, inside", key(&tlv(0x30, &[inner, &[0]].concat()))),
        ("an element behind, inside", key(&tlv(0x30, &[inner, &[0x05, 0x00]].concat()))),
        ("the key twice", key(&der.repeat(2))),
        ("two blocks", good.repeat(2).into_bytes()),
        ("two blocks, the second of another kind", format!("{good}{}", pem("CERTIFICATE", &der)).into_bytes()),
        ("cut by a byte", key(&der[..der.len() - 1])),
        ("cut in half", key(&der[..45])),
        ("text cut", good.as_bytes()[..120].to_vec()),
        ("cut before the last dash", good.as_bytes()[..good.trim_end().len() - 1].to_vec()),
        ("length in the long form", key(&[&[0x30, 0x81, 0x59], inner].concat())),
        ("length in an even longer form", key(&[&[0x30, 0x82, 0x00, 0x59], inner].concat())),
        ("indefinite length", key(&[&[0x30, 0x80], inner, &[0, 0]].concat())),
        ("length too great", with(1, 0x5a)),
        ("length too small", with(1, 0x58)),
        ("set for sequence", with(0, 0x31)),
        ("octets for bits", with(23, 0x04)),
        ("unused bits", with(25, 0x01)),
        ("label of a private key", pem("PRIVATE KEY", &der).into_bytes()),
        ("label EC PUBLIC KEY", pem("EC PUBLIC KEY", &der).into_bytes()),
        ("label in lower case", good.to_lowercase().into_bytes()),
        ("labels that differ", good.replace("END PUBLIC", "END PRIVATE").into_bytes()),
        ("no END", good.split("-----END").next().expect("text").as_bytes().to_vec()),
        ("no BEGIN", good.lines().skip(1).collect::<Vec<_>>().join("\n").into_bytes()),
        ("headers", good.replace("KEY-----\nM", "KEY-----\nProc-Type: 4,ENCRYPTED\n\nM").into_bytes()),
        ("base64 without frame", text.clone().into_bytes()),
        ("raw DER", der.clone()),
        ("base64url", good.replace('+', "-").replace('/', "_").into_bytes()),
        ("base64 without padding", good.replace('=', "").into_bytes()),
        ("text before", format!("key:\n{good}").into_bytes()),
        ("text after", format!("{good}\nkey").into_bytes()),
        ("byte order mark", format!("\u{feff}{good}").into_bytes()),
        ("NUL after", format!("{good}\0").into_bytes()),
        ("empty", Vec::new()),
        ("white space", b" \r\n\t ".to_vec()),
        ("HTML", b"<html><body>Sign in to the Wi-Fi</body></html>".to_vec()),
        ("JWK", br#"{"kty":"EC","crv":"P-256","x":"AA","y":"AA"}"#.to_vec()),
        ("bytes", vec![0xff; 200]),
    ])
    .await;
}

#[tokio::test]
async fn s_34_a_compressed_point_is_a_key() {
    for _ in 0..4 {
        let gate = Gate::new();
        let point = point_of(&gate.alb);
        let form = 0x02 | point[64] & 1;
        let compressed = pem("PUBLIC KEY", &p256(&[&[form][..], &point[1..33]].concat()));
        gate.alb.set_key_server(KeyServerMode::Answer(compressed.into_bytes()));
        gate.admits_jane().await;
        assert_eq!(gate.handle.stats().keys, 1);
    }
}

#[tokio::test]
async fn s_34_the_other_point_of_the_same_x_is_another_key() {
    let gate = Gate::new();
    let point = point_of(&gate.alb);
    let other_form = 0x02 | (point[64] & 1 ^ 1);
    let compressed = pem("PUBLIC KEY", &p256(&[&[other_form][..], &point[1..33]].concat()));
    gate.alb.set_key_server(KeyServerMode::Answer(compressed.into_bytes()));
    gate.refuses("-Q for Q", gate.alb.sign(&User::jane()), AuthErrorKind::InvalidSignature).await;
}
