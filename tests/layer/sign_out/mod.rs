//! Signing out: the answers, and a browser that loses its session by them.

use std::sync::Arc;

use axum::{Router, body::Body, http::Request, routing::post};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, header};
use reqwest::cookie::{CookieStore, Jar};
use tokio::net::TcpListener;
use tower_alb_auth::{SignOut, SignOutBuilder};

const END_SESSION: &str = "https://idp.example.com/logout";

fn headers(headers: &[(&str, &str)]) -> HeaderMap {
    let parsed = headers.iter().map(|(name, value)| {
        (name.parse::<HeaderName>().expect("a name"), value.parse::<HeaderValue>().expect("a value"))
    });
    parsed.collect()
}

fn post_with(sign_out: &SignOut, fields: &[(&str, &str)]) -> Response<String> {
    sign_out.response(&Method::POST, &headers(fields))
}

fn plain() -> SignOut {
    SignOut::builder().build().expect("a sound configuration")
}

fn cookies<B>(answer: &Response<B>) -> Vec<&str> {
    answer.headers().get_all(header::SET_COOKIE).iter().map(|value| value.to_str().expect("ASCII")).collect()
}

#[test]
fn every_shard_and_the_nonce_are_expired() {
    let answer = post_with(&plain(), &[]);
    assert_eq!(answer.status(), 204);
    assert_eq!(answer.headers()["cache-control"], "no-store");
    assert!(answer.body().is_empty());
    let expired = "=; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0; HttpOnly";
    let names = [0, 1, 2, 3].map(|shard| format!("AWSELBAuthSessionCookie-{shard}"));
    let expected: Vec<String> =
        names.into_iter().chain(["AWSALBAuthNonce".to_owned()]).map(|name| format!("{name}{expired}")).collect();
    assert_eq!(cookies(&answer), expected);
}

#[test]
fn the_browser_is_sent_on_with_what_the_provider_wants_to_know() {
    let location = |builder: SignOutBuilder| {
        let answer = post_with(&builder.build().expect("a sound configuration"), &[]);
        assert_eq!((answer.status().as_u16(), cookies(&answer).len()), (303, 5));
        answer.headers()["location"].to_str().expect("ASCII").to_owned()
    };
    let end = || SignOut::builder().end_session(END_SESSION);
    assert_eq!(location(end()), END_SESSION);
    assert_eq!(
        location(end().query("client_id", "a b&c").query("logout_uri", "https://app.example.com/bye?x=1#y")),
        "https://idp.example.com/logout?client_id=a%20b%26c&logout_uri=https%3A%2F%2Fapp.example.com%2Fbye%3Fx%3D1%23y"
    );
    let with_query = SignOut::builder().end_session("https://idp.example.com/logout?p=policy").query("x", "1");
    assert_eq!(location(with_query), "https://idp.example.com/logout?p=policy&x=1");
    assert_eq!(
        location(SignOut::builder().end_session("http://idp.localhost:9000/end")),
        "http://idp.localhost:9000/end"
    );
}

#[test]
fn another_cookie_name_is_that_of_the_listener_rule() {
    let name = |name: &str| SignOut::builder().cookie_name(name).build().expect("a sound configuration");
    assert!(cookies(&post_with(&name("team-a"), &[]))[1].starts_with("team-a-1=; Path=/;"));
    // A browser refuses to touch a cookie of this prefix without it (RFC 6265bis section 4.1.3).
    assert!(cookies(&post_with(&name("__Host-s"), &[]))[0].ends_with("; HttpOnly; Secure"));
}

#[test]
fn s_68_another_site_signs_no_user_out() {
    let sign_out =
        SignOut::builder().allow_origin("https://portal.example.com").build().expect("a sound configuration");
    let host = ("host", "app.example.com");
    for (status, fields) in [
        (204, vec![host]),
        (204, vec![host, ("origin", "https://app.example.com")]),
        (204, vec![("host", "app.example.com:8443"), ("origin", "https://app.example.com:8443")]),
        (204, vec![host, ("origin", "https://portal.example.com"), ("sec-fetch-site", "same-site")]),
        (204, vec![host, ("sec-fetch-site", "same-origin")]),
        (204, vec![host, ("sec-fetch-site", "same-site")]),
        (204, vec![host, ("sec-fetch-site", "none")]),
        (403, vec![host, ("sec-fetch-site", "cross-site")]),
        (403, vec![host, ("sec-fetch-site", "same-origin"), ("sec-fetch-site", "cross-site")]),
        (403, vec![host, ("sec-fetch-site", "something-new")]),
        (403, vec![host, ("origin", "https://evil.example")]),
        (403, vec![host, ("origin", "null")]),
        (403, vec![host, ("origin", "")]),
        (403, vec![host, ("origin", "https://app.example.com.evil.example")]),
        (403, vec![host, ("origin", "https://app.example.com:8443")]),
        (403, vec![host, ("origin", "https://app.example.com/")]),
        (403, vec![host, ("origin", "https://portal.example.com.evil.example")]),
        (403, vec![host, ("origin", "https://app.example.com"), ("origin", "https://evil.example")]),
        // The origin counts, whatever else is said.
        (403, vec![host, ("origin", "https://evil.example"), ("sec-fetch-site", "same-origin")]),
        // HTTP/2 has no Host; then the browser's word counts.
        (204, vec![("origin", "https://app.example.com"), ("sec-fetch-site", "same-origin")]),
        (403, vec![("origin", "https://app.example.com"), ("sec-fetch-site", "same-site")]),
        (403, vec![("origin", "https://evil.example"), ("sec-fetch-site", "cross-site")]),
        (
            403,
            vec![
                ("origin", "https://evil.example"),
                ("sec-fetch-site", "same-origin"),
                ("sec-fetch-site", "cross-site"),
            ],
        ),
        (403, vec![("origin", "https://app.example.com")]),
    ] {
        let map = fields.iter().fold(HeaderMap::new(), |mut map, (name, value)| {
            map.append(name.parse::<HeaderName>().expect("a name"), value.parse().expect("a value"));
            map
        });
        let answer: Response<String> = sign_out.response(&Method::POST, &map);
        assert_eq!(answer.status().as_u16(), status, "{fields:?}");
        assert_eq!(cookies(&answer).is_empty(), status == 403, "{fields:?}");
        assert_eq!(answer.headers()["cache-control"], "no-store");
    }
}

