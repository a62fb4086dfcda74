//! Whatever a stranger sends: never a token, and never a 500.

use std::sync::LazyLock;

use axum::{Router, body::Body};
use http::{HeaderName, HeaderValue, Method, Request};
use http_body_util::BodyExt as _;
use proptest::{collection::vec, prelude::*, sample::select};
use tower::ServiceExt as _;
use tower_alb_auth::{
    backstage::{BackstageAuth, TokenIssuer, router},
    test_util::{MockAlb, User},
};

/// An auth backend, and parts of tokens that are good, each missing something.
struct Target {
    app: Router,
    pieces: Vec<Vec<u8>>,
    runtime: tokio::runtime::Runtime,
}

static TARGET: LazyLock<Target> = LazyLock::new(|| {
    let alb = MockAlb::new();
    let tokens = TokenIssuer::builder("https://backstage.example.com/api/auth").build().unwrap();
    let auth = BackstageAuth::builder(alb.layer().handle(), tokens.clone()).build().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let good = alb.sign(&User::jane());
    let plugin = runtime.block_on(tokens.plugin_token("catalog")).unwrap();
    let mut pieces: Vec<Vec<u8>> = good.split('.').map(|segment| segment.as_bytes().to_vec()).collect();
    let stranger = MockAlb::with_keys_of(&alb).sign(&User::jane());
    let mut forged = good.into_bytes();
    let middle = forged.len() / 2;
    forged[middle] = if forged[middle] == b'A' { b'B' } else { b'A' };
    pieces.extend([
        forged,
        stranger.into_bytes(),
        plugin.into_bytes(),
        b"Bearer ".to_vec(),
        b"a.b.c".to_vec(),
        b"..".to_vec(),
    ]);
    Target { app: router(auth), pieces, runtime }
});

fn value() -> impl Strategy<Value = Vec<u8>> {
    let piece = any::<prop::sample::Index>().prop_map(|index| index.get(&TARGET.pieces).clone());
    let noise = vec(prop_oneof![0x20..=0x7e_u8, 0x80..=0xff_u8, Just(b'\t')], 0..40);
    prop_oneof![piece.clone(), noise.clone(), (piece.clone(), piece).prop_map(|(a, b)| [a, b].concat()), noise]
}

fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        select(vec![
            "x-amzn-oidc-data",
            "x-amzn-oidc-identity",
            "x-amzn-oidc-accesstoken",
            "x_amzn_oidc_data",
            "authorization",
            "origin",
            "sec-fetch-site",
            "cookie",
            "host",
            "if-none-match",
            "content-type",
            "expect",
            "x-forwarded-for",
            "access-control-request-method",
            "content-length",
        ])
        .prop_map(str::to_owned),
        "[a-z][a-z0-9_-]{0,20}",
    ]
}

fn path() -> impl Strategy<Value = String> {
    let ours = vec!["/awsalb/refresh", "/awsalb/refresh/", "/v1/userinfo", "/guest/refresh", "/awsalb/start"];
    prop_oneof![
        4 => select(ours).prop_map(str::to_owned),
        1 => "/(awsalb|guest|v1|[a-z.]{1,8})?(/|//|%2f|/\\.\\./)?(refresh|userinfo|[a-z%0-9.~]{0,9})(\\?[a-z=&%0-9]{0,12})?",
    ]
}

fn method() -> impl Strategy<Value = Method> {
    select(vec![Method::GET, Method::POST, Method::HEAD, Method::PUT, Method::OPTIONS, Method::DELETE, Method::TRACE])
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_header_of_a_stranger_is_worth_a_token(method in method(), path in path(), headers in vec((name(), value()), 0..6)) {
        let mut request = Request::builder().method(&method).uri(&path).body(Body::empty());
        let Ok(request) = &mut request else { return Ok(()) };
        for (name, value) in headers {
            if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::from_bytes(&value)) {
                request.headers_mut().append(name, value);
            }
        }
        let request = std::mem::take(request);
        let (status, body) = TARGET.runtime.block_on(async {
            let answer = TARGET.app.clone().oneshot(request).await.unwrap();
            (answer.status().as_u16(), answer.into_body().collect().await.unwrap().to_bytes())
        });
        prop_assert!(matches!(status, 401 | 403 | 404 | 405 | 501), "{status}");
        if method != Method::HEAD {
            let body: serde_json::Value = serde_json::from_slice(&body).expect("JSON");
            prop_assert_eq!(&body["response"]["statusCode"], status);
        }
    }
}
