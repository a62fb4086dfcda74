//! A directory that policies ask: it counts, it can be made to wait, and it can be out of reach.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::sync::Semaphore;
use tower_alb_auth::{
    AlbAuthConfig, AuthErrorKind, CacheLimits, Claims,
    sign_in::{SignIn, SignInError, SignInResolver, from_async_fn, from_fn},
    test_util::{MockAlb, TestClock, User},
};

use crate::{
    sign_in::{assert_403, named, sign_in},
    support::App,
};

type Answer = Result<SignIn, SignInError>;

/// Knows each user by the last word of the subject, until it is set to another response.
#[derive(Clone)]
pub(crate) struct Directory(Arc<Inner>);

struct Inner {
    calls: AtomicUsize,
    answer: Mutex<Option<Answer>>,
    doors: Semaphore,
}

impl Directory {
    pub(crate) fn open() -> Self {
        let directory = Self::closed();
        directory.release();
        directory
    }

    /// Responds to no query before it is [released](Self::release).
    pub(crate) fn closed() -> Self {
        Self(Arc::new(Inner { calls: AtomicUsize::new(0), answer: Mutex::default(), doors: Semaphore::new(0) }))
    }

    pub(crate) fn release(&self) {
        self.0.doors.add_permits(1 << 20);
    }

    /// Responds to no query from now on.
    pub(crate) fn close(&self) {
        self.0.doors.forget_permits(1 << 20);
    }

    /// Every query gets this response from now on; with `None`, every user is known again.
    pub(crate) fn set(&self, answer: Option<Answer>) {
        *self.0.answer.lock().unwrap() = answer;
    }

    /// How often it was asked.
    pub(crate) fn calls(&self) -> usize {
        self.0.calls.load(Ordering::SeqCst)
    }

    /// Waits until it was asked so often.
    pub(crate) async fn asked(&self, times: usize) {
        while self.calls() < times {
            tokio::task::yield_now().await;
        }
    }

    /// The policy that asks it, for all claims.
    pub(crate) fn policy(&self) -> impl SignInResolver + use<> {
        let directory = self.clone();
        from_async_fn(move |claims| directory.clone().ask(claims))
    }

    /// The policy that asks it, by these claims alone.
    pub(crate) fn policy_by(&self, claims: &[&str]) -> impl SignInResolver + use<> {
        let directory = self.clone();
        from_async_fn(move |asked| directory.clone().ask(asked)).using_claims(claims.iter().copied())
    }

    async fn ask(self, claims: Claims) -> Answer {
        self.0.calls.fetch_add(1, Ordering::SeqCst);
        drop(self.0.doors.acquire().await);
        let answer = self.0.answer.lock().unwrap().clone();
        answer.unwrap_or_else(|| named(claims.subject().rsplit(' ').next().unwrap()))
    }
}

/// A load balancer on this clock, and an application that asks a directory.
pub(crate) struct Setup {
    pub(crate) alb: MockAlb,
    pub(crate) clock: TestClock,
    pub(crate) directory: Directory,
    pub(crate) app: App,
}

impl Setup {
    pub(crate) fn new(directory: Directory, limits: CacheLimits) -> Self {
        let clock = TestClock::new();
        let alb = MockAlb::new().with_clock(&clock);
        let app = App::new(tower_alb_auth::AlbAuthLayer::new(config(&alb, directory.policy(), limits)));
        Self { alb, clock, directory, app }
    }

    /// A request of this user, with a token signed now.
    pub(crate) async fn call(&self, user: &User) -> crate::support::Answer {
        self.app.call(self.alb.request("/").user(user)).await
    }

    pub(crate) fn advance(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }
}

pub(crate) fn config(alb: &MockAlb, policy: impl SignInResolver, limits: CacheLimits) -> AlbAuthConfig {
    alb.config_builder().sign_in(policy).cache_limits(limits).build().expect("a sound configuration")
}

/// A user whose name in the directory is the subject.
pub(crate) fn user(subject: &str) -> User {
    User::empty().claim("sub", subject)
}

#[tokio::test]
async fn functions_name_users() {
    let at_once = || from_fn(|claims| named(claims.subject()));
    sign_in(at_once(), &user("jane")).await.assert_ok("user:default/jane");
    sign_in(Directory::open().policy(), &user("jane")).await.assert_ok("user:default/jane");
    sign_in(from_fn(|_| Ok(SignIn::claims_only())), &user("jane")).await.assert_ok("claims jane");
    let refuse = from_fn(|_| Err(SignInError::not_found("nobody")));
    assert_403(&sign_in(refuse, &user("jane")).await, AuthErrorKind::UserNotFound, "s_70: nobody is signed in unknown");
}

#[tokio::test]
async fn a_function_that_returns_at_once_is_called_each_time() {
    let calls = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&calls);
    let policy = from_fn(move |claims| {
        count.fetch_add(1, Ordering::SeqCst);
        named(claims.subject())
    });
    let alb = MockAlb::new();
    let app = crate::sign_in::app(&alb, policy);
    let token = alb.sign(&user("jane"));
    for _ in 0..3 {
        app.call(alb.request("/").token(&token)).await.assert_ok("user:default/jane");
    }
    assert_eq!(calls.load(Ordering::SeqCst), 3, "a remembered token does not mean a remembered user");
}
