//! What is remembered of policies that wait, for whom, and how long.

use std::time::Duration;

use serde_json::json;
use tower_alb_auth::{
    AlbAuthConfig, AlbAuthLayer, AuthErrorKind, CacheLimits,
    sign_in::{SignInError, SignInResolver},
    test_util::{MockAlb, User},
};

use crate::{
    sign_in::{
        directory::{Directory, Setup, config, user},
        named,
    },
    support::App,
};

#[tokio::test]
async fn an_answer_is_remembered_for_its_lifetime() {
    let setup = Setup::new(Directory::open(), CacheLimits::new());
    for seconds in [0, 60, 120, 119] {
        // A new token each time, as a load balancer signs one for every request.
        setup.advance(seconds);
        setup.call(&user("jane")).await.assert_ok("user:default/jane");
    }
    assert_eq!(setup.directory.calls(), 1, "after 299 s");
    setup.advance(1);
    setup.directory.set(Some(named("jane-who-moved")));
    setup.call(&user("jane")).await.assert_ok("user:default/jane-who-moved");
    assert_eq!(setup.directory.calls(), 2, "after 300 s");
}

#[tokio::test]
async fn a_rejected_user_is_remembered_for_10_s() {
    for (status, answer) in [
        (403, SignInError::not_found("nobody")),
        (403, SignInError::refused("no")),
        (409, SignInError::ambiguous("two")),
    ] {
        let setup = Setup::new(Directory::open(), CacheLimits::new());
        setup.directory.set(Some(Err(answer.clone())));
        for seconds in [0, 5, 4] {
            setup.advance(seconds);
            assert_eq!(setup.call(&user("jane")).await.status, status, "{answer:?}");
        }
        assert_eq!(setup.directory.calls(), 1, "{answer:?} after 9 s");
        setup.directory.set(None);
        setup.advance(1);
        setup.call(&user("jane")).await.assert_ok("user:default/jane");
        assert_eq!(setup.directory.calls(), 2, "{answer:?} after 10 s");
    }
}

#[tokio::test]
async fn how_long_things_are_remembered_can_be_set() {
    let limits = CacheLimits::new().sign_in_lifetime(Duration::from_secs(1)).not_found_for(Duration::ZERO);
    let setup = Setup::new(Directory::open(), limits);
    setup.call(&user("jane")).await.assert_ok("user:default/jane");
    setup.advance(1);
    setup.directory.set(Some(Err(SignInError::not_found("gone"))));
    for calls in 2..5 {
        assert_eq!(setup.call(&user("jane")).await.kind(), Some(AuthErrorKind::UserNotFound));
        assert_eq!(setup.directory.calls(), calls);
    }
    let nothing = Setup::new(Directory::open(), CacheLimits::new().max_sign_ins(0));
    for calls in 1..4 {
        nothing.call(&user("jane")).await.assert_ok("user:default/jane");
        assert_eq!(nothing.directory.calls(), calls, "nothing is remembered");
    }
}

/// How often a directory is asked for two users, one after the other.
async fn calls(policy: impl Fn(&Directory) -> Box<dyn SignInResolverBox>, one: &User, other: &User) -> usize {
    let directory = Directory::open();
    let clock = tower_alb_auth::test_util::TestClock::new();
    let alb = MockAlb::new().with_clock(&clock);
    let app = policy(&directory).app(&alb);
    for user in [one, other, one, other] {
        assert_eq!(app.call(alb.request("/").token(&alb.sign(user))).await.status, 200);
        clock.advance(Duration::from_secs(1));
    }
    directory.calls()
}

/// A policy of either kind.
trait SignInResolverBox {
    fn app(self: Box<Self>, alb: &MockAlb) -> App;
}

impl<T: SignInResolver> SignInResolverBox for T {
    fn app(self: Box<Self>, alb: &MockAlb) -> App {
        App::new(AlbAuthLayer::new(config(alb, *self, CacheLimits::new())))
    }
}

#[tokio::test]
async fn users_who_differ_in_any_claim_are_resolved_separately() {
    let jane = || User::jane().claim("sub", "jane").claim("a", "1").claim("b", "2");
    for (case, other) in [
        ("another subject", jane().claim("sub", "joe")),
        ("the subject in another case", jane().claim("sub", "Jane")),
        ("another email", jane().claim("email", "joe@example.com")),
        ("another value", jane().claim("a", "2")),
        ("another type", jane().claim("a", 1)),
        ("a claim less", jane().without("b")),
        ("a claim more", jane().claim("c", json!(null))),
        ("values changed round", jane().claim("a", "2").claim("b", "1")),
        ("one claim that reads like two", jane().without("b").claim("a", "1\",\"b\":\"2")),
        ("a name that reads like a value", jane().without("a").without("b").claim("a\":\"1\",\"b", "2")),
        ("texts run together", jane().claim("a", "12").claim("b", "")),
        ("another group", jane().claim("groups", ["admins"])),
    ] {
        let asked = calls(|directory| Box::new(directory.policy()), &jane(), &other).await;
        assert_eq!(asked, 2, "{case}");
    }
}

