//! Tokens of other load balancers, and configurations that name none.

use serde_json::json;
use tower_alb_auth::{
    AlbAuthConfig, AlbAuthSettings, AuthErrorKind,
    sign_in::ClaimsOnly,
    test_util::{MockAlb, User},
};

use crate::{
    config::{ALB, ISSUER, problem},
    support::App,
};

#[test]
fn s_24_nothing_builds_without_a_signer() {
    let nothing = problem(AlbAuthConfig::builder().sign_in(ClaimsOnly));
    assert!(nothing.starts_with("nothing is trusted: add .trust("), "{nothing}");
    for (case, signers, sentence) in [
        ("an empty list", json!([]), "has no signer: name the ARN of the load balancer"),
        ("an empty text", json!([""]), "\"\" is not an ARN"),
        ("a space", json!([" "]), "\" \" is not an ARN"),
        ("a wildcard", json!(["*"]), "\"*\" is not an ARN"),
        ("a wildcard in an ARN", json!([ALB.replace("edge", "*")]), "the resource (last part)"),
        ("a good one and an empty one", json!([ALB, ""]), "\"\" is not an ARN"),
    ] {
        let entry = json!({ "signers": signers, "issuer": ISSUER, "client_ids": ["app"] });
        let settings = json!({ "trust": [entry], "sign_in": "claims_only" });
        let settings: AlbAuthSettings = serde_json::from_value(settings).unwrap();
        let problem = problem(settings.to_builder());
        assert!(
            problem.contains(sentence) && problem.contains("aws elbv2 describe-load-balancers"),
            "{case}: {problem}"
        );
    }
    let no_trust: AlbAuthSettings = serde_json::from_str(r#"{"trust": [], "sign_in": "claims_only"}"#).unwrap();
    assert_eq!(problem(no_trust.to_builder()), nothing);
    let no_signers =
        r#"{"trust": [{"issuer": "https://idp.example.com", "client_ids": ["app"], "sign_in": "claims_only"}]}"#;
    let no_signers: AlbAuthSettings = serde_json::from_str(no_signers).unwrap();
    assert!(problem(no_signers.to_builder()).contains("has no signer"));
}

#[tokio::test]
async fn s_24_signer_of_another_load_balancer_is_refused() {
    let alb = MockAlb::new();
    // As ALBeast: a stranger's load balancer in the same region signs with the region's key.
    let stranger = MockAlb::with_keys_of(&alb);
    let app = App::new(alb.layer());
    app.call(stranger.request("/").user(&User::jane())).await.assert_401(AuthErrorKind::UntrustedSigner);

    let arn = alb.signer();
    let long = format!("{arn}{}", "0".repeat(400));
    for (case, signer) in [
        ("empty", json!("")),
        ("a prefix", json!(&arn[..arn.len() - 1])),
        ("an inner part", json!(&arn[1..])),
        ("a suffix", json!(format!("{arn}0"))),
        ("a long suffix", json!(long)),
        ("a listener of it", json!(format!("{arn}/f2f7dc8efc522ab2"))),
        ("a letter of another case", json!(arn.replace("/mock/", "/Mock/"))),
        ("all in upper case", json!(arn.to_uppercase())),
        ("a space before", json!(format!(" {arn}"))),
        ("a space after", json!(format!("{arn} "))),
        ("a line end after", json!(format!("{arn}\n"))),
        ("two of them", json!(format!("{arn},{arn}"))),
        ("another name", json!(arn.replace("/mock/", "/evil/"))),
        ("another account", json!(arn.replace("000000000000", "123456789012"))),
        ("another region", json!(arn.replace("eu-central-1", "eu-central-2"))),
        ("another partition", json!(arn.replace("arn:aws:", "arn:aws-cn:"))),
        ("a wildcard", json!("*")),
        ("a look-alike", json!(arn.replace("mock", "m\u{43e}ck"))),
    ] {
        let token = alb.token(&User::jane()).header("signer", signer).sign();
        let answer = app.call(alb.request("/").token(&token)).await;
        assert_eq!((answer.status.as_u16(), answer.kind()), (401, Some(AuthErrorKind::UntrustedSigner)), "{case}");
    }
    let missing = alb.token(&User::jane()).without_header("signer").sign();
    app.call(alb.request("/").token(&missing)).await.assert_401(AuthErrorKind::UntrustedSigner);
    for (case, signer) in [
        ("an empty list", json!([])),
        ("a list with it", json!([arn])),
        ("a list with it and another", json!([arn, stranger.signer()])),
        ("an object", json!({ "arn": arn })),
        ("null", json!(null)),
        ("true", json!(true)),
        ("a number", json!(0)),
    ] {
        let token = alb.token(&User::jane()).header("signer", signer).sign();
        assert_eq!(app.call(alb.request("/").token(&token)).await.status, 401, "{case}");
    }
    assert_eq!((alb.key_fetches(), app.calls()), (0, 0), "nothing of it is worth a fetch");
    app.call(alb.request("/").user(&User::jane())).await.assert_ok("user:default/jane.doe");
}
