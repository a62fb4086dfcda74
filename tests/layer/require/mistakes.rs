//! What an application can get wrong with them.

use std::convert::Infallible;

use http::{Request, Response};
use tower::{Layer as _, ServiceExt as _, service_fn};
use tower_alb_auth::{
    BackstageIdentity, RequireLayer,
    test_util::{MockAlb, User},
};
use tracing::Level;

use crate::support::traced::Traced;

async fn without_a_layer(require: RequireLayer, request: Request<String>) -> Response<String> {
    let inner = service_fn(async |_: Request<String>| Ok::<_, Infallible>(Response::new("in".to_owned())));
    require.layer(inner).oneshot(request).await.expect("infallible")
}

#[tokio::test]
async fn without_the_layer_every_client_is_rejected_and_the_log_has_the_reason() {
    let (traced, _guard) = Traced::begin();
    let alb = MockAlb::new();
    let requirements = [
        RequireLayer::signed_in(),
        RequireLayer::owner_of_any(["user:default/jane.doe"]).expect("an entity ref"),
        RequireLayer::claims_match("anything", |_| true),
    ];
    for require in requirements {
        let answer = without_a_layer(require, alb.request("/").user(&User::jane()).into()).await;
        assert_eq!(answer.status(), 500);
        assert_eq!(answer.body(), "This part of the application is set up wrongly.\n");
    }
    let errors = traced.lines(Level::ERROR);
    assert_eq!(errors.len(), 3, "{errors:?}");
    assert!(errors.iter().all(|error| error.contains("is the layer installed, and added after it?")), "{errors:?}");
}

#[tokio::test]
async fn a_layer_that_is_missing_does_not_fill_the_log() {
    let (traced, _guard) = Traced::begin();
    let require = RequireLayer::signed_in();
    for _ in 0..50 {
        assert_eq!(without_a_layer(require.clone(), Request::new(String::new())).await.status(), 500);
    }
    assert_eq!(traced.lines(Level::ERROR).len(), 10);
}

#[test]
fn entity_refs_that_are_none_are_found_at_construction() {
    let none: [&str; 0] = [];
    let said = |result: Result<RequireLayer, tower_alb_auth::ConfigError>| result.expect_err("a mistake").to_string();
    insta::assert_snapshot!(said(RequireLayer::owner_of_any(["admins", "group:default/admins", "group:admins"])), @r#"
    the configuration cannot be used
    - RequireLayer::owner_of_any: "admins" is not a full entity ref (an entity ref is written kind:namespace/name, such as user:default/jane.doe): write it as group:default/platform
    - RequireLayer::owner_of_any: "group:admins" is not a full entity ref (an entity ref is written kind:namespace/name, such as user:default/jane.doe): write it as group:default/platform
    "#);
    for (nothing, constructor) in
        [(RequireLayer::owner_of_any(none), "owner_of_any"), (RequireLayer::owner_of_all(none), "owner_of_all")]
    {
        let said = said(nothing).replace(constructor, "<CONSTRUCTOR>");
        insta::allow_duplicates!(insta::assert_snapshot!(said, @r"
        the configuration cannot be used
        - RequireLayer::<CONSTRUCTOR>: the list is empty: name an entity such as group:default/platform, or use RequireLayer::signed_in
        "));
    }
}

#[tokio::test]
async fn s_61_refusals_name_the_requirement_and_not_the_user() {
    let (traced, _guard) = Traced::begin();
    let alb = MockAlb::new();
    let secret = User::jane().claim("team", "canary-value").claim("email", "canary@example.com");
    let requirements = [
        RequireLayer::claim_equals("team", "platform"),
        RequireLayer::claim_present("no-such-claim"),
        RequireLayer::owner_of_all(["group:default/admins"]).expect("an entity ref"),
    ];
    for require in requirements {
        let inner = service_fn(async |_: Request<String>| Ok::<_, Infallible>(Response::new(String::new())));
        let answer =
            alb.layer().layer(require.layer(inner)).oneshot(alb.request("/").user(&secret).into()).await.unwrap();
        assert_eq!(answer.status(), 403);
    }
    let lines = traced.lines(Level::DEBUG);
    let text = lines.join("\n");
    for said in
        ["the claim team as \"platform\"", "the claim no-such-claim", "group:default/admins", "nothing but itself"]
    {
        assert!(text.contains(said), "{said} is not in {text}");
    }
    assert!(!traced.all().contains("canary"), "{}", traced.all());
    let mut warned = traced.lines(Level::WARN);
    // Of the mock load balancer, at the start.
    warned.retain(|line| !line.contains("the account 000000000000"));
    assert_eq!(warned, Vec::<String>::new(), "ordinary users do not make warnings");
}

/// An identity that some other code put there counts as one: only this crate can make them.
#[tokio::test]
async fn a_handler_test_needs_no_layer_around() {
    let jane = BackstageIdentity::builder("user:default/jane").owning("group:default/admins").build().unwrap();
    let mut request = Request::new(String::new());
    request.extensions_mut().insert(jane);
    let admins = RequireLayer::owner_of_any(["group:default/admins"]).expect("an entity ref");
    assert_eq!(without_a_layer(admins, request).await.status(), 200);
}
