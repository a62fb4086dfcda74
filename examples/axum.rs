//! An axum service as it runs in production, behind an Application Load Balancer with an `authenticate-oidc` rule.
//!
//! ```text
//! export ALB_AUTH_SIGNERS=arn:aws:elasticloadbalancing:...:loadbalancer/app/...   # all four are explained if unset
//! export ALB_AUTH_ISSUER=https://login.microsoftonline.com/<tenant>/v2.0
//! export ALB_AUTH_CLIENT_IDS=<client id>
//! export ALB_AUTH_EMAIL_DOMAINS=example.com
//! cargo run --example axum --all-features
//!
//! cargo run --example axum --all-features -- --check   # behind a mock load balancer instead, calls made by itself
//! ```

mod support;

use axum::{Router, extract::State, http::StatusCode, routing::get};
use support::{Call, front_door};
use tower_alb_auth::{AlbAuthConfig, AlbAuthHandle, AlbAuthLayer, BackstageIdentity, test_util::MockAlb};
use tower_http::trace::TraceLayer;

/// For users alone: the argument refuses everybody else.
async fn me(user: BackstageIdentity) -> String {
    format!("{} ({:?})\n", user.user_entity_ref(), user.profile().email())
}

/// For everybody. A bad token never comes here: it is refused, not taken for none.
async fn public(user: Option<BackstageIdentity>) -> String {
    match user {
        Some(user) => format!("Hello, {}!\n", user.profile().display_name()),
        None => "Hello, stranger!\n".to_owned(),
    }
}

/// Not ready as long as no public key can be had from where they are published. What is wrong is for the log.
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
        .route("/healthz", get(|| async { "well\n" }))
        .route("/readyz", get(readyz))
        .with_state(layer.handle())
        // After the routes, so that it covers all of them, and what is not found too. Health checks come without a user.
        .layer(layer.optional().exempt_path("/healthz").exempt_path("/readyz"))
        // Outside, so that refusals are traced like other answers. CORS would stand here too.
        .layer(TraceLayer::new_for_http())
}

#[tokio::main]
async fn main() -> support::Outcome {
    support::log();
    if support::check_only() {
        return check().await;
    }
    let config = AlbAuthConfig::from_env()
        .map_err(|mistakes| format!("{mistakes}\nWithout AWS: --check, or the example quickstart."))?;
    let layer = AlbAuthLayer::new(config);
    let auth = layer.handle();
    // A wrong region or a closed way out shows here, in the log, rather than at the first request. Nothing waits for it.
    tokio::spawn({
        let auth = auth.clone();
        async move {
            match auth.warm_up().await {
                Ok(()) => tracing::info!("the public keys are within reach"),
                Err(problems) => tracing::warn!("{problems}"),
            }
        }
    });
    // Keeps public keys fresh while no request comes. Ends with this variable.
    let _refresh = auth.refresh_in_background();

    let listener = support::listen().await?;
    println!("Serving at http://{}: /me, /public, /healthz, /readyz. Ctrl-C ends it.", listener.local_addr()?);
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
        Call::new("nobody at /me", &me).by("nobody").answers(401, "This needs a sign-in"),
        Call::new("Jane at /public", &public).by("jane").answers(200, "Hello, Jane Doe!"),
        Call::new("nobody at /public", &public).by("nobody").answers(200, "Hello, stranger!"),
        Call::new("a bad token at /public", &public).by("late-jane").answers(401, "This needs a sign-in"),
        Call::new("a guest at /public", &public).by("guest-of-partner").answers(403, "does not let you in"),
        Call::new("the health check", format!("http://{target}/healthz")).answers(200, "well"),
        Call::new("the readiness check", format!("http://{target}/readyz")).answers(200, "ready"),
    ])
    .await
}