#[test]
fn links_and_prefetches_sign_no_user_out() {
    for method in [Method::GET, Method::HEAD, Method::OPTIONS, Method::DELETE] {
        let answer: Response<String> = plain().response(&method, &HeaderMap::new());
        assert_eq!((answer.status().as_u16(), cookies(&answer).len()), (405, 0), "{method}");
        assert_eq!(answer.headers()["allow"], "POST");
    }
}

#[test]
fn mistakes_are_found_when_it_is_built() {
    let said = |builder: SignOutBuilder| builder.build().expect_err("a mistake").to_string();
    let all = SignOut::builder()
        .cookie_name("a;b")
        .end_session("http://idp.example.com/logout")
        .allow_origin("https://app.example.com/")
        .allow_origin("*");
    insta::assert_snapshot!(said(all), @r#"
    the configuration cannot be used
    - "a;b" is not the name of a cookie: take SessionCookieName of the listener rule's authenticate action
    - the end-session address "http://idp.example.com/logout" must begin with https:// and name a host
    - "https://app.example.com/" is not an origin: write it as https://app.example.com, without a path
    - "*" is not an origin: write it as https://app.example.com, without a path
    "#);
    insta::assert_snapshot!(said(SignOut::builder().query("client_id", "x")), @r"
    the configuration cannot be used
    - the query belongs to an end-session address: add .end_session(..)
    ");
    for name in ["", " ", "a b", "a=b", "naïve", "a\r\nset-cookie: x"] {
        assert!(said(SignOut::builder().cookie_name(name)).contains("is not the name of a cookie"), "{name:?}");
    }
    for url in
        ["", "/logout", "javascript:alert(1)", "https://", "ftp://idp.example.com", "https://idp.example.com/\r\nx: y"]
    {
        assert!(said(SignOut::builder().end_session(url)).contains("end-session address"), "{url:?}");
    }
}

/// The application on a free port, over HTTP/1.1 and HTTP/2.
async fn serve(sign_out: SignOut) -> reqwest::Url {
    let app = Router::new().route(
        "/sign-out",
        post(
            move |request: Request<Body>| async move { sign_out.response::<Body>(request.method(), request.headers()) },
        ),
    );
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free loopback port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move { axum::serve(listener, app).await });
    format!("http://{address}/sign-out").parse().expect("a URL")
}

#[tokio::test]
async fn a_browser_loses_its_session_and_nothing_else() {
    let url = serve(plain()).await;
    let jar = Arc::new(Jar::default());
    for cookie in ["AWSELBAuthSessionCookie-0=a", "AWSELBAuthSessionCookie-1=b", "AWSALBAuthNonce=c", "theme=dark"] {
        jar.add_cookie_str(&format!("{cookie}; Path=/; HttpOnly"), &url);
    }
    let client = reqwest::Client::builder().cookie_provider(Arc::clone(&jar)).build().expect("a client");
    let answer = client.post(url.clone()).send().await.expect("an answer");
    assert_eq!(answer.status().as_u16(), 204);
    assert_eq!(jar.cookies(&url).expect("a cookie is left"), "theme=dark");
}

#[tokio::test]
async fn a_page_of_the_same_host_signs_out_over_either_version_of_http() {
    let url = serve(plain()).await;
    let own = url.origin().ascii_serialization();
    let http1 = reqwest::Client::builder().http1_only().build().expect("a client");
    let http2 = reqwest::Client::builder().http2_prior_knowledge().build().expect("a client");
    for client in [http1, http2] {
        for (origin, site, status) in [(own.as_str(), "same-origin", 204), ("https://evil.example", "cross-site", 403)]
        {
            let request = client.post(url.clone()).header("origin", origin).header("sec-fetch-site", site);
            let answer = request.send().await.expect("an answer");
            assert_eq!(answer.status().as_u16(), status, "{:?}, {origin}", answer.version());
        }
    }
}

/// Parameters behind a fragment would not reach the provider, and its session might not end.
#[test]
fn an_end_session_address_has_no_fragment() {
    let builder = SignOut::builder().end_session("https://idp.example.com/logout#top").query("client_id", "x");
    let said = builder.build().expect_err("a fragment").to_string();
    assert!(said.contains("must have no fragment"), "{said}");
}
