//! A user with the claims of each provider signs in at the demo provider, and then by the policy that docs/PROVIDERS.md names.

use std::{net::Ipv4Addr, sync::Arc};

use axum::{Json, Router, routing::get};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tower_alb_auth::{
    AlbAuthConfig, AlbAuthLayer, BackstageIdentity,
    emulator::{Emulator, EmulatorConfig, IdentityProvider, ReservedClaims, provider::DemoUser},
    sign_in::{
        EmailLocalPart, EmailSignIn, GroupClaim, GroupFormat, GroupOwnership, SignInResolver, Subject, WholeEmail,
    },
};

fn email() -> EmailSignIn {
    EmailLocalPart::in_domains(["example.com"])
}

fn admins(policy: impl SignInResolver, claim: impl Into<GroupClaim>, group: &str) -> Arc<dyn SignInResolver> {
    Arc::new(GroupOwnership::of(policy).claim(claim).map(group, "group:default/admins"))
}

/// The policy of the page, the user, and whether the user owns for the group of administrators.
fn expected(id: &str) -> (Arc<dyn SignInResolver>, &'static str, bool) {
    let verified = || email().require_verified_email();
    match id {
        "cognito" => {
            let groups = GroupClaim::named("custom:groups").in_format(GroupFormat::Brackets);
            (admins(email(), groups, "admins"), "user:default/cleo.nilsen", true)
        }
        "cognito-federated" => (Arc::new(email().dangerously_accept_unverified_email()), "user:default/fay.ode", false),
        "okta" => (admins(email(), "groups", "admins"), "user:default/oki.tan", true),
        "keycloak" => {
            let roles = GroupClaim::at_path(["realm_access", "roles"]);
            (admins(verified(), roles, "admins"), "user:default/kay.clarke", true)
        }
        "dex" => (admins(email(), "groups", "admins"), "user:default/dee.exeter", true),
        "google" => (Arc::new(email()), "user:default/gus.ogle", false),
        "auth0" => (admins(verified(), "https://example.com/groups", "admins"), "user:default/aut.zero", true),
        "gitlab" => (admins(verified(), "groups", "acme/admins"), "user:default/gil.lab", true),
        "adfs" => (Arc::new(Subject::new()), "user:default/8a6f1c2e4b7d", false),
        "b2c" => (Arc::new(email().email_claim("emails[0]")), "user:default/bea.cee", false),
        "entra" => (Arc::new(WholeEmail::in_domains(["example.com"])), "user:default/sean.o_brien_example.com", false),
        other => panic!("{other} has no row"),
    }
}

/// What the application behind the emulator says to the user with this id: status, and user and claims.
async fn signed_in(id: &str, policy: Arc<dyn SignInResolver>, reserved: ReservedClaims) -> (u16, Value) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
    let provider = IdentityProvider::demo(([127, 0, 0, 1], 0).into()).provider_users().sign_in_as(id);
    let config = EmulatorConfig::on_free_ports()
        .target(format!("http://{}", listener.local_addr().expect("an address")))
        .provider(provider)
        .reserved_claims(reserved);
    let emulator = Emulator::start(config).await.expect("a sound configuration");
    let config = AlbAuthConfig::builder().trust(emulator.trusted()).accept_missing_email_verified().sign_in(policy);
    let say = get(|user: BackstageIdentity| async move {
        let owns: Vec<String> = user.ownership_entity_refs().iter().map(ToString::to_string).collect();
        let claims: Value = serde_json::from_str(user.claims().as_json()).expect("JSON");
        Json(json!({ "user": user.user_entity_ref().to_string(), "owns": owns, "claims": claims }))
    });
    let app = Router::new().route("/", say).layer(AlbAuthLayer::new(config.build().expect("a sound configuration")));
    tokio::spawn(async move { axum::serve(listener, app).await });
    let browser = reqwest::Client::builder()
        .cookie_store(true)
        .resolve("app.localhost", emulator.address())
        .resolve("idp.localhost", (Ipv4Addr::LOCALHOST, 0).into())
        .no_proxy()
        .build()
        .expect("a browser");
    let answer = browser.get(emulator.url()).send().await.expect("an answer");
    let (status, text) = (answer.status().as_u16(), answer.text().await.expect("a text"));
    (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
}

#[tokio::test]
async fn a_user_of_each_provider_signs_in_by_the_policy_that_the_page_names() {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/PROVIDERS.md")).expect("the page");
    for user in DemoUser::of_providers() {
        let id = user.id();
        let (policy, name, has_group) = expected(id);
        let (status, seen) = signed_in(id, policy, ReservedClaims::Replace).await;
        assert_eq!(status, 200, "{id}: {seen}");
        let group = if has_group { vec![name, "group:default/admins"] } else { vec![name] };
        assert_eq!((&seen["user"], &seen["owns"]), (&json!(name), &json!(group)), "{id}");
        for (claim, value) in user.claims() {
            assert_eq!(seen["claims"][claim], *value, "{id}: {claim}");
        }
        assert!(page.contains(&format!("`--as {id}`")), "{id} is not on the page");
    }
    let sections = page.lines().filter(|line| line.starts_with("## ")).count();
    assert_eq!(page.matches("| demo user |").count(), sections, "each section names a user");
}

/// The whole ID token as userinfo: the load balancer's `iss` and `exp` are used, or those of Dex.
#[tokio::test]
async fn dex_works_in_both_ways_in_which_a_load_balancer_could_treat_its_claims() {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970").as_secs();
    for (reserved, own) in [(ReservedClaims::Replace, false), (ReservedClaims::Keep, true)] {
        let (policy, name, _) = expected("dex");
        let (status, seen) = signed_in("dex", policy, reserved).await;
        assert_eq!((status, &seen["user"]), (200, &json!(name)), "{reserved:?}: {seen}");
        let claims = &seen["claims"];
        assert_eq!(claims["aud"], "alb-emulator");
        assert!(claims["iss"].as_str().is_some_and(|issuer| issuer.starts_with("http://idp.localhost:")), "{claims}");
        // An hour, or the 120 s of a load balancer.
        let ahead = claims["exp"].as_u64().expect("a number").saturating_sub(now);
        assert_eq!(ahead > 1800, own, "{reserved:?}: {ahead}");
    }
}
