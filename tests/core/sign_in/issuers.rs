//! S-59: users of two issuers are never one user by accident.

use std::convert::Infallible;

use http::{Request, Response};
use tower::{Layer, ServiceExt, service_fn};
use tower_alb_auth::{
    AlbAuthConfig, AlbAuthConfigBuilder, AlbAuthLayer, AuthErrorKind, Claims, EntityRef, TrustedAlb,
    sign_in::{
        ClaimsOnly, EmailLocalPart, FirstMatch, GroupOwnership, Policy, Resolution, SignIn, SignInResolver, Subject,
        WholeEmail, from_async_fn, from_fn,
    },
    test_util::{MockAlb, User},
};

use crate::{
    sign_in::{assert_403, named, warnings},
    support::App,
};

fn two() -> (MockAlb, MockAlb) {
    let one = MockAlb::new().with_issuer("https://one.example");
    let other = MockAlb::with_keys_of(&one).with_issuer("https://two.example");
    (one, other)
}

fn email(namespace: &str) -> impl SignInResolver + use<> {
    EmailLocalPart::in_domains(["example.com"]).in_namespace(namespace)
}

fn both(one: TrustedAlb, other: TrustedAlb) -> AlbAuthConfigBuilder {
    AlbAuthConfig::builder().trust(one).trust(other)
}

fn refused(alb: &MockAlb, builder: AlbAuthConfigBuilder) -> String {
    alb.keys_and_clock(builder)
        .build()
        .expect_err("refused")
        .problems()
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join("\n")
}

fn app(alb: &MockAlb, builder: AlbAuthConfigBuilder) -> App {
    App::new(AlbAuthLayer::new(alb.keys_and_clock(builder).build().expect("a sound configuration")))
}

#[test]
fn s_59_one_policy_for_two_issuers_does_not_build() {
    let (one, other) = two();
    let problems = refused(&one, both(one.trusted(), other.trusted()).sign_in(email("default")));
    for issuer in [one.issuer(), other.issuer()] {
        let sentence = format!("the entry of issuer \"{issuer}\" has no sign-in policy of its own");
        assert!(problems.contains(&sentence), "{problems}");
    }
    let half = refused(&one, both(one.trusted().sign_in(email("one")), other.trusted()).sign_in(email("two")));
    assert!(half.contains("\"https://two.example\" has no sign-in policy of its own"), "{half}");
}

#[test]
fn s_59_two_policies_in_one_namespace_do_not_build() {
    let (one, other) = two();
    let chain = |namespace: &str| FirstMatch::of(email(namespace)).or(Subject::new().in_namespace(namespace));
    for (case, builder) in [
        ("default", both(one.trusted().sign_in(email("default")), other.trusted().sign_in(email("default")))),
        (
            "two kinds",
            both(one.trusted().sign_in(email("a")), other.trusted().sign_in(Subject::new().in_namespace("a"))),
        ),
        ("in a chain", both(one.trusted().sign_in(chain("a")), other.trusted().sign_in(email("a")))),
        (
            "with groups",
            both(
                one.trusted().sign_in(GroupOwnership::of(email("a")).claim("groups")),
                other.trusted().sign_in(email("a")),
            ),
        ),
        (
            "a function",
            both(one.trusted().sign_in(from_fn(|_| named("x")).in_namespace("a")), other.trusted().sign_in(email("a"))),
        ),
    ] {
        let problems = refused(&one, builder);
        assert!(problems.contains("both name users in the namespace"), "{case}: {problems}");
    }
    for (case, builder) in [
        ("a function", both(one.trusted().sign_in(from_fn(|_| named("x"))), other.trusted().sign_in(email("a")))),
        (
            "a chain of two namespaces",
            both(
                one.trusted().sign_in(FirstMatch::of(email("a")).or(Subject::new().in_namespace("b"))),
                other.trusted().sign_in(email("c")),
            ),
        ),
    ] {
        let problems = refused(&one, builder);
        assert!(problems.contains("does not say in which namespace it names users"), "{case}: {problems}");
    }
}

#[tokio::test]
async fn s_59_the_same_subject_or_email_is_another_user_at_another_issuer() {
    let (one, other) = two();
    let users = [User::jane(), User::google("jane")];
    let by_email = || both(one.trusted().sign_in(email("one")), other.trusted().sign_in(email("two")));
    let by_whole = |namespace: &str| WholeEmail::in_domains(["example.com"]).in_namespace(namespace);
    let by_subject = |namespace: &str| Subject::new().in_namespace(namespace);
    for builder in [
        by_email(),
        both(one.trusted().sign_in(by_whole("one")), other.trusted().sign_in(by_whole("two"))),
        both(one.trusted().sign_in(by_subject("one")), other.trusted().sign_in(by_subject("two"))),
        both(one.trusted().sign_in(by_subject("one")), other.trusted().sign_in(ClaimsOnly)),
    ] {
        let app = app(&one, builder);
        for user in &users {
            let here = app.call(one.request("/").user(user)).await;
            let there = app.call(other.request("/").user(user)).await;
            assert_eq!((here.status.as_u16(), there.status.as_u16()), (200, 200), "{user:?}");
            assert_ne!(here.body, there.body, "{user:?}");
        }
    }
    let app = app(&one, by_email());
    app.call(one.request("/").user(&User::jane())).await.assert_ok("user:one/jane.doe");
    app.call(other.request("/").user(&User::jane())).await.assert_ok("user:two/jane.doe");
}

