//! JOSE headers that ask for another way of checking, or say where the key is.

use std::net::TcpListener;

use aws_lc_rs::hmac;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use tower_alb_auth::{
    AuthErrorKind,
    test_util::{MockAlb, User},
};

use crate::tokens::{
    forge::{Text, encode},
    gate::Gate,
};

#[tokio::test]
async fn s_17_any_algorithm_but_es256_is_refused() {
    let gate = Gate::new();
    let token = || gate.alb.token(&User::jane());
    for alg in [
        "none",
        "None",
        "NONE",
        "nOnE",
        "",
        "es256",
        "Es256",
        "ES256 ",
        " ES256",
        "ES256\u{0}",
        "ES2560",
        "ES25",
        "HS256",
        "HS384",
        "HS512",
        "RS256",
        "RS512",
        "PS256",
        "PS512",
        "ES384",
        "ES512",
        "ES256K",
        "EdDSA",
        "Ed25519",
        "ML-DSA-44",
        "ECDH-ES",
        "dir",
        "\u{ff25}S256",
        "E\u{17f}256",
    ] {
        gate.refuses_unasked(alg, token().header("alg", alg).sign(), AuthErrorKind::UnsupportedAlgorithm).await;
    }
    for alg in [json!(null), json!(["ES256"]), json!({"alg": "ES256"}), json!(256), json!(true), json!([]), json!({})] {
        let case = alg.to_string();
        gate.refuses_unasked(&case, token().header("alg", alg).sign(), AuthErrorKind::UnsupportedAlgorithm).await;
    }
    gate.refuses_unasked("missing", token().without_header("alg").sign(), AuthErrorKind::UnsupportedAlgorithm).await;
    let capital = token().without_header("alg").header("Alg", "ES256").sign();
    gate.refuses_unasked("Alg for alg", capital, AuthErrorKind::UnsupportedAlgorithm).await;
    gate.admits_jane().await;
}

#[tokio::test]
async fn s_17_no_signature_at_all_is_refused_whatever_the_algorithm() {
    let gate = Gate::new();
    for alg in ["none", "None", "ES256"] {
        let token = gate.alb.token(&User::jane()).header("alg", alg).sign();
        let (signing_input, _) = token.rsplit_once('.').expect("a signature");
        gate.refuses_unasked(alg, format!("{signing_input}."), AuthErrorKind::Malformed).await;
    }
}

#[tokio::test]
async fn s_18_the_public_key_is_no_secret_to_sign_with() {
    let gate = Gate::new();
    let pem = gate.alb.public_key_pem();
    let der = STANDARD.decode(pem.lines().filter(|line| !line.starts_with('-')).collect::<String>()).expect("base64");
    let point = &der[26..];
    let secrets = [
        ("PEM", pem.as_bytes()),
        ("PEM without its last line break", pem.trim_end().as_bytes()),
        ("DER", &der),
        ("point", point),
        ("coordinates", &point[1..]),
        ("x", &point[1..33]),
        ("nothing", b""),
    ];
    let algorithms = [("HS256", hmac::HMAC_SHA256), ("HS384", hmac::HMAC_SHA384), ("HS512", hmac::HMAC_SHA512)];
    let forged = |alg: &str, algorithm: hmac::Algorithm, secret: &[u8]| {
        let token = gate.alb.token(&User::jane()).header("alg", alg);
        let signing_input = format!("{}.{}", encode(token.header_json()), encode(token.payload_json()));
        let tag = hmac::sign(&hmac::Key::new(algorithm, secret), signing_input.as_bytes());
        format!("{signing_input}.{}", encode(tag))
    };
    for (secret_name, secret) in secrets {
        for (alg, algorithm) in algorithms {
            // Only a tag of 64 bytes is of a signature's length.
            let kind = if alg == "HS512" { AuthErrorKind::UnsupportedAlgorithm } else { AuthErrorKind::Malformed };
            let case = format!("{alg} with {secret_name}");
            gate.refuses_unasked(&case, forged(alg, algorithm, secret), kind).await;
        }
    }
    // The same tags under the name of the right algorithm. Only now is the key asked for.
    for (secret_name, secret) in secrets {
        let token = forged("ES256", hmac::HMAC_SHA512, secret);
        gate.refuses(secret_name, token, AuthErrorKind::InvalidSignature).await;
    }
}

