//! The layer around an application of axum 0.7, the release before the one that the feature `axum` is for.
//!
//! ```text
//! cargo run --example axum07 --all-features            # prints curl commands to try
//! cargo run --example axum07 --all-features -- --check # makes the same requests
//! ```
//!
//! Handlers take the user from the extensions, and a closure writes the message of a rejection: the feature `axum` supports the
//! body of axum 0.8 only, and other bodies stay empty.

mod support;

use axum07::{
    Extension, Router,
    body::Body,
    http::{HeaderValue, Response, header},
    routing::get,
};
use support::{Call, front_door};
use tower_alb_auth::{
    AlbAuthLayer, AuthError, BackstageIdentity,
    layer::{Refuse, RefusedRequest, StandardRefusal},
    test_util::MockAlb,
};

/// Without the layer this is 500, because `Extension` finds no user.
async fn me(Extension(user): Extension<BackstageIdentity>) -> String {
    format!("{} ({:?})\n", user.user_entity_ref(), user.profile().email())
}

/// The standard rejection, with its message in a body of axum 0.7.
fn refuse(error: &AuthError, request: &RefusedRequest<'_>) -> Response<Body> {
    let usual: Response<String> = StandardRefusal::default().refuse(error, request);
    let mut response = usual.map(Body::from);
    response.headers_mut().entry(header::CONTENT_TYPE).or_insert(HeaderValue::from_static("text/plain"));
    response
}

#[tokio::main]
async fn main() -> support::Outcome {
    support::log();
    let alb = MockAlb::new();
    let layer = AlbAuthLayer::new(alb.config()).exempt_path("/healthz").refuse_with(refuse);
    let app = Router::new().route("/me", get(me)).route("/healthz", get(|| async { "ok\n" })).layer(layer);
    let listener = support::listen_anywhere().await?;
    let target = listener.local_addr()?;
    tokio::spawn(async move { axum07::serve(listener, app).await });

    let door = front_door::open(support::listen().await?, &alb, target)?;
    println!("The load balancer is at {door}\n");
    let me = format!("{door}/me");
    support::try_out(&[
        Call::new("Jane", &me).by("jane").answers(200, "user:default/jane.doe"),
        Call::new("no user", &me).by("signed-out").answers(401, "This needs a sign-in through the load balancer."),
        Call::new("a guest", &me).by("guest-of-partner").answers(403, "does not let you in"),
        Call::new("the health check", format!("http://{target}/healthz")).answers(200, "ok"),
    ])
    .await
}
