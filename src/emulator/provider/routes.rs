//! The routes, and the headers that all responses have.

use axum::{
    Router,
    extract::{DefaultBodyLimit, Request, State},
    middleware::{Next, from_fn_with_state, map_response},
    response::{IntoResponse, Redirect, Response},
    routing::{get, post},
};
use http::{HeaderName, HeaderValue, StatusCode, header, uri::Authority};

use super::{
    DemoProvider, authorize, discovery, end_session, login, pages,
    paths::{AUTHORIZE, END_SESSION, JWKS, REVOKE, TOKEN, USERINFO},
    token, userinfo,
};
use crate::emulator::health;

/// Maximum size of a form, in bytes. An authorization request may be a form.
const MAX_BODY: usize = 32 * 1024;

impl DemoProvider {
    /// Everything it serves, to be mounted at the root of its issuer's address.
    pub fn router(&self) -> Router {
        Router::new()
            .route("/.well-known/openid-configuration", get(discovery::configuration))
            .route(JWKS, get(discovery::jwks))
            .route(AUTHORIZE, get(authorize::authorize).post(authorize::authorize))
            .route("/login", get(|| async { Redirect::to("/") }).post(login::login))
            .route(TOKEN, post(token::token))
            .route(REVOKE, post(token::revoke))
            .route(USERINFO, get(userinfo::userinfo).post(userinfo::userinfo))
            .route(END_SESSION, get(end_session::end_session).post(end_session::end_session))
            .route("/", get(discovery::about))
            .route("/style.css", get(|| async { ([(header::CONTENT_TYPE, "text/css; charset=utf-8")], pages::STYLE) }))
            .route(health::PATH, get(|| async {}))
            .route("/icon.svg", get(|| async { ([(header::CONTENT_TYPE, "image/svg+xml")], pages::ICON) }))
            .fallback(|| async {
                pages::ErrorPage::new(
                    StatusCode::NOT_FOUND,
                    "Page not found",
                    "The page / lists what this provider serves.",
                )
            })
            .layer(from_fn_with_state(self.clone(), of_this_host))
            .layer(map_response(guarded))
            .layer(DefaultBodyLimit::max(MAX_BODY))
            .with_state(self.clone())
    }
}

/// Names of this machine, which local programs may use.
const THIS_MACHINE: [&str; 3] = ["localhost", "127.0.0.1", "[::1]"];

/// Accepts only the issuer's host name and those of this machine, on any port. Otherwise a web page
/// could reach the provider by a host name that resolves to this machine (DNS rebinding), and read
/// its responses.
async fn of_this_host(State(provider): State<DemoProvider>, request: Request, next: Next) -> Response {
    let mut named = request.headers().get_all(header::HOST).iter();
    let named = match (request.uri().authority(), named.next(), named.next()) {
        (Some(authority), _, _) => Some(authority.clone()),
        (None, Some(host), None) => host.to_str().ok().and_then(|host| host.parse::<Authority>().ok()),
        _ => None,
    };
    let own = provider.issuer().split_once("://").map_or("", |(_, authority)| authority);
    let own = own.parse::<Authority>().ok();
    let own = own.as_ref().map(Authority::host).into_iter().chain(THIS_MACHINE);
    if named.is_some_and(|named| own.into_iter().any(|own| named.host().eq_ignore_ascii_case(own))) {
        return next.run(request).await;
    }
    let message = format!("This provider is at {}.", provider.issuer());
    pages::ErrorPage::new(StatusCode::MISDIRECTED_REQUEST, "Unknown host name", message).into_response()
}

/// Adds security headers, unless the response has its own.
async fn guarded(response: Response) -> Response {
    const HEADERS: [(HeaderName, &str); 5] = [
        (header::CACHE_CONTROL, "no-store"),
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
    ];
    let mut response = response.into_response();
    for (name, value) in HEADERS {
        response.headers_mut().entry(name).or_insert(HeaderValue::from_static(value));
    }
    response
}
