//! Who has what is demanded.

use std::convert::Infallible;

use http::{Request, Response};
use serde_json::json;
use tower::{Layer as _, ServiceExt as _, service_fn};
use tower_alb_auth::{
    AlbAuthLayer, AuthError, AuthErrorKind, RequireLayer,
    sign_in::{ClaimsOnly, EmailLocalPart, FirstMatch, GroupOwnership},
    test_util::{MockAlb, MockRequest, User},
};

/// What came of a request: the status, and why it was refused.
async fn outcome(layer: AlbAuthLayer, require: RequireLayer, request: MockRequest<'_>) -> (u16, Option<AuthErrorKind>) {
    let inner = service_fn(async |_: Request<String>| Ok::<_, Infallible>(Response::new("in".to_owned())));
    let answer = layer.layer(require.layer(inner)).oneshot(request.into()).await.expect("infallible");
    assert_eq!(answer.status() == 200, answer.body() == "in");
    if answer.status() != 200 {
        assert_eq!(answer.headers()["cache-control"], "no-store");
    }
    (answer.status().as_u16(), answer.extensions().get::<AuthError>().map(AuthError::kind))
}

/// Signs in by email, with two groups by the claim `groups`.
fn with_groups(alb: &MockAlb) -> AlbAuthLayer {
    let policy = GroupOwnership::of(EmailLocalPart::in_domains(["example.com"]))
        .claim("groups")
        .map("admins", "group:default/admins")
        .map("auditors", "group:default/auditors");
    AlbAuthLayer::new(alb.config_builder().sign_in(policy).build().expect("a sound configuration"))
}

fn of_groups(groups: &[&str]) -> User {
    User::jane().claim("groups", json!(groups))
}

const IN: (u16, Option<AuthErrorKind>) = (200, None);
const NOBODY: (u16, Option<AuthErrorKind>) = (401, Some(AuthErrorKind::Missing));
const NOT_OWNING: (u16, Option<AuthErrorKind>) = (403, Some(AuthErrorKind::OwnershipMissing));
const NO_CLAIM: (u16, Option<AuthErrorKind>) = (403, Some(AuthErrorKind::ClaimMissing));
const MISUSED: (u16, Option<AuthErrorKind>) = (500, Some(AuthErrorKind::Misused));

#[tokio::test]
async fn a_user_is_required_where_the_layer_passes_anonymous_clients_too() {
    let alb = MockAlb::new();
    let optional = || alb.layer().optional().exempt_path("/healthz");
    let claims_only = || {
        let config = alb.config_builder().sign_in(ClaimsOnly).build().expect("a sound configuration");
        AlbAuthLayer::new(config)
    };
    let jane = || alb.request("/").user(&User::jane());
    assert_eq!(outcome(optional(), RequireLayer::signed_in(), jane()).await, IN);
    assert_eq!(outcome(claims_only(), RequireLayer::signed_in(), jane()).await, IN);
    assert_eq!(outcome(optional(), RequireLayer::signed_in(), alb.request("/")).await, NOBODY);
    // On an exempt path the token is not read.
    let exempt = alb.request("/healthz").user(&User::jane());
    assert_eq!(outcome(optional(), RequireLayer::signed_in(), exempt).await, NOBODY);
    // S-06: a bad token is refused by the layer itself, and never becomes an absent one.
    let bad = outcome(optional(), RequireLayer::signed_in(), alb.request("/").token("bad")).await;
    assert_eq!(bad, (401, Some(AuthErrorKind::Malformed)));
}