#[tokio::test]
async fn s_59_a_stable_id_is_that_of_one_issuer() {
    let (one, other) = two();
    let config = one.keys_and_clock(
        both(one.trusted(), other.trusted()).sign_in(ClaimsOnly).dangerously_share_sign_in_between_issuers(),
    );
    let handler = |request: Request<String>| async move {
        let claims = Claims::of(request.extensions()).unwrap();
        Ok::<_, Infallible>(Response::new(format!("{} {}", claims.stable_id().issuer, claims.stable_id().subject)))
    };
    let app = AlbAuthLayer::new(config.build().unwrap()).layer(service_fn(handler));
    for alb in [&one, &other] {
        let answer = app.clone().oneshot(alb.request("/").user(&User::okta("jane")).into()).await.unwrap();
        assert_eq!(answer.into_body(), format!("{} 00ujane", alb.issuer()));
    }
}

#[tokio::test]
async fn s_59_the_waiver_makes_them_one_and_is_said_at_start_up() {
    let (one, other) = two();
    let shared =
        both(one.trusted(), other.trusted()).sign_in(email("default")).dangerously_share_sign_in_between_issuers();
    let config = one.keys_and_clock(shared.accept_missing_email_verified()).build().unwrap();
    assert_eq!(warnings(&config), ["several issuers name users in the same namespace"]);
    let app = App::new(AlbAuthLayer::new(config));
    for alb in [&one, &other] {
        app.call(alb.request("/").user(&User::jane())).await.assert_ok("user:default/jane.doe");
    }
}

/// Names `user:one/jane` whatever it says that it does.
struct Liar(Policy, bool);

impl SignInResolver for Liar {
    fn resolve(&self, _: &Claims) -> Resolution {
        let sign_in = || Ok(SignIn::user(EntityRef::new("user", "one", "jane").unwrap()));
        if self.1 { Resolution::waiting(async move { sign_in() }) } else { sign_in().into() }
    }

    fn policy(&self) -> Policy {
        self.0.clone()
    }
}

#[tokio::test]
async fn s_59_a_policy_is_held_to_the_namespace_that_it_says() {
    let (one, other) = two();
    for waits in [false, true] {
        for (case, policy) in [
            ("another namespace", Policy::new("a liar").in_namespace("two")),
            ("one that only looks alike", Policy::new("a liar").in_namespace("one-")),
            ("one that has it in it", Policy::new("a liar").in_namespace("one-more")),
            // The namespace of a policy that names no users is not checked.
            ("nobody at all", ClaimsOnly.policy()),
        ] {
            let builder = both(one.trusted().sign_in(email("one")), other.trusted().sign_in(Liar(policy, waits)));
            let app = app(&one, builder);
            // The second time the answer is remembered.
            for _ in 0..2 {
                let answer = app.call(other.request("/").user(&User::jane())).await;
                assert_403(&answer, AuthErrorKind::SignInRefused, case);
            }
            assert_eq!(app.calls(), 0, "{case}");
            let jane = User::jane().claim("email", "jane@example.com");
            app.call(one.request("/").user(&jane)).await.assert_ok("user:one/jane");
        }
    }
}

#[tokio::test]
async fn s_59_a_policy_is_held_to_its_namespace_with_one_issuer_too() {
    let alb = MockAlb::new();
    for (namespace, status) in [("two", 403), ("one", 200)] {
        for waits in [false, true] {
            let policy = Liar(Policy::new("a liar").in_namespace(namespace), waits);
            let answer = crate::sign_in::app(&alb, policy).call(alb.request("/").user(&User::jane())).await;
            assert_eq!(answer.status, status, "{namespace}: {answer:?}");
        }
    }
    let answer = crate::sign_in::sign_in(Liar(Policy::new("says nothing"), false), &User::jane()).await;
    answer.assert_ok("user:one/jane");
}

#[tokio::test]
async fn s_59_functions_are_held_to_their_namespace() {
    let (one, other) = two();
    let jane = || Ok(SignIn::user(EntityRef::new("user", "one", "jane").unwrap()));
    let entry = || one.trusted().sign_in(email("one"));
    for app in [
        app(&one, both(entry(), other.trusted().sign_in(from_fn(move |_| jane()).in_namespace("two")))),
        app(
            &one,
            both(entry(), other.trusted().sign_in(from_async_fn(move |_| async move { jane() }).in_namespace("two"))),
        ),
        app(
            &one,
            both(
                entry(),
                other
                    .trusted()
                    .sign_in(GroupOwnership::of(from_fn(move |_| jane()).in_namespace("two")).claim("groups")),
            ),
        ),
    ] {
        assert_403(&app.call(other.request("/").user(&User::jane())).await, AuthErrorKind::SignInRefused, "a function");
    }
}

#[tokio::test]
async fn several_entries_of_one_issuer_may_share_a_namespace() {
    let blue = MockAlb::new();
    let green = MockAlb::with_keys_of(&blue);
    let app = app(&blue, both(blue.trusted(), green.trusted()).sign_in(email("default")));
    for alb in [&blue, &green] {
        app.call(alb.request("/").user(&User::jane())).await.assert_ok("user:default/jane.doe");
    }
}
