//! What the tests of other verifiers of such tokens ask, by the names that they give it.

use serde_json::json;
use tower_alb_auth::{
    AlbAuthConfig, AuthErrorKind,
    sign_in::ClaimsOnly,
    test_util::{MockAlb, User},
};

use crate::{
    support::App,
    tokens::{
        forge::{Parts, Text},
        gate::Gate,
    },
};

/// google/jwt_verify_lib, `jwt_test.cc`.
#[tokio::test]
async fn jwt_verify_lib_parse_tests() {
    let gate = Gate::new();
    let token = || gate.alb.token(&User::jane());
    let good = Parts::of(&token().sign());
    let Parts { header, payload, signature } = &good;
    for (name, value, kind) in [
        ("TestEmptyJwt", String::new(), AuthErrorKind::Malformed),
        ("TestTooManySections", "aaa.bbb.ccc.ddd.eee".to_owned(), AuthErrorKind::Malformed),
        ("TestTooLargeJwt", "c".repeat(10_240), AuthErrorKind::Malformed),
        ("TestTooLargeJwt, past the limit", "c".repeat(16_385), AuthErrorKind::TooLarge),
        ("TestParseHeaderBadBase64", format!("{header}+.{payload}.{signature}"), AuthErrorKind::Malformed),
        (
            "TestParseHeaderBadJson",
            token().raw_header(r#"{"alg":"ES256","typ":"JWT", this is a invalid json}"#).sign(),
            AuthErrorKind::MalformedHeader,
        ),
        ("TestParseHeaderAbsentAlg", token().without_header("alg").sign(), AuthErrorKind::UnsupportedAlgorithm),
        ("TestParseHeaderAlgIsNotString", token().header("alg", 256).sign(), AuthErrorKind::UnsupportedAlgorithm),
        ("TestParseHeaderInvalidAlg", token().header("alg", "InvalidAlg").sign(), AuthErrorKind::UnsupportedAlgorithm),
        ("TestParseHeaderBadFormatKid", token().header("kid", 1).sign(), AuthErrorKind::MalformedKeyId),
        ("TestParsePayloadBadBase64", format!("{header}.{payload}+.{signature}"), AuthErrorKind::Malformed),
        ("InvalidSignature", format!("{header}.{payload}.invalid-signature"), AuthErrorKind::Malformed),
    ] {
        gate.refuses_unasked(name, value, kind).await;
    }
    for (name, value) in [
        ("TestParsePayloadBadJson", token().raw_payload("this is not a json").sign()),
        ("TestParsePayloadIssNotString", token().claim("iss", true).sign()),
        ("TestParsePayloadSubNotString", token().claim("sub", 123_456).sign()),
        ("TestParsePayloadExpNotInteger", token().claim("exp", "123456789").sign()),
        ("TestParsePayloadExpNotPositive", token().claim("exp", -12_345_678).sign()),
        ("TestParsePayloadExpTooBig", Text::Payload.with_raw(token(), "exp", "1e308")),
    ] {
        gate.refuses(name, value, AuthErrorKind::MalformedClaims).await;
    }
    // The provider's own, beside an `exp` that is the load balancer's: ignored (S-36).
    for (name, value) in [
        ("TestParsePayloadIatNotInteger", token().claim("iat", "123456789").sign()),
        ("TestParsePayloadNbfNotInteger", token().claim("nbf", "123456789").sign()),
        ("TestParsePayloadIatNotPositive", token().claim("iat", -12_345_678).sign()),
        ("TestParsePayloadNbfNotPositive", token().claim("nbf", -12_345_678).sign()),
        ("TestParsePayloadIatTooBig", Text::Payload.with_raw(token(), "iat", "1e308")),
        ("TestParsePayloadNbfTooBig", Text::Payload.with_raw(token(), "nbf", "1e308")),
    ] {
        gate.admits(name, value).await;
    }
    gate.admits("GoodJwt", token().header("customheader", "abc").claim("custompayload", 1234).sign()).await;
    // A load balancer's token has no audience and no id, so that these are claims like any other.
    gate.admits("GoodJwtWithMultiAud", token().claim("aud", json!(["aud1", "aud2"])).sign()).await;
    gate.admits("TestParsePayloadAudInteger", token().claim("aud", 1_234_567).sign()).await;
    gate.admits("TestParsePayloadJtiNotString", token().claim("jti", 1_234_567).sign()).await;
}

/// The members that are read, each of every wrong type.
#[tokio::test]
async fn jwt_verify_lib_each_field_of_the_wrong_type() {
    let wrong =
        [json!(null), json!(true), json!(1), json!(-1.5), json!([]), json!(["x"]), json!({}), json!({"a": "x"})];
    let gate = Gate::new();
    for (name, kind) in [
        ("typ", AuthErrorKind::UnsupportedType),
        ("kid", AuthErrorKind::MalformedKeyId),
        ("alg", AuthErrorKind::UnsupportedAlgorithm),
        ("iss", AuthErrorKind::UntrustedIssuer),
        ("client", AuthErrorKind::UntrustedClient),
        ("signer", AuthErrorKind::UntrustedSigner),
    ] {
        for value in &wrong {
            let token = gate.alb.token(&User::jane()).header(name, value.clone()).sign();
            gate.refuses_unasked(&format!("header, {name}: {value}"), token, kind).await;
        }
    }
    for value in &wrong {
        for name in ["sub", "iss"] {
            let token = gate.alb.token(&User::jane()).claim(name, value.clone()).sign();
            gate.refuses(&format!("claims, {name}: {value}"), token, AuthErrorKind::MalformedClaims).await;
        }
        // What is only shown is left out; no user is refused for it.
        for name in ["name", "given_name", "family_name", "picture"] {
            let token = gate.alb.token(&User::jane()).claim(name, value.clone()).sign();
            gate.admits(&format!("claims, {name}: {value}"), token).await;
        }
        // Without an email no user is signed in by one: the token is valid, and the user is rejected.
        let answer = gate.call(gate.alb.token(&User::jane()).claim("email", value.clone()).sign()).await;
        assert_eq!(answer.status, 403, "email: {value}: {answer:?}");
    }
    let token = gate.alb.token(&User::jane()).without_claim("sub").sign();
    gate.refuses("claims, no sub", token, AuthErrorKind::MalformedClaims).await;
    let token = gate.alb.token(&User::jane()).claim("sub", "").sign();
    gate.refuses("claims, empty sub", token, AuthErrorKind::MalformedClaims).await;
}

/// google/jwt_verify_lib, `verify_time_test.cc`; Envoy, `authenticator_test.cc`: a token that is refused for its times or its
/// issuer costs no fetch.
#[tokio::test]
async fn envoy_wrong_issuer_expired_and_not_yet_valid_tokens_cause_no_fetch() {
    let gate = Gate::new();
    let now = gate.alb.unix_now();
    let token = || gate.alb.token(&User::jane());
    for (name, token, kind) in [
        ("TestWrongIssuer", token().header("iss", "https://other.example").sign(), AuthErrorKind::UntrustedIssuer),
        ("TestExpiredJWT", token().expires_at(now - 31).sign(), AuthErrorKind::Expired),
        ("TestNonValidYet", token().header("nbf", now + 3600).sign(), AuthErrorKind::NotYetValid),
        ("lifetime", token().expires_at(now + 48 * 3600).sign(), AuthErrorKind::LifetimeTooLong),
    ] {
        gate.refuses_unasked(name, token, kind).await;
    }
}

/// awslabs/aws-jwt-verify, `alb-verifier.test.ts`: what concerns the token.
#[tokio::test]
async fn aws_jwt_verify_alb_suite() {
    let gate = Gate::new();
    let signer = gate.alb.signer();
    let token = || gate.alb.token(&User::jane());
    for (case, other) in [
        ("ARN too short", "arn:aws:elasticloadbalancing".to_owned()),
        ("wrong region", signer.replace("eu-central-1", "us-east-1")),
        ("wrong partition", signer.replace("arn:aws:", "arn:aws-cn:")),
        (
            "GovCloud",
            signer.replace(
                "arn:aws:elasticloadbalancing:eu-central-1",
                "arn:aws-us-gov:elasticloadbalancing:us-gov-west-1",
            ),
        ),
        ("wrong account", signer.replace("000000000000", "111111111111")),
        ("bad account", signer.replace("000000000000", "badaccount")),
        ("region that is a dot", signer.replace("eu-central-1", ".")),
        ("region that is a slash", signer.replace("eu-central-1", "/")),
        ("network load balancer", signer.replace("/app/", "/net/")),
    ] {
        assert_ne!(other, signer, "{case}");
        gate.refuses_unasked(case, token().header("signer", other).sign(), AuthErrorKind::UntrustedSigner).await;
    }
    gate.refuses_unasked("kid empty", token().header("kid", "").sign(), AuthErrorKind::MalformedKeyId).await;
    let client = token().header("client", "bad-client-id").sign();
    gate.refuses_unasked("invalid clientId", client, AuthErrorKind::UntrustedClient).await;
    let client = token().without_header("client").sign();
    gate.refuses_unasked("clientId undefined", client, AuthErrorKind::UntrustedClient).await;
    let issuer = token().header("iss", "https://badissuer.amazonaws.com").sign();
    gate.refuses_unasked("invalid issuer", issuer, AuthErrorKind::UntrustedIssuer).await;
    gate.admits("padded token", token().sign()).await;
    gate.admits("token without padding", token().unpadded().sign()).await;
}

#[tokio::test]
async fn aws_jwt_verify_several_load_balancers_and_several_issuers() {
    let blue = MockAlb::new();
    let green = MockAlb::with_keys_of(&blue);
    let other = MockAlb::with_keys_of(&blue).with_issuer("https://other.example.com").with_client_id("other-client");
    let jane = User::okta("jane");

    // Two load balancers and one issuer.
    let trusted = blue.trusted().or_signer(green.signer());
    let config = blue.keys_and_clock(AlbAuthConfig::builder().trust(trusted)).sign_in(ClaimsOnly).build();
    let app = App::new(tower_alb_auth::AlbAuthLayer::new(config.expect("a sound configuration")));
    app.call(other.request("/").user(&jane)).await.assert_401(AuthErrorKind::UntrustedSigner);
    app.call(blue.request("/").user(&jane)).await.assert_ok("claims 00ujane");
    app.call(green.request("/").user(&jane)).await.assert_ok("claims 00ujane");

    // Two load balancers and two issuers: each with its own.
    let builder = AlbAuthConfig::builder().trust(blue.trusted()).trust(other.trusted());
    let builder = builder.dangerously_share_sign_in_between_issuers();
    let config = blue.keys_and_clock(builder).sign_in(ClaimsOnly).build().expect("a sound configuration");
    let app = App::new(tower_alb_auth::AlbAuthLayer::new(config));
    let with = |alb: &MockAlb, name: &str, value: &str| alb.token(&jane).header(name, value).sign();
    for (case, token, kind) in [
        ("issuer of the other", with(&blue, "iss", other.issuer()), AuthErrorKind::UntrustedIssuer),
        ("client of the other", with(&blue, "client", other.client_id()), AuthErrorKind::UntrustedClient),
        ("signer of the other", with(&blue, "signer", other.signer()), AuthErrorKind::UntrustedIssuer),
        (
            "issuer and client of the other",
            other.clone().token(&jane).header("signer", blue.signer()).sign(),
            AuthErrorKind::UntrustedIssuer,
        ),
        ("a third load balancer", green.sign(&jane), AuthErrorKind::UntrustedSigner),
    ] {
        let answer = app.call(blue.request("/").token(&token)).await;
        assert_eq!(answer.kind(), Some(kind), "{case}: {answer:?}");
        answer.assert_401(kind);
    }
    app.call(blue.request("/").user(&jane)).await.assert_ok("claims 00ujane");
    app.call(other.request("/").user(&jane)).await.assert_ok("claims 00ujane");
}
