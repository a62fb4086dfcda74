//! F-43: a policy that panics costs its request an error, and no more.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use tower_alb_auth::{
    AuthErrorKind, Claims,
    sign_in::{FirstMatch, GroupOwnership, Resolution, SignInResolver, Subject, from_async_fn, from_fn},
    test_util::{MockAlb, User},
};

use crate::sign_in::{app, named};

/// Panics the first time.
#[derive(Clone, Default)]
struct Once(Arc<AtomicUsize>);

impl Once {
    fn check(&self) {
        assert!(self.0.fetch_add(1, Ordering::SeqCst) > 0, "a bug in the policy");
    }
}

impl SignInResolver for Once {
    fn resolve(&self, claims: &Claims) -> Resolution {
        self.check();
        named(claims.subject()).into()
    }
}

#[tokio::test]
async fn f_43_a_policy_that_panics_is_503_for_that_request_and_the_next_one_is_fine() {
    let at_once = |once: Once| {
        from_fn(move |claims| {
            once.check();
            named(claims.subject())
        })
    };
    // Before there is a future.
    let before = |once: Once| {
        from_async_fn(move |claims| {
            once.check();
            async move { named(claims.subject()) }
        })
    };
    let alb = MockAlb::new();
    for (case, app) in [
        ("from_fn", app(&alb, at_once(Once::default()))),
        ("from_async_fn", app(&alb, before(Once::default()))),
        ("a resolver", app(&alb, Once::default())),
        ("the first of several", app(&alb, FirstMatch::of(Once::default()).or(Subject::new()))),
        ("with groups", app(&alb, GroupOwnership::of(Once::default()).claim("groups").map("a", "group:default/a"))),
    ] {
        let jane = User::empty().claim("sub", "jane");
        let answer = app.call(alb.request("/").user(&jane)).await;
        assert_eq!((answer.status.as_u16(), answer.kind()), (503, Some(AuthErrorKind::SignInUnavailable)), "{case}");
        let said = answer.error.expect("an error").operator_message();
        assert!(said.contains("panicked") && !said.contains("a bug in the policy"), "{case}: {said}");
        assert_eq!(app.calls(), 0, "{case}");
        app.call(alb.request("/").user(&jane)).await.assert_ok("user:default/jane");
    }
}
