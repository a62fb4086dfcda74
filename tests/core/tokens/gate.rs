//! A load balancer, an application behind its layer, and what may be said of a token that stands before it.

use futures::FutureExt as _;
use http::{Request, StatusCode};
use tower_alb_auth::{
    AlbAuthConfigBuilder, AlbAuthHandle, AlbAuthLayer, AuthErrorKind,
    keys::FixedKeys,
    sign_in::EmailLocalPart,
    test_util::{MockAlb, User},
};

use crate::{
    support::{Answer, App, UNIFORM_401},
    tokens::forge::Parts,
};

/// Who the handler says came, with a token of [`User::jane`].
pub const JANE: &str = "user:default/jane.doe";

pub struct Gate {
    pub alb: MockAlb,
    pub handle: AlbAuthHandle,
    app: App,
}

impl Gate {
    /// Holds no key yet.
    pub fn new() -> Self {
        let alb = MockAlb::new();
        let builder = alb.config_builder();
        Self::with(alb, builder)
    }

    /// With these settings, sign-in by email added.
    pub fn with(alb: MockAlb, builder: AlbAuthConfigBuilder) -> Self {
        let config =
            builder.sign_in(EmailLocalPart::in_domains(["example.com"])).build().expect("a sound configuration");
        let layer = AlbAuthLayer::new(config);
        Self { alb, handle: layer.handle(), app: App::new(layer) }
    }

    /// Has its keys from the configuration and asks for none: a kid that is not there is unknown, at once and for good, and
    /// no answer has to be waited for.
    pub fn with_fixed_keys() -> Self {
        let alb = MockAlb::new();
        let builder = alb.config_builder().fixed_keys(fixed_keys(&alb));
        Self::with(alb, builder)
    }

    /// The answer to a request with this value in `x-amzn-oidc-data`.
    pub async fn call(&self, token: impl AsRef<[u8]>) -> Answer {
        self.app.call(self.request(token)).await
    }

    /// The same without a runtime, where nothing has to be waited for.
    pub fn call_now(&self, token: impl AsRef<[u8]>) -> Answer {
        self.app.call(self.request(token)).now_or_never().expect("nothing to wait for: the keys are fixed")
    }

    /// The same with this value in `x-amzn-oidc-identity`.
    pub fn call_with_identity(&self, token: &str, identity: &[u8]) -> Answer {
        let request = self.alb.request("/").token(token).header("x-amzn-oidc-identity", identity);
        self.app.call(request).now_or_never().expect("nothing to wait for: the keys are fixed")
    }

    fn request(&self, token: impl AsRef<[u8]>) -> Request<String> {
        self.alb.request("/").header("x-amzn-oidc-data", token).into()
    }

    /// That a good token is let in: what is refused beside it is refused for its own sake.
    pub async fn admits_jane(&self) {
        self.admits("a good token", self.alb.sign(&User::jane())).await;
    }

    /// That the handler gets to see this token's user, Jane.
    pub async fn admits(&self, case: &str, token: impl AsRef<[u8]>) {
        let answer = self.call(token).await;
        assert_eq!((answer.status, answer.body.as_str()), (StatusCode::OK, JANE), "{case}: {answer:?}");
    }

    /// That this is refused with the uniform 401, that the handler does not run, and that nothing new is remembered.
    pub async fn refuses(&self, case: &str, token: impl AsRef<[u8]>, kind: AuthErrorKind) {
        let (calls, remembered) = (self.app.calls(), self.handle.stats().tokens);
        let answer = self.call(token).await;
        assert_refused(case, &answer);
        assert_eq!(answer.kind(), Some(kind), "{case}: {answer:?}");
        assert_eq!(self.app.calls(), calls, "{case}: the handler ran");
        assert_eq!(self.handle.stats().tokens, remembered, "{case}: remembered");
    }

    /// That this is refused likewise, and before a key is looked up: none is held, and none is fetched.
    pub async fn refuses_unasked(&self, case: &str, token: impl AsRef<[u8]>, kind: AuthErrorKind) {
        assert_eq!(self.handle.stats().keys, 0, "{case}: a layer that holds keys would not have to ask");
        self.refuses(case, token, kind).await;
        let stats = self.handle.stats();
        assert_eq!((self.alb.key_fetches(), stats.unknown_kids), (0, 0), "{case}: a key was asked for");
    }

    /// A good token, without padding, so that it can be put together again.
    pub fn parts(&self, user: &User) -> Parts {
        Parts::of(&self.alb.token(user).unpadded().sign())
    }

    /// How often the handler ran.
    pub fn calls(&self) -> usize {
        self.app.calls()
    }
}

/// The load balancer's own key under its own kid.
pub fn fixed_keys(alb: &MockAlb) -> FixedKeys {
    FixedKeys::new().add(alb.kid(), &alb.public_key_pem()).expect("a key")
}

/// That this is the 401 that every refusal looks like.
#[track_caller]
pub fn assert_refused(case: &str, answer: &Answer) {
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{case}: {answer:?}");
    assert_eq!(answer.body, UNIFORM_401, "{case}");
    assert_eq!(answer.header("cache-control"), Some("no-store"), "{case}");
    assert_eq!(answer.header("retry-after"), None, "{case}");
}
