//! S-68: the browser sends the session along, whichever site the page is of.

use http::Method;
use tower_alb_auth::{SignOut, test_util::User};

use crate::router::site::{ORIGIN, Site, said, shown};

const APP: &str = "https://portal.example.com";
const OTHER: &str = "https://other.example.org:3000";

async fn site() -> Site {
    Site::with(|auth| {
        let sign_out = SignOut::builder().allow_origin("https://goodbye.example.com").build().unwrap();
        auth.app_base_url(format!("{APP}/backstage/")).allow_origin(OTHER).sign_out(sign_out)
    })
    .await
}

/// Who asks, whether that is let through, and what the browser says.
type Row = (&'static str, bool, &'static [(&'static str, &'static str)]);

const ROWS: [Row; 22] = [
    ("no browser", true, &[]),
    ("a navigation", true, &[("sec-fetch-site", "none")]),
    ("the stock page", true, &[("sec-fetch-site", "same-origin"), ("x-requested-with", "XMLHttpRequest")]),
    ("a page of the same site", true, &[("sec-fetch-site", "same-site")]),
    ("another site", false, &[("sec-fetch-site", "cross-site")]),
    (
        "another site with a header that forms cannot write",
        false,
        &[("sec-fetch-site", "cross-site"), ("x-requested-with", "XMLHttpRequest")],
    ),
    ("two words", false, &[("sec-fetch-site", "same-origin"), ("sec-fetch-site", "cross-site")]),
    ("a word of the future", false, &[("sec-fetch-site", "near-by")]),
    ("a word in capitals", false, &[("sec-fetch-site", "Same-Origin")]),
    ("an empty word", false, &[("sec-fetch-site", "")]),
    ("the backend's own page", true, &[("origin", ORIGIN), ("sec-fetch-site", "same-origin")]),
    ("the front end", true, &[("origin", APP), ("sec-fetch-site", "same-site")]),
    ("one of backend.cors", true, &[("origin", OTHER), ("sec-fetch-site", "cross-site")]),
    ("a stranger", false, &[("origin", "https://evil.example"), ("sec-fetch-site", "cross-site")]),
    // The origin counts, whatever else is said.
    ("a stranger who says otherwise", false, &[("origin", "https://evil.example"), ("sec-fetch-site", "same-origin")]),
    ("a sandboxed page", false, &[("origin", "null")]),
    ("an empty origin", false, &[("origin", "")]),
    ("another scheme", false, &[("origin", "http://portal.example.com")]),
    ("another port", false, &[("origin", "https://portal.example.com:8443")]),
    ("a longer name", false, &[("origin", "https://portal.example.com.evil.example")]),
    ("a path", false, &[("origin", "https://portal.example.com/backstage")]),
    ("two origins", false, &[("origin", APP), ("origin", "https://evil.example")]),
];

#[tokio::test]
async fn s_68_a_cross_site_refresh_is_refused() {
    let site = site().await;
    for (row, allowed, headers) in ROWS {
        for method in [Method::GET, Method::POST] {
            let request = site.request("/awsalb/refresh").method(method).user(&User::jane());
            let answer =
                site.call(headers.iter().fold(request, |request, (name, value)| request.header(*name, value))).await;
            assert_eq!(answer.status, if allowed { 200 } else { 403 }, "{row}");
            if !allowed {
                assert_eq!(said(&answer).1, "NotAllowedError", "{row}");
            }
            let origin =
                headers.iter().find(|(name, _)| *name == "origin").filter(|_| allowed).map(|(_, value)| *value);
            assert_eq!(answer.header("access-control-allow-origin"), origin, "{row}");
            assert_eq!(
                (answer.header("vary"), answer.header("cache-control")),
                (Some("origin"), Some("no-store")),
                "{row}"
            );
        }
    }
}

#[tokio::test]
async fn s_68_a_cross_site_sign_out_is_refused() {
    let site = site().await;
    let goodbye: [Row; 1] = [("one of SignOut's", true, &[("origin", "https://goodbye.example.com")])];
    for (row, allowed, headers) in ROWS.into_iter().chain(goodbye) {
        let request = site.request("/awsalb/logout").method(Method::POST);
        let answer =
            site.call(headers.iter().fold(request, |request, (name, value)| request.header(*name, value))).await;
        assert_eq!(answer.status, if allowed { 204 } else { 403 }, "{row}");
        assert_eq!(answer.header("set-cookie").is_some(), allowed, "{row}");
    }
    // Who may sign users out may not ask for their tokens.
    let request = site.request("/awsalb/refresh").user(&User::jane()).header("origin", "https://goodbye.example.com");
    assert_eq!(site.call(request).await.status, 403);
}

#[tokio::test]
async fn s_68_a_cross_site_request_gets_that_reason_and_no_more() {
    let site = site().await;
    let request = |user: bool| {
        let request = site.request("/awsalb/refresh").header("origin", "https://evil.example");
        if user { request.user(&User::jane()) } else { request }
    };
    let with = shown(&site.call(request(true)).await);
    assert_eq!(shown(&site.call(request(false)).await), with, "with and without a user");
    assert_eq!(site.alb.key_fetches(), 0, "nothing is looked at before");
    insta::assert_snapshot!(with, @r##"
    403
    cache-control: no-store
    content-length: 182
    content-type: application/json; charset=utf-8
    vary: origin
    x-content-type-options: nosniff

    {"error":{"name":"NotAllowedError","message":"Requests from pages of another site are not allowed."},"request":{"method":"GET","url":"/awsalb/refresh"},"response":{"statusCode":403}}
    "##);
}

#[tokio::test]
async fn s_68_a_preflight_request_is_answered_here() {
    let site = site().await;
    let preflight = |path: &str, origin: &str| {
        let request = site.request(path).method(Method::OPTIONS).user(&User::jane()).header("origin", origin);
        request
            .header("access-control-request-method", "GET")
            .header("access-control-request-headers", "authorization,x-requested-with")
    };
    insta::assert_snapshot!(shown(&site.call(preflight("/awsalb/refresh", APP)).await), @r##"
    200
    access-control-allow-credentials: true
    access-control-allow-headers: authorization,x-requested-with
    access-control-allow-methods: GET,POST
    access-control-allow-origin: https://portal.example.com
    allow: GET,HEAD,POST
    content-length: 0
    vary: origin
    "##);
    for path in ["/awsalb/refresh", "/awsalb/logout", "/v1/userinfo", "/.well-known/jwks.json", "/guest/refresh"] {
        let stranger = site.call(preflight(path, "https://evil.example")).await;
        assert_eq!((stranger.status.as_u16(), stranger.header("access-control-allow-origin")), (405, None), "{path}");
        assert_eq!(site.call(preflight(path, APP)).await.header("access-control-allow-origin"), Some(APP), "{path}");
    }
    assert!(
        crate::router::site::json(&site.get("/.well-known/jwks.json").await)["keys"].as_array().unwrap().is_empty(),
        "no token was signed"
    );
}

#[tokio::test]
async fn a_page_of_an_allowed_origin_can_read_why_it_is_refused() {
    let site = site().await;
    let answer = site.call(site.request("/awsalb/refresh").header("origin", APP)).await;
    assert_eq!((answer.status.as_u16(), answer.header("access-control-allow-origin")), (401, Some(APP)));
    assert_eq!(answer.header("access-control-allow-credentials"), Some("true"));
}