#[tokio::test]
async fn what_changes_from_token_to_token_does_not_count() {
    let (early, late) = (user("jane").claim("iat", 1).claim("nbf", 1), user("jane").claim("iat", 2).claim("nbf", 2));
    assert_eq!(calls(|directory| Box::new(directory.policy()), &early, &late).await, 1);
    // Nor does the order of the claims.
    let (one, other) = (user("jane").claim("a", 1).claim("b", 2), user("jane").claim("b", 2).claim("a", 1));
    assert_eq!(calls(|directory| Box::new(directory.policy()), &one, &other).await, 1);
}

#[tokio::test]
async fn named_claims_are_all_that_counts_beside_issuer_and_subject() {
    let by = |claims: &'static [&'static str]| {
        move |directory: &Directory| -> Box<dyn SignInResolverBox> { Box::new(directory.policy_by(claims)) }
    };
    let jane = || user("jane").claim("email", "jane@example.com").claim("team", "a");
    assert_eq!(calls(by(&["email"]), &jane(), &jane().claim("team", "b")).await, 1, "not named");
    assert_eq!(calls(by(&["email"]), &jane(), &jane().claim("email", "joe@example.com")).await, 2, "named");
    assert_eq!(calls(by(&["email", "team"]), &jane(), &jane().claim("team", "b")).await, 2, "both named");
    // A policy that forgets the subject does not make two users one.
    assert_eq!(calls(by(&["team"]), &jane(), &jane().claim("sub", "joe")).await, 2, "the subject");
    assert_eq!(
        calls(by(&["no such claim"]), &jane(), &user("joe")).await,
        2,
        "the subject, and nothing named is there"
    );
    // An empty list would make all users one; it means that all claims count.
    assert_eq!(calls(by(&[]), &jane(), &jane().claim("team", "b")).await, 2, "an empty list");
}

#[tokio::test]
async fn s_59_the_same_claims_of_two_issuers_are_two_users() {
    let one = MockAlb::new().with_issuer("https://one.example");
    let two = MockAlb::with_keys_of(&one).with_issuer("https://two.example");
    let directory = Directory::open();
    let builder = AlbAuthConfig::builder().trust(one.trusted()).trust(two.trusted());
    let builder = builder.sign_in(directory.policy_by(&["sub"])).dangerously_share_sign_in_between_issuers();
    let app = App::new(AlbAuthLayer::new(one.keys_and_clock(builder).build().unwrap()));
    for alb in [&one, &two, &one, &two] {
        app.call(alb.request("/").user(&user("jane"))).await.assert_ok("user:default/jane");
    }
    assert_eq!(directory.calls(), 2);
}

#[tokio::test]
async fn two_policies_of_one_issuer_never_share_an_answer() {
    let admins = MockAlb::new().with_client_id("admins");
    let people = admins.clone().with_client_id("people");
    let (one, two) = (Directory::open(), Directory::open());
    one.set(Some(named("root")));
    let builder = AlbAuthConfig::builder()
        .trust(admins.trusted().sign_in(one.policy_by(&["sub"])))
        .trust(people.trusted().sign_in(two.policy_by(&["sub"])));
    let app = App::new(AlbAuthLayer::new(admins.keys_and_clock(builder).build().unwrap()));
    for _ in 0..2 {
        app.call(admins.request("/").user(&user("jane"))).await.assert_ok("user:default/root");
        app.call(people.request("/").user(&user("jane"))).await.assert_ok("user:default/jane");
    }
    assert_eq!((one.calls(), two.calls()), (1, 1));
}

#[tokio::test]
async fn answers_are_forgotten_on_reload() {
    let alb = MockAlb::new();
    let (old, new) = (Directory::open(), Directory::open());
    let layer = AlbAuthLayer::new(config(&alb, old.policy(), CacheLimits::new()));
    let (handle, app) = (layer.handle(), App::new(layer));
    let token = alb.sign(&user("jane"));
    app.call(alb.request("/").token(&token)).await.assert_ok("user:default/jane");
    new.set(Some(Err(SignInError::refused("no longer"))));
    handle.reload(config(&alb, new.policy(), CacheLimits::new()));
    assert_eq!(app.call(alb.request("/").token(&token)).await.kind(), Some(AuthErrorKind::SignInRefused));
    handle.reload(config(&alb, old.policy(), CacheLimits::new()));
    app.call(alb.request("/").token(&token)).await.assert_ok("user:default/jane");
    assert_eq!((old.calls(), new.calls()), (2, 1));
}

#[tokio::test]
async fn a_request_under_way_writes_its_answer_into_its_own_configuration_alone() {
    let alb = MockAlb::new();
    let (old, new) = (Directory::closed(), Directory::open());
    new.set(Some(named("new")));
    let layer = AlbAuthLayer::new(config(&alb, old.policy(), CacheLimits::new()));
    let (handle, app) = (layer.handle(), App::new(layer));
    let (waiting_app, request) = (app.clone(), alb.request("/").user(&user("jane")).body(String::new()));
    let waiting = tokio::spawn(async move { waiting_app.call(request).await });
    old.asked(1).await;
    handle.reload(config(&alb, new.policy(), CacheLimits::new()));
    old.release();
    waiting.await.unwrap().assert_ok("user:default/jane");
    app.call(alb.request("/").user(&user("jane"))).await.assert_ok("user:default/new");
}
