//! The server of the public keys, which also rotates them; it has its own address, on loopback unless a host of a private
//! network is named.
//!
//! | request | response |
//! |---|---|
//! | `GET /<kid>` | the key as PEM; 403 for an unknown kid, as at AWS |
//! | `GET /` | 403 |
//! | `POST /rotate` with the header `x-alb-emulator: rotate`, from this machine | the kid of the new signing key |
//!
//! A page of another site can send that header only after a CORS preflight, which never succeeds. A
//! page whose own host name resolves to this machine needs no preflight (DNS rebinding), so
//! requests that do not name this machine, or the host of the private network, get 403.

use std::net::SocketAddr;

use axum::{
    Router,
    body::Body,
    extract::{ConnectInfo, Path, Request, State},
    http::{HeaderMap, StatusCode},
    middleware::{Next, from_fn_with_state},
    response::{IntoResponse, Response},
    routing::{get, post},
};

use hyper::body::Incoming;
use tower_service::Service;

use super::{action::Action, front::Respond, host::named, proxy::ClientConnection};
use crate::internal::{Arc, is_loopback};

/// The header that a rotation requires.
pub(super) const ADMIN_HEADER: &str = "x-alb-emulator";

/// The server of the keys behind a listener.
pub(super) struct Keys(Router);

impl Keys {
    /// The host is that of the private network, if there is one.
    pub(super) fn new(action: Arc<Action>, host: Option<String>) -> Self {
        Self(router(action, host))
    }
}

impl Respond for Keys {
    fn abort(&self) {}

    async fn respond(self: Arc<Self>, request: http::Request<Incoming>, client: ClientConnection) -> Response {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(ConnectInfo(client.address));
        // A router is always ready.
        match self.0.clone().call(request).await {
            Ok(response) => response,
            Err(impossible) => match impossible {},
        }
    }
}

fn router(action: Arc<Action>, host: Option<String>) -> Router {
    let host: Option<Arc<str>> = host.map(|host| host.to_ascii_lowercase().into());
    Router::new()
        .route("/rotate", post(rotate))
        .route("/{kid}", get(key))
        .fallback(async || StatusCode::FORBIDDEN)
        .layer(from_fn_with_state(host, of_this_machine))
        .with_state(action)
}

async fn of_this_machine(State(host): State<Option<Arc<str>>>, request: Request, next: Next) -> Response {
    let named = named(request.uri(), request.headers()).map(|named| named.host().to_ascii_lowercase());
    match named {
        Some(named) if is_loopback(&named) || host.as_deref() == Some(named.as_str()) => next.run(request).await,
        _ => {
            (StatusCode::FORBIDDEN, "use the host localhost, 127.0.0.1 or [::1], or that of keys_host (--keys-host)\n")
                .into_response()
        }
    }
}

async fn key(State(action): State<Arc<Action>>, Path(kid): Path<String>) -> Response {
    match action.load_balancer.public_key(&kid) {
        Some(pem) => pem.into_response(),
        None => StatusCode::FORBIDDEN.into_response(),
    }
}

async fn rotate(
    State(action): State<Arc<Action>>,
    ConnectInfo(client): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
) -> Response {
    if !client.ip().to_canonical().is_loopback() {
        return (StatusCode::FORBIDDEN, "a rotation is for this machine only\n").into_response();
    }
    if headers.get(ADMIN_HEADER).is_none_or(|value| value.as_bytes() != b"rotate") {
        let message = format!("a rotation requires the header {ADMIN_HEADER}: rotate\n");
        return (StatusCode::FORBIDDEN, message).into_response();
    }
    match action.load_balancer.rotate() {
        Ok(kid) => {
            tracing::info!(target: "alb_emulator", "new signing key: {kid}");
            format!("{kid}\n").into_response()
        }
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")).into_response(),
    }
}
