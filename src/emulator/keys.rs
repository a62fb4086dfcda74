//! Where the public keys are, and where they are rotated: an address of its own, on loopback.
//!
//! | request | answer |
//! |---|---|
//! | `GET /<kid>` | the key as PEM; 403 for one that is unknown, as AWS answers |
//! | `GET /` | 403 |
//! | `POST /rotate` with the header `x-alb-emulator: rotate` | the kid that signs from now on |
//!
//! The header is what no page of another site can send without being asked for leave first, which is never given. A page whose
//! own name leads to this machine needs no leave (DNS rebinding), so whatever is not asked for by a name of this machine is 403.

use axum::{
    Router,
    extract::{Path, Request, State},
    http::{HeaderMap, StatusCode},
    middleware::{Next, from_fn},
    response::{IntoResponse, Response},
    routing::{get, post},
};

use super::{action::Action, host::named};
use crate::internal::{Arc, is_loopback};

/// The header that a rotation wants.
pub(super) const ADMIN_HEADER: &str = "x-alb-emulator";

pub(super) fn router(action: Arc<Action>) -> Router {
    Router::new()
        .route("/rotate", post(rotate))
        .route("/{kid}", get(key))
        .fallback(async || StatusCode::FORBIDDEN)
        .layer(from_fn(of_this_machine))
        .with_state(action)
}

async fn of_this_machine(request: Request, next: Next) -> Response {
    match named(request.uri(), request.headers()) {
        Some(named) if is_loopback(&named.host().to_ascii_lowercase()) => next.run(request).await,
        _ => (StatusCode::FORBIDDEN, "ask for localhost, 127.0.0.1 or [::1]\n").into_response(),
    }
}

async fn key(State(action): State<Arc<Action>>, Path(kid): Path<String>) -> Response {
    match action.load_balancer.public_key(&kid) {
        Some(pem) => pem.into_response(),
        None => StatusCode::FORBIDDEN.into_response(),
    }
}

async fn rotate(State(action): State<Arc<Action>>, headers: HeaderMap) -> Response {
    if headers.get(ADMIN_HEADER).is_none_or(|value| value.as_bytes() != b"rotate") {
        let sentence = format!("a rotation wants the header {ADMIN_HEADER}: rotate\n");
        return (StatusCode::FORBIDDEN, sentence).into_response();
    }
    match action.load_balancer.rotate() {
        Ok(kid) => {
            tracing::info!(target: "alb_emulator", "a new key signs from now on: {kid}");
            format!("{kid}\n").into_response()
        }
        Err(sentence) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{sentence}\n")).into_response(),
    }
}
