//! What an absent header, a bad one and a good one lead to, in each mode.

use http::Method;
use tower_alb_auth::{
    AuthErrorKind::{DuplicateHeader, InvalidSignature, Malformed, Missing, UntrustedIssuer},
    test_util::{MockAlb, User},
};

use crate::{
    service::inside::{ACCESS_TOKEN, DATA, IDENTITY, ignoring_identity_header, methods},
    support::{App, UNIFORM_401},
};

const JANE: &str = crate::service::inside::JANE;

#[tokio::test]
async fn a_signed_in_user_reaches_the_handler() {
    let alb = MockAlb::new();
    let app = App::new(alb.layer());
    app.call(alb.request("/").user(&User::jane())).await.assert_ok(JANE);
    assert_eq!((app.calls(), alb.key_fetches()), (1, 1));
}

#[tokio::test]
async fn s_01_a_request_without_the_header_is_refused() {
    let alb = MockAlb::new();
    let app = App::new(alb.layer());
    for method in methods() {
        let bare = alb.request("/").method(method.clone());
        let beside = bare.clone().header(IDENTITY, "jane").header(ACCESS_TOKEN, alb.sign(&User::jane()));
        for request in [bare, beside] {
            let answer = app.call(request).await;
            if method == Method::HEAD {
                // As long as the answer to GET would be, and without a body.
                assert_eq!((answer.status.as_u16(), answer.kind(), answer.body.as_str()), (401, Some(Missing), ""));
                assert_eq!(answer.header("content-length"), Some(UNIFORM_401.len().to_string().as_str()));
            } else {
                answer.assert_401(Missing);
            }
        }
    }
    assert_eq!((app.calls(), alb.key_fetches()), (0, 0));
}

#[tokio::test]
async fn s_02_several_values_are_refused_whatever_they_are() {
    let alb = MockAlb::new();
    let (good, other) = (alb.sign(&User::jane()), alb.sign(&User::entra("john")));
    for (mode, layer) in
        [("required", alb.layer()), ("optional", alb.layer().optional()), ("lenient", ignoring_identity_header(&alb))]
    {
        let app = App::new(layer);
        for (case, values) in [
            ("good, bad", [good.as_str(), "bad"]),
            ("bad, good", ["bad", &good]),
            ("good, good", [&good, &good]),
            ("good, another user", [&good, &other]),
            ("good, empty", [&good, ""]),
            ("empty, good", ["", &good]),
            ("empty, empty", ["", ""]),
        ] {
            let request = values.iter().fold(alb.request("/"), |request, value| request.token(value));
            let answer = app.call(request).await;
            assert_eq!((answer.status.as_u16(), answer.kind()), (401, Some(DuplicateHeader)), "{mode}: {case}");
        }
        for (case, value) in [
            ("good,bad", format!("{good},bad")),
            ("good, good", format!("{good}, {good}")),
            ("bad,good", format!("bad,{good}")),
            ("good,", format!("{good},")),
            (",good", format!(",{good}")),
            ("good;good", format!("{good};{good}")),
        ] {
            let answer = app.call(alb.request("/").token(&value)).await;
            assert_eq!((answer.status.as_u16(), answer.kind()), (401, Some(Malformed)), "{mode}: {case} in one value");
        }
        assert_eq!((app.calls(), alb.key_fetches()), (0, 0), "{mode}");
    }
}

#[tokio::test]
async fn s_06_a_bad_token_is_never_taken_for_an_absent_one() {
    let alb = MockAlb::new();
    let good = alb.sign(&User::jane());
    let (signed, signature) = good.rsplit_once('.').unwrap();
    let other = if signature.starts_with('A') { "B" } else { "A" };
    let bad_signature = format!("{signed}.{other}{}", &signature[1..]);
    let wrong_issuer = alb.token(&User::jane()).header("iss", "https://evil.example").sign();

    let cases = [
        ("missing", None, Some(Missing), None),
        ("empty", Some(""), Some(Malformed), Some(Malformed)),
        ("bad signature", Some(bad_signature.as_str()), Some(InvalidSignature), Some(InvalidSignature)),
        ("wrong issuer", Some(&wrong_issuer), Some(UntrustedIssuer), Some(UntrustedIssuer)),
        ("good", Some(&good), None, None),
    ];
    for warm in [false, true] {
        for (case, token, required, optional) in cases {
            for (mode, layer, refused) in
                [("required", alb.layer(), required), ("optional", alb.layer().optional(), optional)]
            {
                let app = App::new(layer);
                if warm {
                    app.call(alb.request("/").user(&User::jane())).await.assert_ok(JANE);
                }
                let before = app.calls();
                let request = token.into_iter().fold(alb.request("/"), |request, token| request.header(DATA, token));
                let answer = app.call(request).await;
                let who = if token.is_none() { "anonymous" } else { JANE };
                match refused {
                    Some(kind) => {
                        assert_eq!((answer.status.as_u16(), answer.kind()), (401, Some(kind)), "{mode}: {case}");
                        assert_eq!(app.calls(), before, "{mode}: {case}: the handler ran");
                    }
                    None => assert_eq!((answer.status.as_u16(), answer.body.as_str()), (200, who), "{mode}: {case}"),
                }
            }
        }
    }
}

#[tokio::test]
async fn a_method_changes_nothing() {
    let alb = MockAlb::new();
    let (required, optional) = (App::new(alb.layer()), App::new(alb.layer().optional()));
    let stranger = MockAlb::with_keys_of(&alb);
    for method in methods() {
        for app in [&required, &optional] {
            app.call(alb.request("/").method(method.clone()).user(&User::jane())).await.assert_ok(JANE);
            let refused = app.call(stranger.request("/").method(method.clone()).user(&User::jane())).await;
            assert_eq!(refused.status.as_u16(), 401, "{method}");
        }
        optional.call(alb.request("/").method(method)).await.assert_ok("anonymous");
    }
}
