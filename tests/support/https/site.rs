//! An application whose layer fetches keys over a connection.

use std::time::Duration;

use http::StatusCode;
use tower_alb_auth::{
    AlbAuthConfig, AlbAuthConfigBuilder, AlbAuthHandle, AlbAuthLayer, AuthErrorKind, KeyLimits,
    keys::HttpsKeys,
    sign_in::EmailLocalPart,
    test_util::{MockAlb, TestClock, User},
};

use super::{
    certificates::Authority,
    server::{Script, Server},
};
use crate::support::{Answer, App};

/// A load balancer, an application that trusts it, and the clock of both.
pub(crate) struct Site {
    pub(crate) alb: MockAlb,
    pub(crate) app: App,
    pub(crate) handle: AlbAuthHandle,
    pub(crate) clock: TestClock,
}

/// Limits under which nothing fails because the machine is busy.
pub(crate) fn patient() -> KeyLimits {
    let long = Duration::from_secs(10);
    KeyLimits::new().connect_timeout(long).first_byte_timeout(2 * long).fetch_timeout(3 * long)
}

/// The configuration of an application with keys from `endpoint`.
pub(crate) fn config(alb: &MockAlb, endpoint: &str, keys: HttpsKeys) -> AlbAuthConfigBuilder {
    AlbAuthConfig::builder()
        .trust(alb.trusted().key_endpoint(endpoint))
        .sign_in(EmailLocalPart::in_domains(["example.com"]))
        .key_limits(patient())
        .https(keys)
}

impl Site {
    pub(crate) fn new(alb: MockAlb, endpoint: &str, keys: HttpsKeys) -> Self {
        Self::with_limits(alb, endpoint, keys, patient())
    }

    pub(crate) fn with_limits(alb: MockAlb, endpoint: &str, keys: HttpsKeys, limits: KeyLimits) -> Self {
        let clock = TestClock::new();
        let alb = alb.with_clock(&clock);
        let config = config(&alb, endpoint, keys).clock(clock.clone()).key_limits(limits).build();
        let layer = AlbAuthLayer::new(config.expect("a sound configuration"));
        Self { alb, handle: layer.handle(), app: App::new(layer), clock }
    }

    /// An application with keys from a server of `localhost` that plays this script, and trusts its authority.
    pub(crate) async fn of(script: impl Fn(usize, &MockAlb) -> Script + Send + Sync + 'static) -> (Self, Server) {
        let (alb, authority) = (MockAlb::new(), Authority::new());
        let signer = alb.clone();
        let server = Server::https(&authority.leaf(&["localhost"]), move |nth| script(nth, &signer)).await;
        (Self::new(alb, &server.url(), HttpsKeys::new().pem_roots(authority.pem())), server)
    }

    /// A request of Jane, with a token signed now.
    pub(crate) async fn call(&self) -> Answer {
        let answer = self.app.call(self.alb.request("/").user(&User::jane()));
        tokio::time::timeout(Duration::from_secs(60), answer).await.expect("the layer answers in time")
    }

    pub(crate) async fn assert_lets_jane_in(&self, case: &str) {
        let answer = self.call().await;
        let error = answer.error.as_ref().map(|error| error.operator_message());
        assert_eq!(
            (answer.status, answer.body.as_str()),
            (StatusCode::OK, "user:default/jane.doe"),
            "{case}: {error:?}"
        );
    }

    /// That Jane gets 503 with `Retry-After` because keys are out of reach, and that nothing is kept. Returns the operator's message.
    pub(crate) async fn assert_keys_unavailable(&self, case: &str) -> String {
        self.assert_503(case, AuthErrorKind::KeysUnavailable).await
    }

    /// The same because what the endpoint gave is no key.
    pub(crate) async fn assert_key_rejected(&self, case: &str) -> String {
        self.assert_503(case, AuthErrorKind::KeyRejected).await
    }

    async fn assert_503(&self, case: &str, kind: AuthErrorKind) -> String {
        let answer = self.call().await;
        assert_eq!((answer.status, answer.kind()), (StatusCode::SERVICE_UNAVAILABLE, Some(kind)), "{case}: {answer:?}");
        let wait: u64 = answer.header("retry-after").expect(case).parse().expect(case);
        assert!((1..=30).contains(&wait), "{case}: Retry-After {wait}");
        assert_eq!((self.app.calls(), self.handle.stats().keys), (0, 0), "{case}: handler not run, no key held");
        answer.error.expect(case).operator_message()
    }
}
