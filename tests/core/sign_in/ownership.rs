//! Groups from claims: only those that the operator mapped.

use std::convert::Infallible;

use http::{Request, Response};
use serde_json::{Value, json};
use tower::{Layer, ServiceExt, service_fn};
use tower_alb_auth::{
    AlbAuthLayer, AuthErrorKind, BackstageIdentity,
    sign_in::{
        ClaimsOnly, EmailLocalPart, GroupOwnership, SignIn, SignInError, SignInResolver, from_async_fn, from_fn,
    },
    test_util::{MockAlb, User},
};

use crate::sign_in::{assert_403, named, sign_in};

/// What a user of this policy counts as, after the own ref.
pub(super) async fn groups(policy: impl SignInResolver, user: &User) -> Vec<String> {
    let alb = MockAlb::new();
    let config = alb.config_builder().sign_in(policy).build().unwrap();
    let handler = |request: Request<String>| async move {
        let user = request.extensions().get::<BackstageIdentity>().expect("an identity");
        let refs: Vec<String> = user.ownership_entity_refs().iter().map(ToString::to_string).collect();
        assert_eq!(refs[0], user.user_entity_ref().to_string(), "the own ref comes first");
        Ok::<_, Infallible>(Response::new(refs[1..].join(" ")))
    };
    let app = AlbAuthLayer::new(config).layer(service_fn(handler));
    let answer = app.oneshot(alb.request("/").user(user).into()).await.unwrap();
    assert_eq!(answer.status(), 200);
    answer.into_body().split_whitespace().map(str::to_owned).collect()
}

fn email() -> impl SignInResolver {
    EmailLocalPart::in_domains(["example.com"])
}

fn mapped(policy: impl SignInResolver) -> GroupOwnership {
    without_claim(policy).claim("groups").claim("roles")
}

fn without_claim(policy: impl SignInResolver) -> GroupOwnership {
    GroupOwnership::of(policy).map("platform-id", "group:default/platform").map("auditor", "group:staff/auditors")
}

#[tokio::test]
async fn claims_are_read_as_a_list_or_as_one_text() {
    for (case, user, expected) in [
        ("none", User::jane(), &[][..]),
        ("groups", User::jane().claim("groups", ["platform-id"]), &["group:default/platform"]),
        ("roles", User::jane().claim("roles", ["auditor"]), &["group:staff/auditors"]),
        (
            "both, in the order of the mapping",
            User::jane().claim("roles", ["auditor"]).claim("groups", ["platform-id"]),
            &["group:default/platform", "group:staff/auditors"],
        ),
        ("one text", User::jane().claim("groups", "platform-id"), &["group:default/platform"]),
        (
            "twice",
            User::jane().claim("groups", ["auditor", "auditor"]).claim("roles", "auditor"),
            &["group:staff/auditors"],
        ),
    ] {
        assert_eq!(groups(mapped(email()), &user).await, expected, "{case}");
    }
}

#[tokio::test]
async fn what_is_not_mapped_gives_nothing() {
    let values: [(&str, Value); 11] = [
        ("a group of that name", json!(["group:default/platform", "platform"])),
        ("another case", json!(["Platform-Id", "AUDITOR"])),
        ("with spaces", json!([" auditor", "auditor ", "auditor\n"])),
        ("a part of it", json!(["audit", "auditors", ""])),
        ("a list as one text", json!("auditor,platform-id")),
        ("a list as one text with a space", json!("auditor platform-id")),
        ("a list as JSON in a text", json!("[\"auditor\"]")),
        ("a list in a list", json!([["auditor"]])),
        ("an object in a list", json!([{ "auditor": true }])),
        ("a list of null", json!([null])),
        ("a look-alike", json!(["\u{430}uditor"])),
    ];
    for (case, value) in values {
        let user = User::jane().claim("groups", value.clone()).claim("roles", value);
        assert_eq!(groups(mapped(email()), &user).await, Vec::<String>::new(), "{case}");
    }
    let unmapped = GroupOwnership::of(email()).claim("groups");
    assert_eq!(groups(unmapped, &User::jane().claim("groups", ["group:default/admins"])).await, Vec::<String>::new());
}

