//! The layer around an application of axum 0.7, the release before the one that the feature `axum` is for.
//!
//! ```text
//! cargo run --example axum07 --all-features            # prints curl lines to try
//! cargo run --example axum07 --all-features -- --check # makes those calls itself
//! ```
//!
//! Handlers take the user from the extensions, and a refusal's sentence is written by a closure: the feature `axum` knows the
//! body of axum 0.8 alone, and a body that it does not know stays empty.

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

/// Without the layer around it this is 500: `Extension` says that nobody put a user there.
async fn me(Extension(user): Extension<BackstageIdentity>) -> String {
    format!("{} ({:?})\n", user.user_entity_ref(), user.profile().email())
}

/// The usual refusal, its sentence put into a body of axum 0.7.
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
    let app = Router::new().route("/me", get(me)).route("/healthz", get(|| async { "well\n" })).layer(layer);
    let listener = support::listen_anywhere().await?;
    let target = listener.local_addr()?;
    tokio::spawn(async move { axum07::serve(listener, app).await });

    let door = front_door::open(support::listen().await?, &alb, target)?;
    println!("The load balancer is at {door}\n");
    let me = format!("{door}/me");
    support::try_out(&[
        Call::new("Jane", &me).by("jane").answers(200, "user:default/jane.doe"),
        Call::new("nobody", &me).by("nobody").answers(401, "This needs a sign-in through the load balancer."),
        Call::new("a guest", &me).by("guest-of-partner").answers(403, "does not let you in"),
        Call::new("the health check", format!("http://{target}/healthz")).answers(200, "well"),
    ])
    .await
}
