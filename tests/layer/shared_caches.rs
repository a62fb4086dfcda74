//! What shared caches decide by, in responses of the layer.

use axum::{Router, http::HeaderMap, response::IntoResponse, routing::any};
use http::{HeaderName, HeaderValue};
use tower::{Layer, ServiceExt};
use tower_alb_auth::test_util::{MockAlb, User};

use crate::support::between::CACHED;

/// By the header's presence alone Squid and Apache keep a page with `Last-Modified`, and Varnish one with nothing at all. A list
/// of fields in `private="..."` would let Apache keep it too.
#[tokio::test]
async fn s_113_a_page_is_private_as_a_whole_whatever_else_a_cache_could_keep_it_by() {
    let alb = MockAlb::new();
    let others: [&[(&str, &str)]; 5] = [
        &[("etag", "\"1\"")],
        &[("expires", "Thu, 01 Oct 2037 00:00:00 GMT")],
        &[("vary", "x-amzn-oidc-data")],
        &[("age", "0"), ("via", "1.1 cache")],
        &[("pragma", "cache")],
    ];
    for sent in CACHED.map(|(_, sent)| sent).into_iter().chain(others) {
        let mut headers = HeaderMap::new();
        for (name, value) in sent {
            headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        let respond = async move || (headers, "a page of one user").into_response();
        let app: Router = Router::new().fallback(any(respond)).layer(alb.layer());
        let response = app.oneshot(alb.request("/").user(&User::jane()).body(axum::body::Body::empty())).await;
        let response = response.expect("infallible");
        let own = sent.iter().find(|(name, _)| *name == "cache-control").map(|(_, value)| *value);
        let found: Vec<&HeaderValue> = response.headers().get_all("cache-control").iter().collect();
        assert_eq!(found, [own.unwrap_or("private")], "{sent:?}");
    }
}

/// `HeaderMap::entry` panics on a map without room for another name.
#[tokio::test]
async fn a_response_that_has_room_for_no_other_header_is_passed_on() {
    let mut headers = HeaderMap::new();
    let names = (0..).map(|number| HeaderName::try_from(format!("x-{number}")).expect("a name"));
    let sent = names.take_while(|name| headers.try_insert(name.clone(), HeaderValue::from_static("x")).is_ok()).count();
    // Not axum, which adds headers too.
    let page = tower::service_fn(move |_: http::Request<()>| {
        let mut response = http::Response::new(String::from("a page"));
        *response.headers_mut() = headers.clone();
        async move { Ok::<_, std::convert::Infallible>(response) }
    });
    let alb = MockAlb::new();
    let request = alb.request("/").user(&User::jane()).body(());
    let response = alb.layer().layer(page).oneshot(request).await.expect("infallible");
    assert_eq!((response.status().as_u16(), response.headers().len(), sent > 20_000), (200, sent, true));
}
