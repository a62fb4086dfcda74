//! An axum application behind the layer, with a mock load balancer in front of it. One process, no AWS.
//!
//! ```text
//! cargo run --example quickstart --all-features            # prints curl commands to try
//! cargo run --example quickstart --all-features -- --check # makes the same requests
//!
//! curl --> front door (PORT, or a free port) --> application --> public keys of the load balancer
//!          signs each user's requests            verifies them    over a separate connection
//! ```
//!
//! The front door and the public keys replace AWS. The application is the same as in production.

mod support;

use axum::{Json, Router, routing::get};
use serde_json::{Value, json};
use support::{Call, front_door};
use tower_alb_auth::{
    AlbAuthConfig, AlbAuthLayer, BackstageIdentity, TrustedAlb, sign_in::EmailLocalPart, test_util::MockAlb,
};

/// Returns the user. The handler does not run without a signed-in user, because the argument requires one.
async fn me(user: BackstageIdentity) -> Json<Value> {
    let (profile, claims) = (user.profile(), user.claims());
    Json(json!({
        "user": user.user_entity_ref(),
        "ownership": user.ownership_entity_refs(),
        "profile": { "displayName": profile.display_name(), "email": profile.email(), "picture": profile.picture() },
        "claims": { "issuer": claims.issuer(), "subject": claims.subject() },
    }))
}

fn application(trusted: TrustedAlb) -> Result<Router, tower_alb_auth::ConfigError> {
    let config = AlbAuthConfig::builder()
        // Yours is TrustedAlb::new("<ARN of the load balancer>", "<issuer>").client_id("<client id>").
        .trust(trusted)
        // jane.doe@example.com becomes user:default/jane.doe; addresses of other domains are refused.
        .sign_in(EmailLocalPart::in_domains(["example.com"]))
        .build()?;
    // The load balancer's health check is sent to the target directly, without a user.
    let layer = AlbAuthLayer::new(config).exempt_path("/healthz");
    Ok(Router::new().route("/me", get(me)).route("/healthz", get(|| async { "ok\n" })).layer(layer))
}

#[tokio::main]
async fn main() -> support::Outcome {
    support::log();
    let alb = MockAlb::new().serve().await;

    let listener = support::listen_anywhere().await?;
    let target = listener.local_addr()?;
    let application = application(alb.trusted())?;
    tokio::spawn(async move { axum::serve(listener, application).await });

    let door = front_door::open(support::listen().await?, &alb, target)?;
    println!("The load balancer is at {door}");
    println!("The application is at   http://{target}, in production reachable through the load balancer only.\n");
    support::try_out(&calls(&door, &format!("http://{target}"))).await
}

fn calls(door: &str, target: &str) -> Vec<Call> {
    let me = format!("{door}/me");
    let past_the_door = format!("{target}/me");
    let needs_sign_in = "This needs a sign-in through the load balancer.";
    // A token without a signature: {"alg":"none","typ":"JWT"} and {"sub":"admin"}.
    let forged = "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.eyJzdWIiOiJhZG1pbiJ9.";
    vec![
        Call::new("Jane, signed in by the load balancer", &me)
            .by("jane")
            .answers(200, r#""user":"user:default/jane.doe""#),
        Call::new("Jane with forged headers, which the load balancer replaces", &me)
            .by("jane")
            .header("x-amzn-oidc-identity", "admin")
            .header("x-amzn-oidc-data", forged)
            .answers(200, r#""user":"user:default/jane.doe""#),
        Call::new("a signed-in guest, whose domain is not example.com", &me)
            .by("guest-of-partner")
            .answers(403, "You are signed in, but this application does not let you in."),
        Call::new("no user, on a listener rule without an authenticate action", &me)
            .by("signed-out")
            .answers(401, needs_sign_in),
        Call::new("a token of Jane that expired ten minutes ago", &me).by("late-jane").answers(401, needs_sign_in),
        Call::new("a client that bypasses the load balancer", &past_the_door).answers(401, needs_sign_in),
        Call::new("a client that bypasses the load balancer, with forged headers", &past_the_door)
            .header("x-amzn-oidc-identity", "admin")
            .header("x-amzn-oidc-data", forged)
            .answers(401, needs_sign_in),
        Call::new("the health check, on the exempt path", format!("{target}/healthz")).answers(200, "ok"),
    ]
}
