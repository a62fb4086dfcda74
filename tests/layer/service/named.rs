//! S-153: the user that a sign-in policy names is kept with a remembered token only where it cannot change.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use tower_alb_auth::{
    AlbAuthConfig, AlbAuthLayer, AuthErrorKind, Claims,
    deny_list::{Denied, DenyList},
    sign_in::{
        EmailLocalPart, EmailSignIn, FirstMatch, Policy, Resolution, SignInError, SignInResolver, Subject, WholeEmail,
        from_fn,
    },
    test_util::{MockAlb, User},
};

use crate::{service::inside::JANE, support::App};

const DOMAINS: [&str; 1] = ["example.com"];

fn config(alb: &MockAlb, policy: impl SignInResolver) -> AlbAuthConfig {
    alb.config_builder().sign_in(policy).build().expect("a sound configuration")
}

/// A policy of an application around one of this crate, whose description it takes over.
struct Revocable {
    inner: EmailSignIn,
    revoked: Arc<AtomicBool>,
}

impl SignInResolver for Revocable {
    fn resolve(&self, claims: &Claims) -> Resolution {
        match self.revoked.load(Ordering::SeqCst) {
            true => SignInError::refused("the user has left").into(),
            false => self.inner.resolve(claims),
        }
    }

    fn policy(&self) -> Policy {
        self.inner.policy()
    }
}

#[tokio::test]
async fn s_153_a_policy_of_the_application_is_applied_to_each_request_of_a_remembered_token() {
    let alb = MockAlb::new();
    let revoked = Arc::new(AtomicBool::new(false));
    let policy = || Revocable { inner: EmailLocalPart::in_domains(DOMAINS), revoked: Arc::clone(&revoked) };
    let shared: Arc<dyn SignInResolver> = Arc::new(policy());
    let of_function = from_fn({
        let policy = policy();
        move |claims| match policy.resolve(claims) {
            Resolution::Ready(result) => result,
            Resolution::Waiting(_) => unreachable!("it is ready at once"),
        }
    });
    let cases = [
        ("around a policy of this crate", config(&alb, policy())),
        ("behind a reference", config(&alb, shared)),
        ("in a chain", config(&alb, FirstMatch::of(policy()).or(Subject::new().in_namespace("others")))),
        ("a function", config(&alb, of_function)),
    ];
    for (case, config) in cases {
        revoked.store(false, Ordering::SeqCst);
        let layer = AlbAuthLayer::new(config);
        let handle = layer.handle();
        let app = App::new(layer);
        let token = alb.sign(&User::jane());
        for _ in 0..3 {
            app.call(alb.request("/").token(&token)).await.assert_ok(JANE);
        }
        revoked.store(true, Ordering::SeqCst);
        for _ in 0..2 {
            let answer = app.call(alb.request("/").token(&token)).await;
            assert_eq!((answer.status.as_u16(), answer.kind()), (403, Some(AuthErrorKind::SignInRefused)), "{case}");
        }
        assert_eq!((handle.stats().tokens, app.calls()), (1, 3), "{case}: the token is remembered");
    }
}

#[tokio::test]
async fn s_153_each_layer_and_each_configuration_names_the_user_of_a_remembered_token_by_its_own_policy() {
    let alb = MockAlb::new();
    let token = alb.sign(&User::jane());
    let layer = AlbAuthLayer::new(config(&alb, EmailLocalPart::in_domains(DOMAINS)));
    let handle = layer.handle();
    let app = App::new(layer);
    let by_subject = App::new(AlbAuthLayer::new(config(&alb, Subject::new().in_namespace("subjects"))));
    let subject = by_subject.call(alb.request("/").token(&token)).await.body;
    assert!(subject.starts_with("user:subjects/"), "{subject}");
    for _ in 0..3 {
        app.call(alb.request("/").token(&token)).await.assert_ok(JANE);
        by_subject.call(alb.request("/").token(&token)).await.assert_ok(&subject);
    }

    handle.reload(config(&alb, WholeEmail::in_domains(DOMAINS)));
    for _ in 0..2 {
        app.call(alb.request("/").token(&token)).await.assert_ok("user:default/jane.doe_example.com");
    }
    // Refused from the first request on, although the former policy accepted the same token.
    handle.reload(config(&alb, EmailLocalPart::in_domains(["partner.example"])));
    for _ in 0..2 {
        let answer = app.call(alb.request("/").token(&token)).await;
        assert_eq!((answer.status.as_u16(), answer.kind()), (403, Some(AuthErrorKind::SignInRefused)));
    }
}

#[tokio::test]
async fn s_153_a_user_who_is_kept_with_a_token_is_denied_at_once() {
    let alb = MockAlb::new();
    let list = DenyList::new();
    let app = App::new(alb.layer().deny_list(&list));
    let token = alb.sign(&User::jane());
    let denied = Denied::user(JANE.parse().expect("a ref"));
    for _ in 0..2 {
        for _ in 0..2 {
            app.call(alb.request("/").token(&token)).await.assert_ok(JANE);
        }
        list.deny(denied.clone());
        let answer = app.call(alb.request("/").token(&token)).await;
        assert_eq!((answer.status.as_u16(), answer.kind()), (403, Some(AuthErrorKind::Denied)));
        list.allow(&denied);
    }
}
