//! The endpoint answers, but with something that is not a P-256 public key.

use aws_lc_rs::{
    encoding::AsDer,
    rsa::{KeyPair as RsaKeyPair, KeySize},
    signature::{ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, KeyPair},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use tower_alb_auth::{AuthErrorKind::KeyRejected, KeyLimits, test_util::KeyServerMode as Mode};

use crate::store::setup::{JANE, SECOND, Setup, assert_503, seconds};

#[tokio::test(start_paused = true)]
async fn f_07_an_answer_that_is_no_key_is_503_and_not_kept() {
    let pem = Setup::new().alb.public_key_pem();
    for (case, answer) in [
        ("empty", String::new()),
        ("white space", "\r\n \n".to_owned()),
        ("a login page", "<!DOCTYPE html><html><body>Sign in to the network</body></html>".to_owned()),
        ("garbage", "\u{0}\u{1}\u{fffd}garbage".to_owned()),
        ("a page around a key", format!("<html>{pem}</html>")),
        ("text before the key", format!("key: {pem}")),
        ("text after the key", format!("{pem}ok")),
        ("two keys", format!("{pem}{pem}")),
        ("half a key", pem[..100].to_owned()),
        ("no end line", pem.replace("-----END PUBLIC KEY-----", "")),
        ("no text", "-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----\n".to_owned()),
        ("a JSON web key", r#"{"keys":[{"kty":"EC","crv":"P-256","x":"","y":""}]}"#.to_owned()),
    ] {
        assert_rejected(case, answer).await;
    }
}

#[tokio::test(start_paused = true)]
async fn f_12_a_key_of_another_kind_is_503_and_not_kept() {
    let pem = Setup::new().alb.public_key_pem();
    let p256 = STANDARD.decode(pem.lines().filter(|line| !line.starts_with('-')).collect::<String>()).unwrap();
    let changed = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut der = p256.clone();
        change(&mut der);
        public_key(&der)
    };
    for (case, answer) in [
        ("P-384", public_key(&p384())),
        ("RSA", public_key(RsaKeyPair::generate(KeySize::Rsa2048).unwrap().public_key().as_der().unwrap().as_ref())),
        ("a certificate", rcgen::generate_simple_self_signed(["keys.example.com".to_owned()]).unwrap().cert.pem()),
        ("a private key's label", pem.replace("PUBLIC KEY", "PRIVATE KEY")),
        ("an EC label", pem.replace("PUBLIC KEY", "EC PUBLIC KEY")),
        ("a point off the curve", changed(&|der| *der.last_mut().unwrap() ^= 1)),
        ("a point of zeros", changed(&|der| der[27..].fill(0))),
        ("the point at infinity", changed(&|der| der.truncate(27))),
        ("another form of point", changed(&|der| der[26] = 6)),
        ("one byte more", changed(&|der| der.push(0))),
        ("one byte less", changed(&|der| der.truncate(der.len() - 1))),
        ("another curve's name", changed(&|der| der[22] = 6)),
    ] {
        assert_rejected(case, answer).await;
    }
}

async fn assert_rejected(case: &str, answer: String) {
    let setup = Setup::with_limits(KeyLimits::new().breaker_failures(100));
    setup.alb.set_key_server(Mode::Answer(answer.into_bytes()));
    // Each kid backs off by itself, so that a broken object at the endpoint does not cost a fetch a request.
    let mut fetches = 0;
    for wait in [1, 2, 4, 8, 16, 30, 30] {
        let told = assert_503(&setup.call().await, KeyRejected);
        fetches += 1;
        assert_eq!((told, setup.alb.key_fetches()), (wait, fetches), "{case}");
        assert_503(&setup.call().await, KeyRejected);
        setup.clock.advance(seconds(wait) - SECOND / 1000);
        assert_503(&setup.call().await, KeyRejected);
        assert_eq!(setup.alb.key_fetches(), fetches, "{case}: asked again within {wait} s");
        setup.clock.advance(SECOND / 1000);
    }
    assert_eq!((setup.handle.stats().keys, setup.app.calls()), (0, 0), "{case}");

    setup.alb.set_key_server(Mode::Healthy);
    setup.call().await.assert_ok(JANE);
    assert_eq!(setup.alb.key_fetches(), fetches + 1, "{case}: once the endpoint is mended the key is there");
}

fn public_key(der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    format!("-----BEGIN PUBLIC KEY-----\n{text}\n-----END PUBLIC KEY-----\n")
}

/// RFC 5480: `SEQUENCE { SEQUENCE { id-ecPublicKey, secp384r1 }, BIT STRING }`.
fn p384() -> Vec<u8> {
    const PREFIX: [u8; 23] = [
        0x30, 0x76, 0x30, 0x10, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x05, 0x2b, 0x81, 0x04,
        0x00, 0x22, 0x03, 0x62, 0x00,
    ];
    let key = EcdsaKeyPair::generate(&ECDSA_P384_SHA384_FIXED_SIGNING).unwrap();
    [&PREFIX[..], key.public_key().as_ref()].concat()
}
