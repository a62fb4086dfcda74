//! An axum service as it runs in production, behind an Application Load Balancer with an `authenticate-oidc` rule.
//!
//! ```text
//! export ALB_AUTH_SIGNERS=arn:aws:elasticloadbalancing:...:loadbalancer/app/...   # a missing one is reported with where to find it
//! export ALB_AUTH_ISSUER=https://login.microsoftonline.com/<tenant>/v2.0
//! export ALB_AUTH_CLIENT_IDS=<client id>
//! export ALB_AUTH_EMAIL_DOMAINS=example.com
//! cargo run --example axum --all-features
//!
//! cargo run --example axum --all-features -- --check   # behind a mock load balancer, with its own requests
//! ```

mod support;

use axum::{Router, extract::State, http::StatusCode, routing::get};
use support::{Call, front_door};
use tower_alb_auth::{AlbAuthConfig, AlbAuthHandle, AlbAuthLayer, BackstageIdentity, test_util::MockAlb};
use tower_http::trace::TraceLayer;

/// For signed-in users only: the argument requires one.
async fn me(user: BackstageIdentity) -> String {
    format!("{} ({:?})\n", user.user_entity_ref(), user.profile().email())
}

/// With and without a user. An invalid token is rejected; it does not count as a request without one.
async fn public(user: Option<BackstageIdentity>) -> String {
    match user {
        Some(user) => format!("Hello, {}!\n", user.profile().display_name()),
        None => "Hello, stranger!\n".to_owned(),
    }
}

/// Not ready while no public key is available from its endpoint. The log has the reason.
async fn readyz(State(auth): State<AlbAuthHandle>) -> (StatusCode, &'static str) {
    let readiness = auth.readiness();
    for problem in readiness.problems() {
        tracing::warn!("{problem}");
    }
    if readiness.is_ready() { (StatusCode::OK, "ready\n") } else { (StatusCode::SERVICE_UNAVAILABLE, "not ready\n") }
}

fn application(layer: AlbAuthLayer) -> Router {
    Router::new()
        .route("/me", get(me))
        .route("/public", get(public))
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(readyz))
        .with_state(layer.handle())
        // After the routes, so that it covers all of them and the fallback. Health checks carry no user.
        .layer(layer.optional().exempt_path("/healthz").exempt_path("/readyz"))
        // Outside the layer, so that rejections are traced too. A CORS layer also belongs here.
        .layer(TraceLayer::new_for_http())
}

#[tokio::main]
async fn main() -> support::Outcome {
    support::log();
    if support::check_only()? {
        return check().await;
    }
    let config = AlbAuthConfig::from_env()
        .map_err(|mistakes| format!("{mistakes}\nTo run without AWS: --check, or the example quickstart."))?;
    let layer = AlbAuthLayer::new(config);
    let auth = layer.handle();
    // Logs a wrong region or a blocked connection at start-up instead of at the first request. Nothing waits for it.
    tokio::spawn({
        let auth = auth.clone();
        async move {
            match auth.warm_up().await {
                Ok(()) => tracing::info!("the public key endpoints respond"),
                Err(problems) => tracing::warn!("{problems}"),
            }
        }
    });
    // Refreshes public keys while there are no requests, until this variable is dropped.
    let _refresh = auth.refresh_in_background();

    let listener = support::listen().await?;
    println!("Serving at http://{}: /me, /public, /healthz, /readyz. Ctrl-C stops it.", listener.local_addr()?);
    let ctrl_c = async {
        let _ = tokio::signal::ctrl_c().await;
    };
    axum::serve(listener, application(layer)).with_graceful_shutdown(ctrl_c).await?;
    Ok(std::process::ExitCode::SUCCESS)
}

/// The same application behind a mock load balancer.
async fn check() -> support::Outcome {
    let alb = MockAlb::new().serve().await;
    let listener = support::listen_anywhere().await?;
    let target = listener.local_addr()?;
    let application = application(alb.layer());
    tokio::spawn(async move { axum::serve(listener, application).await });
    let door = front_door::open(support::listen_anywhere().await?, &alb, target)?;

    let (me, public) = (format!("{door}/me"), format!("{door}/public"));
    support::try_out(&[
        Call::new("Jane at /me", &me).by("jane").answers(200, "user:default/jane.doe"),
        Call::new("no user at /me", &me).by("signed-out").answers(401, "This needs a sign-in"),
        Call::new("Jane at /public", &public).by("jane").answers(200, "Hello, Jane Doe!"),
        Call::new("no user at /public", &public).by("signed-out").answers(200, "Hello, stranger!"),
        Call::new("an expired token at /public", &public).by("late-jane").answers(401, "This needs a sign-in"),
        Call::new("a guest at /public", &public).by("guest-of-partner").answers(403, "does not let you in"),
        Call::new("the health check", format!("http://{target}/healthz")).answers(200, "ok"),
        Call::new("the readiness check", format!("http://{target}/readyz")).answers(200, "ready"),
    ])
    .await
}
