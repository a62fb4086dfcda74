//! What is served where, and the headers that all answers have.

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

/// Largest form, in bytes: an authorization request may be as long.
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
            .route("/icon.svg", get(|| async { ([(header::CONTENT_TYPE, "image/svg+xml")], pages::ICON) }))
            .fallback(|| async {
                pages::ErrorPage::new(
                    StatusCode::NOT_FOUND,
                    "There is no such page",
                    "What is here is listed at the address /.",
                )
            })
            .layer(from_fn_with_state(self.clone(), of_this_host))
            .layer(map_response(guarded))
            .layer(DefaultBodyLimit::max(MAX_BODY))
            .with_state(self.clone())
    }
}

/// Names of this machine, by which programs on it may ask too.
const THIS_MACHINE: [&str; 3] = ["localhost", "127.0.0.1", "[::1]"];

/// Answers to the issuer's host name and to those of this machine alone, on any port. A page of the web could otherwise reach
/// the provider under a name of its own that leads to this machine (DNS rebinding), and read what it says.
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
    let sentence = format!("This provider is at {}.", provider.issuer());
    pages::ErrorPage::new(StatusCode::MISDIRECTED_REQUEST, "There is nobody of this name here", sentence)
        .into_response()
}

/// Headers that keep an answer to itself, where it has none of its own.
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
