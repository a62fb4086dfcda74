//! The provider's access token, and headers that are left on.

use tower_alb_auth::{
    AlbAccessToken,
    AuthErrorKind::UntrustedSigner,
    test_util::{MockAlb, MockRequest, User},
};

use crate::service::inside::{ACCESS_TOKEN, DATA, IDENTITY, Inside, jane, oidc_headers};

fn exposed(parts: &http::request::Parts) -> Option<&[u8]> {
    parts.extensions.get::<AlbAccessToken>().map(AlbAccessToken::as_bytes)
}

#[tokio::test]
async fn an_access_token_is_handed_over_only_where_it_is_enabled() {
    let alb = MockAlb::new();
    for round in ["key to be fetched", "key known"] {
        let passed = Inside::of(alb.layer()).call(jane(&alb)).await;
        assert_eq!(exposed(passed.inside(round)), None, "{round}");
    }
    let app = Inside::of(alb.layer().expose_access_token());
    for round in ["key to be fetched", "key known"] {
        let passed = app.call(jane(&alb)).await;
        let inside = passed.inside(round);
        assert_eq!(exposed(inside), Some(&b"opaque-access-token"[..]), "{round}");
        assert_eq!(oidc_headers(inside), Vec::<&str>::new(), "{round}: the header is off all the same");
        let token = inside.extensions.get::<AlbAccessToken>().unwrap();
        assert_eq!(token.as_str(), Some("opaque-access-token"));
        assert_eq!(format!("{token:?} {token:#?}"), "AlbAccessToken(..) AlbAccessToken(..)");
    }
}

#[tokio::test]
async fn an_access_token_comes_with_a_user_and_from_one_header_only() {
    let alb = MockAlb::new();
    let layer = || alb.layer().expose_access_token().optional().exempt_path("/healthz");
    let app = Inside::of(layer());
    let user = |path| alb.request(path).token(&alb.sign(&User::jane()));
    let cases: [(&str, MockRequest<'_>, Option<&[u8]>); 6] = [
        ("nobody", alb.request("/").header(ACCESS_TOKEN, "theirs"), None),
        ("exempt", user("/healthz").header(ACCESS_TOKEN, "theirs"), None),
        ("a user without one", user("/"), None),
        ("a look-alike", user("/").header("x_amzn_oidc_accesstoken", "theirs"), None),
        // A load balancer sends one; whichever of several is its own, nothing says.
        ("two", user("/").header(ACCESS_TOKEN, "theirs").header(ACCESS_TOKEN, "own"), None),
        ("bytes beyond ASCII", user("/").header(ACCESS_TOKEN, b"\xe9"), Some(b"\xe9")),
    ];
    for (case, request, expected) in cases {
        let passed = app.call(request).await;
        assert_eq!(exposed(passed.inside(case)), expected, "{case}");
    }
    let odd = app.call(user("/").header(ACCESS_TOKEN, b"\xe9")).await;
    assert_eq!(odd.inside("odd").extensions.get::<AlbAccessToken>().unwrap().as_str(), None);
    let stranger = MockAlb::with_keys_of(&alb);
    app.call(jane(&stranger)).await.assert_refused("a stranger", UntrustedSigner);
}

#[tokio::test]
async fn kept_headers_are_those_that_came_and_do_not_show() {
    let alb = MockAlb::new();
    let app = Inside::of(alb.layer().keep_headers());
    for round in ["key to be fetched", "key known"] {
        let token = alb.sign(&User::jane());
        let request = alb.request("/").token(&token).header(IDENTITY, "AAAAAAAAAAAAAAAAAAAAAIjane.doe");
        let passed = app.call(request.header(ACCESS_TOKEN, "opaque-access-token")).await;
        let headers = &passed.inside(round).headers;
        assert_eq!(headers[DATA].as_bytes(), token.as_bytes(), "{round}");
        assert_eq!(headers[IDENTITY], "AAAAAAAAAAAAAAAAAAAAAIjane.doe", "{round}");
        assert_eq!(headers[ACCESS_TOKEN], "opaque-access-token", "{round}");
        let shown = format!("{headers:?}");
        for secret in [&token[..40], "opaque-access-token", "jane.doe"] {
            assert!(!shown.contains(secret), "{round}: {shown}");
        }
    }
}
