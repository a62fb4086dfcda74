//! Several policies in order: only "no user found" goes on to the next.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use tower_alb_auth::{
    AuthErrorKind,
    sign_in::{
        ClaimsOnly, EmailLocalPart, FirstMatch, NamedClaim, Resolution, SignIn, SignInError, SignInResolver, Subject,
        from_async_fn, from_fn,
    },
    test_util::{MockAlb, User},
};

use crate::sign_in::{assert_403, named, sign_in, with_email};

type Answer = Result<SignIn, SignInError>;

/// Answers at once, or later, always the same.
#[derive(Clone)]
struct Fixed {
    answer: Answer,
    waits: bool,
}

impl SignInResolver for Fixed {
    fn resolve(&self, _: &tower_alb_auth::Claims) -> Resolution {
        match (self.waits, self.answer.clone()) {
            (false, answer) => answer.into(),
            (true, answer) => Resolution::waiting(async move {
                tokio::task::yield_now().await;
                answer
            }),
        }
    }
}

fn answers() -> [(&'static str, Answer, u16, Option<AuthErrorKind>); 5] {
    [
        ("somebody", named("first"), 200, None),
        ("refused", Err(SignInError::refused("no")), 403, Some(AuthErrorKind::SignInRefused)),
        ("several", Err(SignInError::ambiguous("two")), 409, Some(AuthErrorKind::AmbiguousUser)),
        ("out of reach", Err(SignInError::unavailable("down")), 503, Some(AuthErrorKind::SignInUnavailable)),
        ("claims only", Ok(SignIn::claims_only()), 200, None),
    ]
}

#[tokio::test]
async fn s_54_what_one_policy_refuses_none_of_the_later_lets_in() {
    for (case, answer, status, kind) in answers() {
        for (waits, first_waits) in [(false, false), (true, false), (false, true), (true, true)] {
            let asked = Arc::new(AtomicUsize::new(0));
            let count = Arc::clone(&asked);
            let later = from_fn(move |_| {
                count.fetch_add(1, Ordering::SeqCst);
                named("later")
            });
            let unknown = Fixed { answer: Err(SignInError::not_found("unknown")), waits: first_waits };
            let policy = FirstMatch::of(unknown).or(Fixed { answer: answer.clone(), waits }).or(later);
            let got = sign_in(policy, &User::jane()).await;
            let case = format!("{case}, waits {waits}, after one that waits {first_waits}");
            assert_eq!((got.status.as_u16(), got.kind()), (status, kind), "{case}");
            assert_ne!(got.body, "user:default/later", "{case}");
            assert_eq!(asked.load(Ordering::SeqCst), 0, "{case}: the later one is not even asked");
        }
    }
}

/// The result of the last policy is that of the chain: only "no user found" becomes the errors of all.
#[tokio::test]
async fn s_54_what_the_last_policy_says_is_what_the_chain_says() {
    for (case, answer, status, kind) in answers() {
        for (waits, first_waits) in [(false, false), (true, false), (false, true), (true, true)] {
            let unknown = Fixed { answer: Err(SignInError::not_found("unknown")), waits: first_waits };
            let policy = FirstMatch::of(unknown).or(Fixed { answer: answer.clone(), waits });
            let got = sign_in(policy, &User::jane()).await;
            assert_eq!(
                (got.status.as_u16(), got.kind()),
                (status, kind),
                "{case}, waits {waits}, after one that waits {first_waits}"
            );
        }
    }
}

#[tokio::test]
async fn only_not_found_goes_on_to_the_next() {
    let unknown = |waits| Fixed { answer: Err(SignInError::not_found("unknown")), waits };
    for (one, two, three) in
        [(false, false, false), (true, false, false), (false, true, false), (false, false, true), (true, true, true)]
    {
        let policy = FirstMatch::of(unknown(one)).or(unknown(two)).or(Fixed { answer: named("third"), waits: three });
        sign_in(policy, &User::jane()).await.assert_ok("user:default/third");
        let policy = FirstMatch::of(unknown(one)).or(unknown(two)).or(unknown(three));
        assert_403(&sign_in(policy, &User::jane()).await, AuthErrorKind::UserNotFound, "no user at any policy");
    }
}

#[tokio::test]
async fn a_user_without_email_goes_on_and_one_with_a_bad_email_does_not() {
    let policy = || FirstMatch::of(EmailLocalPart::in_domains(["example.com"])).or(Subject::new());
    sign_in(policy(), &with_email("jane@example.com")).await.assert_ok("user:default/jane");
    sign_in(policy(), &User::empty().claim("sub", "00ujane")).await.assert_ok("user:default/00ujane");
    for (case, user) in [
        ("another domain", with_email("jane@evil.com")),
        ("not verified", with_email("jane@example.com").claim("email_verified", false)),
        ("not an address", with_email("jane@example.com@example.com")),
        ("an empty text", with_email("")),
    ] {
        assert_403(&sign_in(policy(), &user).await, AuthErrorKind::SignInRefused, case);
    }
}

#[tokio::test]
async fn a_claim_comes_before_the_email_and_claims_alone_come_last() {
    let policy =
        || FirstMatch::of(NamedClaim::new("username")).or(EmailLocalPart::in_domains(["example.com"])).or(ClaimsOnly);
    let jane = with_email("jane@example.com");
    sign_in(policy(), &jane.clone().claim("username", "jd")).await.assert_ok("user:default/jd");
    sign_in(policy(), &jane).await.assert_ok("user:default/jane");
    sign_in(policy(), &User::empty().claim("sub", "7")).await.assert_ok("claims 7");
    let upper = sign_in(policy(), &jane.claim("username", "JD")).await;
    assert_403(&upper, AuthErrorKind::SignInRefused, "a claim that is no name");
}

#[tokio::test]
async fn one_cached_answer_belongs_to_one_user_of_the_chain() {
    // The parts look at different claims, so the whole is remembered by both.
    let by_team = from_async_fn(|claims| async move {
        match claims.get::<String>("team").ok().flatten() {
            Some(team) => named(&team),
            None => Err(SignInError::not_found("no team")),
        }
    });
    let policy = FirstMatch::of(by_team.using_claims(["team"])).or(Subject::new());
    let alb = MockAlb::new();
    let app = crate::sign_in::app(&alb, policy);
    for (sub, team, who) in [("a", None, "a"), ("b", None, "b"), ("a", Some("x"), "x"), ("b", Some("y"), "y")] {
        let user = User::empty().claim("sub", sub);
        let user = team.map_or(user.clone(), |team| user.claim("team", team));
        app.call(alb.request("/").user(&user)).await.assert_ok(&format!("user:default/{who}"));
    }
}