#[tokio::test]
async fn ownership_is_of_one_or_of_all() {
    let alb = MockAlb::new();
    let any = || RequireLayer::owner_of_any(["group:default/admins", "Group:default/Auditors"]).expect("entity refs");
    let all = || RequireLayer::owner_of_all(["group:default/admins", "group:default/auditors"]).expect("entity refs");
    let herself = || RequireLayer::owner_of_any(["user:default/jane.doe"]).expect("an entity ref");
    for (groups, of_any, of_all) in [
        (vec!["admins", "auditors"], IN, IN),
        (vec!["auditors"], IN, NOT_OWNING),
        (vec![], NOT_OWNING, NOT_OWNING),
        // Groups of the provider that the mapping does not name, whatever they are called.
        (vec!["group:default/admins", "Admins", "admins "], NOT_OWNING, NOT_OWNING),
    ] {
        let jane = || alb.request("/").user(&of_groups(&groups));
        assert_eq!(outcome(with_groups(&alb), any(), jane()).await, of_any, "{groups:?}");
        assert_eq!(outcome(with_groups(&alb), all(), jane()).await, of_all, "{groups:?}");
        assert_eq!(outcome(with_groups(&alb), herself(), jane()).await, IN, "{groups:?}");
    }
    assert_eq!(outcome(with_groups(&alb).optional(), any(), alb.request("/")).await, NOBODY);
}

#[tokio::test]
async fn a_user_whom_the_policy_does_not_name_owns_nothing() {
    let alb = MockAlb::new();
    let policy = FirstMatch::of(EmailLocalPart::in_domains(["example.com"])).or(ClaimsOnly);
    let config = alb.config_builder().sign_in(policy).build().expect("a sound configuration");
    let admins = RequireLayer::owner_of_any(["group:default/admins"]).expect("an entity ref");
    let without_email = alb.request("/").user(&User::okta("jane"));
    assert_eq!(outcome(AlbAuthLayer::new(config), admins.clone(), without_email).await, NOT_OWNING);

    // Where no user can own anything, it is a mistake, and is reported.
    let config = alb.config_builder().sign_in(ClaimsOnly).build().expect("a sound configuration");
    let jane = alb.request("/").user(&User::jane());
    assert_eq!(outcome(AlbAuthLayer::new(config), admins, jane).await, MISUSED);
}

#[tokio::test]
async fn claims_are_there_or_equal_or_hold_a_text() {
    let alb = MockAlb::new();
    let layer = || with_groups(&alb);
    let present = || RequireLayer::claim_present("custom:team");
    let equals = || RequireLayer::claim_equals("custom:team", "platform");
    let contains = || RequireLayer::claim_contains("custom:team", "platform");
    for (claim, is_there, is_equal, is_in) in [
        (Some(json!("platform")), IN, IN, IN),
        (Some(json!("Platform")), IN, NO_CLAIM, NO_CLAIM),
        (Some(json!("platform ")), IN, NO_CLAIM, NO_CLAIM),
        (Some(json!("")), IN, NO_CLAIM, NO_CLAIM),
        (Some(json!(["audit", "platform"])), IN, NO_CLAIM, IN),
        (Some(json!(["audit"])), IN, NO_CLAIM, NO_CLAIM),
        // A list that is not one of texts is none of texts.
        (Some(json!(["platform", 1])), IN, NO_CLAIM, NO_CLAIM),
        (Some(json!({ "platform": true })), IN, NO_CLAIM, NO_CLAIM),
        (Some(json!(true)), IN, NO_CLAIM, NO_CLAIM),
        (Some(json!(null)), NO_CLAIM, NO_CLAIM, NO_CLAIM),
        (None, NO_CLAIM, NO_CLAIM, NO_CLAIM),
    ] {
        let user = claim.clone().map_or(User::jane(), |claim| User::jane().claim("custom:team", claim));
        let jane = || alb.request("/").user(&user);
        assert_eq!(outcome(layer(), present(), jane()).await, is_there, "{claim:?}");
        assert_eq!(outcome(layer(), equals(), jane()).await, is_equal, "{claim:?}");
        assert_eq!(outcome(layer(), contains(), jane()).await, is_in, "{claim:?}");
    }
    let three = |level: u8| {
        let require = RequireLayer::claims_match("level is 3 or more", |claims| {
            claims.get::<u8>("level").is_ok_and(|level| level >= Some(3))
        });
        outcome(layer(), require, alb.request("/").user(&User::jane().claim("level", level)))
    };
    assert_eq!((three(3).await, three(2).await), (IN, NO_CLAIM));
    assert_eq!(outcome(layer().optional(), present(), alb.request("/")).await, NOBODY);
}