#[tokio::test]
async fn no_other_claims_are_read_than_those_that_are_named() {
    let policy = || without_claim(email()).claim("cognito:groups").claim("custom:team");
    let user = User::jane().claim("groups", ["auditor"]).claim("roles", ["auditor"]);
    assert_eq!(groups(policy(), &user).await, Vec::<String>::new());
    let user = user.claim("custom:team", "platform-id");
    assert_eq!(groups(policy(), &user).await, ["group:default/platform"]);
}

#[tokio::test]
async fn groups_are_added_to_what_an_inner_policy_gave() {
    let owning = |name: &str| named(name).map(|user| user.owning(["group:default/all".parse().unwrap()]));
    let user = User::jane().claim("groups", ["auditor"]);
    let expected = ["group:default/all", "group:staff/auditors"];
    assert_eq!(groups(mapped(from_fn(move |_| owning("jane"))), &user).await, expected);
    assert_eq!(groups(mapped(from_async_fn(move |_| async move { owning("jane") })), &user).await, expected);
}

#[tokio::test]
async fn a_policy_that_waits_gives_each_user_the_own_groups() {
    // Its answer depends on the subject alone; the groups do not.
    let waiting = from_async_fn(|claims| async move { named(claims.subject()) }).using_claims(["sub"]);
    let alb = MockAlb::new();
    let config = alb.config_builder().sign_in(mapped(waiting)).build().unwrap();
    let handler = |request: Request<String>| async move {
        let refs = request.extensions().get::<BackstageIdentity>().unwrap().ownership_entity_refs().len();
        Ok::<_, Infallible>(Response::new(refs.to_string()))
    };
    let app = AlbAuthLayer::new(config).layer(service_fn(handler));
    for (claim, count) in [(json!(["auditor"]), "2"), (json!([]), "1"), (json!(["auditor", "platform-id"]), "3")] {
        let user = User::okta("jane").claim("groups", claim.clone());
        let answer = app.clone().oneshot(alb.request("/").user(&user).into()).await.unwrap();
        assert_eq!(answer.into_body(), count, "{claim}");
    }
}

#[tokio::test]
async fn groups_alone_admit_no_user() {
    let user = User::jane().claim("groups", ["auditor"]);
    let refuse = || Err::<SignIn, _>(SignInError::refused("no"));
    assert_403(&sign_in(mapped(from_fn(move |_| refuse())), &user).await, AuthErrorKind::SignInRefused, "at once");
    let waiting = from_async_fn(move |_| async move { refuse() });
    assert_403(&sign_in(mapped(waiting), &user).await, AuthErrorKind::SignInRefused, "later");
    sign_in(mapped(ClaimsOnly), &User::okta("jane").claim("groups", ["auditor"])).await.assert_ok("claims 00ujane");
}

/// Some providers' mappers write `null` for a group that is gone.
#[tokio::test]
async fn elements_that_are_no_texts_are_passed_over_and_logged_once_a_minute() {
    let (traced, _guard) = crate::support::traced::Traced::begin();
    let policy = mapped(email());
    for _ in 0..3 {
        let user = User::jane().claim("groups", json!(["auditor", null, 7]));
        assert_eq!(groups(policy.clone(), &user).await, ["group:staff/auditors"]);
    }
    let mut lines = traced.lines(tracing::Level::WARN);
    lines.retain(|line| line.starts_with("the claim groups"));
    assert_eq!(lines, ["the claim groups is a list with elements that are not texts (2); they are ignored"]);
}

#[test]
fn a_policy_that_names_no_claim_does_not_build() {
    let error = MockAlb::new().config_builder().sign_in(without_claim(email())).build().unwrap_err().to_string();
    assert!(error.contains("GroupOwnership reads no claim") && error.contains(".claim(\"groups\")"), "{error}");
}

#[test]
fn a_mapping_to_something_that_is_not_an_entity_does_not_build() {
    for entity in
        ["", "platform", "default/platform", "group:platform", "group:default/", "group:default/a b", "group:a/b/c"]
    {
        let policy = GroupOwnership::of(email()).claim("groups").map("good", "group:default/good").map("value", entity);
        let error = MockAlb::new().config_builder().sign_in(policy).build().unwrap_err().to_string();
        assert!(error.contains("is not a full entity ref: write it as group:default/platform"), "{entity:?}: {error}");
    }
}
