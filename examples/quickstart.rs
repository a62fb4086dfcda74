//! The tour: an axum application behind the layer, and a mock load balancer in front of it. One process, no AWS.
//!
//! ```text
//! cargo run --example quickstart --all-features            # prints curl lines to try
//! cargo run --example quickstart --all-features -- --check # makes those calls itself
//!
//! curl --> front door (PORT, or a free port) --> application --> public keys of the load balancer
//!          signs each user's requests            verifies them    over a connection of their own
//! ```
//!
//! The front door and the public keys stand in for AWS. The application is what you would write.

mod support;

use axum::{Json, Router, routing::get};
use serde_json::{Value, json};
use support::{Call, front_door};
use tower_alb_auth::{
    AlbAuthConfig, AlbAuthLayer, BackstageIdentity, TrustedAlb, sign_in::EmailLocalPart, test_util::MockAlb,
};

/// Who is it? The argument is the answer: the handler does not run for anybody who is not signed in.
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
    // The load balancer's health check comes straight to the target, without a user.
    let layer = AlbAuthLayer::new(config).exempt_path("/healthz");
    Ok(Router::new().route("/me", get(me)).route("/healthz", get(|| async { "well\n" })).layer(layer))
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
    println!("The application is at   http://{target}, where yours must be reachable from the load balancer alone.\n");
    support::try_out(&calls(&door, &format!("http://{target}"))).await
}

fn calls(door: &str, target: &str) -> Vec<Call> {
    let me = format!("{door}/me");
    let past_the_door = format!("{target}/me");
    let needs_sign_in = "This needs a sign-in through the load balancer.";
    // Claims to be an administrator, and that no signature is needed: {"alg":"none","typ":"JWT"} and {"sub":"admin"}.
    let forged = "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.eyJzdWIiOiJhZG1pbiJ9.";
    vec![
        Call::new("Jane, whom the load balancer signed in", &me)
            .by("jane")
            .answers(200, r#""user":"user:default/jane.doe""#),
        Call::new("Jane, who says that she is somebody else; the load balancer replaces that", &me)
            .by("jane")
            .header("x-amzn-oidc-identity", "admin")
            .header("x-amzn-oidc-data", forged)
            .answers(200, r#""user":"user:default/jane.doe""#),
        Call::new("a guest of a partner: signed in, but not of example.com", &me)
            .by("guest-of-partner")
            .answers(403, "You are signed in, but this application does not let you in."),
        Call::new("nobody, on a rule that does not authenticate", &me).by("nobody").answers(401, needs_sign_in),
        Call::new("Jane's token of ten minutes ago; a load balancer's lives for two", &me)
            .by("late-jane")
            .answers(401, needs_sign_in),
        Call::new("a stranger, past the load balancer", &past_the_door).answers(401, needs_sign_in),
        Call::new("a stranger, past the load balancer, with headers of his own", &past_the_door)
            .header("x-amzn-oidc-identity", "admin")
            .header("x-amzn-oidc-data", forged)
            .answers(401, needs_sign_in),
        Call::new("the health check, on the one path that is exempt", format!("{target}/healthz")).answers(200, "well"),
    ]
}
