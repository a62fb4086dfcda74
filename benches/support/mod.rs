//! What the benches share: a bare service, the same behind the layer, and requests to both.
#![allow(dead_code, reason = "each bench uses a part of it")]

use std::{
    convert::Infallible,
    future::{Ready, ready},
    hint::black_box,
};

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, ParsedPublicKey};
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE},
};
use futures::FutureExt;
use http::{Request, Response};
use tower::{Layer, Service};
use tower_alb_auth::{
    AlbAuth, AlbAuthLayer, CacheLimits,
    deny_list::{Denied, DenyList},
    sign_in::EmailLocalPart,
    test_util::{MockAlb, User},
};

/// A service that does nothing but answer.
#[derive(Clone)]
pub struct Bare;

impl Service<Request<()>> for Bare {
    type Response = Response<()>;
    type Error = Infallible;
    type Future = Ready<Result<Response<()>, Infallible>>;

    fn poll_ready(&mut self, _: &mut std::task::Context<'_>) -> std::task::Poll<Result<(), Infallible>> {
        std::task::Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<()>) -> Self::Future {
        drop(black_box(request));
        ready(Ok(Response::builder().header("content-type", "text/plain").body(()).expect("a response")))
    }
}

/// A load balancer, a layer that trusts it, and that layer's key already fetched.
pub struct Bench {
    pub alb: MockAlb,
    pub service: AlbAuth<Bare>,
    /// The same without a cache of decoded headers.
    pub uncached: AlbAuth<Bare>,
    /// The first one with a deny list of 999 other users: a third each by subject, entity ref and email.
    pub listed: AlbAuth<Bare>,
    user: User,
}

impl Bench {
    /// With tokens of 1.1 KB.
    pub fn new() -> Self {
        Self::with_padding(260)
    }

    /// With a claim of this length, which makes the tokens longer.
    pub fn with_padding(length: usize) -> Self {
        let alb = MockAlb::new();
        let user = User::jane().claim("padding", "x".repeat(length));
        let build = |limits| {
            let policy = EmailLocalPart::in_domains(["example.com"]);
            let config = alb.config_builder().sign_in(policy).cache_limits(limits).build();
            AlbAuthLayer::new(config.expect("a configuration"))
        };
        let service = build(CacheLimits::new()).layer(Bare);
        let uncached = build(CacheLimits::new().max_tokens(0)).layer(Bare);
        let listed = build(CacheLimits::new()).deny_list(&others(alb.issuer())).layer(Bare);
        let bench = Self { alb, service, uncached, listed, user };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        for service in [&bench.service, &bench.uncached, &bench.listed] {
            let answer = runtime.block_on(async { service.clone().call(bench.fresh()).await });
            assert_eq!(answer.expect("infallible").status(), 200);
        }
        bench
    }

    /// A request with a token that was never seen: signatures are random, so each is another.
    pub fn fresh(&self) -> Request<()> {
        as_received(self.alb.request("/").user(&self.user).into())
    }

    /// As [`fresh`](Self::fresh), with another expiry, and so another JOSE header, than any of the 50 tokens before.
    pub fn fresh_second(&self, number: u64) -> Request<()> {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970").as_secs();
        let token = self.alb.token(&self.user).expires_at(now + 60 + number % 50).sign();
        as_received(self.alb.request("/").token(&token).into())
    }

    /// A request with a token that is refused before its key is looked up: with a `foreign` signer, `expired`, or `malformed`.
    pub fn refused(&self, why: &str) -> Request<()> {
        let token = self.alb.token(&self.user);
        let token = match why {
            "foreign" => {
                let signer =
                    "arn:aws:elasticloadbalancing:eu-central-1:123456789012:loadbalancer/app/other/50dc6c495c0c9188";
                token.header("signer", signer).sign()
            }
            "expired" => token.expires_at(1_700_000_000).sign(),
            _ => token.sign().replacen('.', ".!", 1),
        };
        as_received(self.alb.request("/").token(&token).into())
    }

    /// A token, for the raw signature check.
    pub fn token(&self) -> String {
        self.alb.sign(&self.user)
    }

    /// The key of the load balancer, parsed once.
    pub fn raw_key(&self) -> ParsedPublicKey {
        let pem = self.alb.public_key_pem();
        let text: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
        let der = STANDARD.decode(text).expect("base64");
        ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, &der[26..]).expect("a key")
    }
}

/// A deny list of other users.
fn others(issuer: &str) -> DenyList {
    let list = DenyList::new();
    for number in 0..333 {
        let denied = [
            Denied::subject(issuer, &format!("AAAAAAAAAAAAAAAAAAAAAIuser.{number}")).expect("a subject"),
            Denied::user(format!("user:default/user.{number}").parse().expect("a ref")),
            Denied::email(&format!("user.{number}@example.com")).expect("an email"),
        ];
        denied.into_iter().for_each(|denied| list.deny(denied));
    }
    list
}

/// What is signed, and the signature.
pub fn split(token: &str) -> (Vec<u8>, Vec<u8>) {
    let (input, signature) = token.rsplit_once('.').expect("a token");
    (input.as_bytes().to_vec(), URL_SAFE.decode(signature).expect("base64"))
}

/// As a server hands it on: with the headers that a browser and the load balancer send, and with extensions.
fn as_received(mut request: Request<()>) -> Request<()> {
    for name in [
        "host",
        "user-agent",
        "accept",
        "accept-encoding",
        "accept-language",
        "cookie",
        "x-forwarded-for",
        "x-forwarded-proto",
        "x-forwarded-port",
        "x-amzn-trace-id",
        "sec-fetch-site",
        "sec-fetch-mode",
        "sec-fetch-dest",
        "referer",
        "connection",
        "cache-control",
    ] {
        request.headers_mut().insert(name, http::HeaderValue::from_static("some value of a usual length"));
    }
    request.extensions_mut().insert(0_u8);
    request
}

/// Calls a service that answers without waiting.
pub fn call<S: Service<Request<()>, Response = Response<()>, Error = Infallible>>(
    service: &mut S,
    request: Request<()>,
) -> Response<()> {
    service.call(request).now_or_never().expect("nothing is waited for").expect("infallible")
}
