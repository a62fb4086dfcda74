//! A load balancer with a clock, and an application behind the layer.

use std::{pin::pin, time::Duration};

use http::StatusCode;
use tower_alb_auth::{
    AlbAuthConfig, AlbAuthConfigBuilder, AlbAuthHandle, AlbAuthLayer, AuthErrorKind, KeyLimits, Kid,
    keys::KeySource,
    sign_in::EmailLocalPart,
    test_util::{MockAlb, TestClock, User},
};

use crate::support::{Answer, App};

pub const JANE: &str = "user:default/jane.doe";

/// The defaults of `KeyLimits` that tests count with.
pub const REFRESH_AGE: Duration = seconds(2880);
pub const LIFETIME: Duration = seconds(3600);
pub const MAX_AGE: Duration = seconds(7200);

pub const SECOND: Duration = seconds(1);

pub const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub struct Setup {
    pub alb: MockAlb,
    pub clock: TestClock,
    pub app: App,
    pub handle: AlbAuthHandle,
}

impl Setup {
    /// With the mock load balancer's own key endpoint, in memory, and the default limits.
    pub fn new() -> Self {
        Self::with_limits(KeyLimits::new())
    }

    pub fn with_limits(limits: KeyLimits) -> Self {
        Self::build(|builder, _| builder.key_limits(limits))
    }

    pub fn with_source(source: impl KeySource) -> Self {
        Self::build(|builder, _| builder.key_source(source))
    }

    pub fn build(configure: impl FnOnce(AlbAuthConfigBuilder, &MockAlb) -> AlbAuthConfigBuilder) -> Self {
        let clock = TestClock::new();
        let alb = MockAlb::new().with_clock(&clock);
        let layer = AlbAuthLayer::new(finish(configure(alb.config_builder(), &alb)));
        let handle = layer.handle();
        Self { alb, clock, app: App::new(layer), handle }
    }

    /// The answer to a request of Jane with a token that was never seen.
    pub async fn call(&self) -> Answer {
        self.app.call(self.alb.request("/").user(&User::jane())).await
    }

    /// The answer to a request with a token of this kid, signed with the load balancer's key.
    pub async fn call_with_kid(&self, kid: &str) -> Answer {
        let token = self.alb.token(&User::jane()).header("kid", kid).sign();
        self.app.call(self.alb.request("/").token(&token)).await
    }

    pub async fn warm(&self) {
        self.call().await.assert_ok(JANE);
    }

    pub fn kid(&self) -> Kid {
        Kid::parse(self.alb.kid()).unwrap()
    }

    /// Lets fetches without a waiter end. Where tokio's time is paused, this lets it pass.
    pub async fn settle(&self) {
        settle(&self.handle).await;
    }
}

pub fn finish(builder: AlbAuthConfigBuilder) -> AlbAuthConfig {
    builder.sign_in(EmailLocalPart::in_domains(["example.com"])).build().unwrap()
}

pub async fn settle(handle: &AlbAuthHandle) {
    for _ in 0..10_000 {
        if handle.stats().key_fetches_under_way == 0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("a fetch does not end: {:?}", handle.stats());
}

/// The kid of this number, which no load balancer has.
pub fn kid_number(number: usize) -> String {
    format!("00000000-0000-4000-8000-{number:012x}")
}

/// What a future gives if it is asked once.
pub async fn poll_once<F: Future + Unpin>(future: &mut F) -> Option<F::Output> {
    let mut future = pin!(future);
    std::future::poll_fn(|context| match future.as_mut().poll(context) {
        std::task::Poll::Ready(output) => std::task::Poll::Ready(Some(output)),
        std::task::Poll::Pending => std::task::Poll::Ready(None),
    })
    .await
}

/// That this is a 503 for this reason, with a time to come back. Gives that time, in seconds.
#[track_caller]
pub fn assert_503(answer: &Answer, kind: AuthErrorKind) -> u64 {
    assert_eq!((answer.status, answer.kind()), (StatusCode::SERVICE_UNAVAILABLE, Some(kind)), "{answer:?}");
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let wait = answer.header("retry-after").unwrap_or_else(|| panic!("no Retry-After: {answer:?}"));
    let wait = wait.parse().unwrap_or_else(|_| panic!("Retry-After is not in seconds: {wait}"));
    assert!(wait >= 1, "a client that returns at once is refused again");
    wait
}