#[tokio::test]
async fn s_19_members_that_change_how_a_token_is_read_are_refused() {
    let gate = Gate::new();
    for (name, value) in [
        ("crit", json!(["exp"])),
        ("crit", json!([])),
        ("crit", json!("x")),
        ("crit", json!(["bork"])),
        ("crit", json!(["b64"])),
        ("crit", json!(["crit"])),
        ("crit", json!(null)),
        ("b64", json!(false)),
        ("b64", json!(true)),
        ("b64", json!("false")),
        ("zip", json!("DEF")),
        ("zip", json!(null)),
        ("enc", json!("A256GCM")),
        ("enc", json!("")),
    ] {
        let case = format!("{name}: {value}");
        let token = gate.alb.token(&User::jane()).header(name, value).sign();
        gate.refuses_unasked(&case, token, AuthErrorKind::UnsupportedHeader).await;
    }
    let both = gate.alb.token(&User::jane()).header("b64", false).header("crit", json!(["b64"])).sign();
    gate.refuses_unasked("b64 and crit (RFC 7797)", both, AuthErrorKind::UnsupportedHeader).await;
    let escaped = Text::Header.with_first(gate.alb.token(&User::jane()), r#""\u0063rit":["exp"]"#);
    gate.refuses_unasked("escaped name", escaped, AuthErrorKind::UnsupportedHeader).await;
    // As claims they are ordinary names.
    let claims = gate.alb.token(&User::jane()).claim("crit", json!(["exp"])).claim("enc", "A256GCM").sign();
    gate.admits("as claims", claims).await;
}

#[tokio::test]
async fn s_20_a_key_that_a_token_brings_or_points_to_is_never_used() {
    let canary = TcpListener::bind("127.0.0.1:0").expect("a free port");
    canary.set_nonblocking(true).expect("a socket option");
    let url = format!("http://{}/keys", canary.local_addr().expect("an address"));

    let gate = Gate::new();
    let attacker = MockAlb::new();
    let pem = attacker.public_key_pem();
    let der: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
    let point = &STANDARD.decode(&der).expect("base64")[27..];
    let (x, y) = (encode(&point[..32]), encode(&point[32..]));
    let jwk = json!({"kty": "EC", "crv": "P-256", "x": x, "y": y, "kid": gate.alb.kid()});
    let thumbprint = encode([7; 32]);
    for (name, value) in [
        ("jwk", jwk.clone()),
        ("jwk", json!({"kty": "oct", "k": "c2VjcmV0"})),
        ("jwk", Value::Null),
        ("jku", json!(url)),
        ("jku", json!("https://idp.example.com/jwks")),
        ("x5u", json!(url)),
        ("x5c", json!([der])),
        ("x5c", json!([])),
        ("x5t", json!(thumbprint)),
        ("x5t#S256", json!(thumbprint)),
    ] {
        let token = gate.alb.token(&User::jane()).header(name, value.clone());
        let signing_input = format!("{}.{}", encode(token.header_json()), encode(token.payload_json()));
        let attackers = format!("{signing_input}.{}", encode(attacker.sign_bytes(signing_input.as_bytes())));
        for (signer, token) in [("attacker", attackers), ("load balancer", token.sign())] {
            let case = format!("{name}: {value}, signed by the {signer}");
            gate.refuses_unasked(&case, token, AuthErrorKind::UnsupportedHeader).await;
        }
    }
    // Without the member, the attacker's signature is checked with the load balancer's key.
    let token = gate.alb.token(&User::jane());
    let signing_input = format!("{}.{}", encode(token.header_json()), encode(token.payload_json()));
    let attackers = format!("{signing_input}.{}", encode(attacker.sign_bytes(signing_input.as_bytes())));
    gate.refuses("no member", attackers, AuthErrorKind::InvalidSignature).await;

    let visit = canary.accept().expect_err("somebody asked the attacker for a key");
    assert_eq!(visit.kind(), std::io::ErrorKind::WouldBlock);
    assert_eq!(attacker.key_fetches(), 0);
}

#[tokio::test]
async fn s_21_tokens_made_for_something_else_are_refused() {
    let gate = Gate::new();
    for typ in [
        json!("vnd.backstage.user"),
        json!("vnd.backstage.plugin"),
        json!("vnd.backstage.limited-user"),
        json!("at+jwt"),
        json!("application/at+jwt"),
        json!("application/jwt"),
        json!("logout+jwt"),
        json!("dpop+jwt"),
        json!("secevent+jwt"),
        json!("JOSE"),
        json!("JWE"),
        json!(""),
        json!("JWT "),
        json!(" JWT"),
        json!("JWTX"),
        json!("J\u{2c}WT"),
        json!("\u{ff2a}WT"),
        json!(["JWT"]),
        json!(null),
        json!(1),
        json!({}),
    ] {
        let case = typ.to_string();
        let token = gate.alb.token(&User::jane()).header("typ", typ).sign();
        gate.refuses_unasked(&case, token, AuthErrorKind::UnsupportedType).await;
    }
    gate.admits("no typ", gate.alb.token(&User::jane()).without_header("typ").sign()).await;
    for typ in ["JWT", "jwt", "Jwt", "jWT"] {
        gate.admits(typ, gate.alb.token(&User::jane()).header("typ", typ).sign()).await;
    }
}
