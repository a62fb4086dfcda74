//! What is no user token of ours.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use tower_alb_auth::{
    backstage::{SigningKeys, TokenIssuer, TokenRefused},
    test_util::{MockAlb, TestClock, User},
};

use crate::issuer::{
    files::Folder,
    site::{ISSUER, MINUTE, builder, json, kid, limited, second, segment, token},
};

fn encode(text: &str) -> String {
    URL_SAFE_NO_PAD.encode(text)
}

#[track_caller]
fn invalid(result: Result<tower_alb_auth::backstage::VerifiedUser, TokenRefused>) -> &'static str {
    match result {
        Err(TokenRefused::Invalid(why)) => why,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn s_28_a_load_balancers_token_is_no_user_token() {
    let alb = MockAlb::new();
    let request = alb.request("/").user(&User::jane()).body(());
    let token = request.headers()["x-amzn-oidc-data"].to_str().unwrap();
    let issuer = TokenIssuer::builder(ISSUER).build().unwrap();
    crate::issuer::site::token(&issuer).await;
    invalid(issuer.verify(token).await);
    // Nor is it one when its padding is taken off.
    let why = invalid(issuer.verify(&token.replace('=', "")).await);
    assert_eq!(why, "the token's header is not that of a user token");
}

#[tokio::test]
async fn s_28_a_plugin_token_is_no_user_token() {
    let (clock, folder) = (TestClock::new(), Folder::with_key("one"));
    // Even where both kinds are signed by one key.
    let keys = || SigningKeys::from_folder(folder.path()).unwrap();
    let issuer = builder(&clock).user_signing_keys(keys()).plugin_signing_keys(keys()).build().unwrap();
    token(&issuer).await;
    let plugin_token = issuer.plugin_token("backstage").await.unwrap();
    assert_eq!(kid(&plugin_token), kid(&token(&issuer).await));
    assert_eq!(invalid(issuer.verify(&plugin_token).await), "the token is not a user token");
}

#[tokio::test]
async fn s_28_another_header_on_our_signature_is_refused() {
    let issuer = builder(&TestClock::new()).build().unwrap();
    let good = token(&issuer).await;
    let (kid, claims) = (kid(&good), encode(&segment(&good, 1)));
    let signature = good.rsplit('.').next().unwrap();
    for header in [
        format!(r#"{{"typ":"vnd.backstage.user","alg":"ES256","kid":"{kid}","crit":["exp"]}}"#),
        format!(r#"{{"typ":"vnd.backstage.user","alg":"ES256","kid":"{kid}","jku":"https://example.com/jwks"}}"#),
        format!(r#"{{"typ":"vnd.backstage.user","alg":"ES256","kid":"{kid}","kid":"{kid}"}}"#),
        format!(r#"{{"typ":"VND.backstage.user","alg":"ES256","kid":"{kid}"}}"#),
        format!(r#"{{"typ":"JWT","alg":"ES256","kid":"{kid}"}}"#),
        format!(r#"{{"typ":"vnd.backstage.user","alg":"none","kid":"{kid}"}}"#),
        format!(r#"{{"typ":"vnd.backstage.user","alg":"HS256","kid":"{kid}"}}"#),
        format!(r#"{{"typ":"vnd.backstage.user","alg":"es256","kid":"{kid}"}}"#),
        format!(r#"{{"alg":"ES256","kid":"{kid}"}}"#),
        r#"{"typ":"vnd.backstage.user","alg":"ES256"}"#.to_owned(),
        format!(r#"["vnd.backstage.user","ES256","{kid}"]"#),
        format!(r#"{{"typ":"vnd.backstage.user","alg":"ES256","kid":"{kid}"}}x"#),
        // A full token read as a limited one, and its members in another order: the signature covers the bytes.
        format!(r#"{{"typ":"vnd.backstage.limited-user","alg":"ES256","kid":"{kid}"}}"#),
        format!(r#"{{"alg":"ES256","typ":"vnd.backstage.user","kid":"{kid}"}}"#),
    ] {
        let forged = format!("{}.{claims}.{signature}", encode(&header));
        assert!(matches!(issuer.verify(&forged).await, Err(TokenRefused::Invalid(_))), "{header}");
    }
    assert!(issuer.verify(&good).await.is_ok());
}

#[tokio::test]
async fn what_is_not_three_sound_segments_is_refused() {
    let issuer = builder(&TestClock::new()).build().unwrap();
    let good = token(&issuer).await;
    let (input, signature) = good.rsplit_once('.').unwrap();
    for bad in [
        String::new(),
        ".".to_owned(),
        "..".to_owned(),
        input.to_owned(),
        format!("{good}."),
        format!("{good}.x"),
        format!("{good}="),
        format!("{good}A"),
        format!(" {good}"),
        format!("{good}\n"),
        format!("{input}."),
        format!("{input}.{}", &signature[..84]),
        format!("{input}.{}", "A".repeat(86)),
        good.replacen('.', "..", 1),
    ] {
        invalid(issuer.verify(&bad).await);
    }
    let long = format!("{input}{}.{signature}", "A".repeat(32_768));
    assert_eq!(invalid(issuer.verify(&long).await), "the token is too long");
}

/// Signed by a key of ours, but with other claims: by a second issuer on the same keys and a clock of its own.
#[tokio::test]
async fn a_token_is_good_from_its_iat_to_its_exp_with_30_seconds_of_leeway() {
    let (clock, folder) = (TestClock::new(), Folder::with_key("one"));
    let issuer = |clock: &TestClock| {
        builder(clock).user_signing_keys(SigningKeys::from_folder(folder.path()).unwrap()).build().unwrap()
    };
    let (ours, start) = (issuer(&clock), tower_alb_auth::Clock::now(&clock));
    token(&ours).await;
    let at = |offset: i64| {
        let offset_by = second(offset.unsigned_abs());
        TestClock::at(if offset < 0 { start - offset_by } else { start + offset_by })
    };
    for (offset, good) in
        [(0, true), (29, true), (32, false), (3600, false), (-3600, true), (-3628, true), (-3632, false)]
    {
        let token = token(&issuer(&at(offset))).await;
        assert_eq!(ours.verify(&token).await.is_ok(), good, "given {offset} s from now");
        assert_eq!(ours.verify(&limited(&token)).await.is_ok(), good, "limited, given {offset} s from now");
    }
    clock.advance(61 * MINUTE);
}

/// The same key, claims of one's own choice: what a stock replica's custom resolver or a bug could sign.
#[tokio::test]
async fn claims_that_name_no_user_are_refused_and_iss_is_not_looked_at() {
    let clock = TestClock::new();
    let (key, jwk) = stock_key();
    let store = tower_alb_auth::backstage::store::MemoryPublicKeys::default();
    let row = tower_alb_auth::backstage::store::StoredKey::new(jwk, tower_alb_auth::Clock::now(&clock), None);
    tower_alb_auth::backstage::store::PublicKeyStore::publish(&store, row).await.unwrap();
    let issuer = builder(&clock).user_keys(store).build().unwrap();
    let now = tower_alb_auth::Clock::now(&clock).duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let (iat, exp) = (now, now + 3600);
    let times = format!(r#""iat":{iat},"exp":{exp}"#);
    let user = r#""sub":"user:default/jane.doe","aud":"backstage""#;
    for (claims, good) in [
        (format!("{{{user},{times}}}"), true),
        (format!(r#"{{"iss":"https://other.example.com/api/auth",{user},{times}}}"#), true),
        (format!(r#"{{"sub":"user:development/guest","aud":"backstage",{times}}}"#), true),
        (format!(r#"{{{user},{times},"groups":["a"],"more":{{"x":1}}}}"#), true),
        (format!(r#"{{"sub":"user:default/jane.doe",{times}}}"#), false),
        (format!(r#"{{"sub":"user:default/jane.doe","aud":"catalog",{times}}}"#), false),
        (format!(r#"{{"sub":"user:default/jane.doe","aud":["backstage"],{times}}}"#), false),
        (format!(r#"{{"sub":"jane.doe","aud":"backstage",{times}}}"#), false),
        (format!(r#"{{"sub":"User:default/Jane","aud":"backstage",{times}}}"#), false),
        (format!(r#"{{"sub":"group:default/admins","aud":"backstage",{times}}}"#), false),
        (format!(r#"{{"sub":"","aud":"backstage",{times}}}"#), false),
        (format!(r#"{{"aud":"backstage",{times}}}"#), false),
        (format!(r#"{{{user},"iat":{iat}}}"#), false),
        (format!(r#"{{{user},"exp":{exp}}}"#), false),
        (format!(r#"{{{user},"iat":{exp},"exp":{iat}}}"#), false),
        (format!(r#"{{{user},"iat":{iat},"exp":{}}}"#, u64::MAX), false),
        (format!(r#"{{{user},"iat":{iat},"exp":"{exp}"}}"#), false),
        (format!(r#"{{{user},{times},"exp":{}}}"#, exp + 1), false),
        (format!(r#"{{{user},"iat":-1,"exp":{exp}}}"#), false),
        ("[]".to_owned(), false),
    ] {
        let header = r#"{"typ":"vnd.backstage.user","alg":"ES256","kid":"stock"}"#;
        let input = format!("{}.{}", encode(header), encode(&claims));
        let signature = key.sign(&aws_lc_rs::rand::SystemRandom::new(), input.as_bytes()).unwrap();
        let token = format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature));
        assert_eq!(issuer.verify(&token).await.is_ok(), good, "{claims}");
        assert_eq!(json(&token, 0)["kid"], "stock");
    }
}

fn stock_key() -> (aws_lc_rs::signature::EcdsaKeyPair, tower_alb_auth::backstage::PublicJwk) {
    use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
    let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
    let (x, y) = key.public_key().as_ref()[1..].split_at(32);
    let (x, y) = (URL_SAFE_NO_PAD.encode(x), URL_SAFE_NO_PAD.encode(y));
    let jwk = format!(r#"{{"kid":"stock","kty":"EC","crv":"P-256","x":"{x}","y":"{y}","alg":"ES256"}}"#);
    (key, tower_alb_auth::backstage::PublicJwk::parse(&jwk).unwrap())
}
