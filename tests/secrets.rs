//! S-61: whatever is logged, formatted or panicked with, it never shows a token, an access token, an email or a private claim.

mod support;

use std::{
    convert::Infallible,
    fmt::{Debug, Display},
    io::Write,
    sync::{Arc, Mutex, OnceLock},
};

use http::{Request, Response};
use support::App;
use tower::{Layer, Service, ServiceExt, service_fn};
use tower_alb_auth::{
    AlbAccessToken, AlbAuthConfig, AlbAuthLayer, AuthError, AuthErrorKind, BackstageIdentity, CacheLimits, Claims,
    EntityRef, TokenLimits, TrustedAlb,
    layer::RefusedRequest,
    sign_in::{
        ClaimsOnly, EmailLocalPart, FirstMatch, GroupOwnership, NamedClaim, SignIn, SignInError, SignInResolver,
        Subject, WholeEmail, from_async_fn, from_fn,
    },
    test_util::{KeyServerMode, MockAlb, TestClock, TokenBuilder, User},
};
use tracing_subscriber::fmt::{MakeWriter, format::FmtSpan};

const ACCESS_TOKEN: &str = "canary-access-token";
const EMAIL: &str = "canary.local@partner.example";

/// Everything that was logged, formatted or panicked with in this process.
#[derive(Clone, Default)]
struct Seen(Arc<Mutex<Vec<u8>>>);

impl Seen {
    /// From the first call on, all spans and events of the process at TRACE and all panics are seen.
    fn everything() -> &'static Self {
        static SEEN: OnceLock<Seen> = OnceLock::new();
        SEEN.get_or_init(|| {
            let seen = Seen::default();
            let subscriber = tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE);
            subscriber.with_span_events(FmtSpan::FULL).with_ansi(false).with_writer(seen.clone()).init();
            let (usual, on_panic) = (std::panic::take_hook(), seen.clone());
            std::panic::set_hook(Box::new(move |info| {
                on_panic.add(&format!("panic: {info} {info:?}"));
                usual(info);
            }));
            seen
        })
    }

    fn add(&self, text: &str) {
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).extend_from_slice(text.as_bytes());
    }

    fn debug(&self, value: &(impl Debug + ?Sized)) {
        self.add(&format!("{value:?}\n{value:#?}\n"));
    }

    fn display(&self, value: &(impl Debug + Display)) {
        self.add(&format!("{value}\n{value:#}\n"));
        self.debug(value);
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner())).into_owned()
    }
}

impl Write for Seen {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.add(&String::from_utf8_lossy(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'w> MakeWriter<'w> for Seen {
    type Writer = Self;

    fn make_writer(&'w self) -> Self {
        self.clone()
    }
}

/// A user all of whose claims but the subject are private.
fn canary() -> User {
    User::empty()
        .claim("sub", "jane-1")
        .claim("email", EMAIL)
        .claim("name", "Canary Name")
        .claim("given_name", "canary-given")
        .claim("family_name", "canary-family")
        .claim("picture", "https://canary-picture.example/")
        .claim("groups", ["canary-group"])
        .claim("roles", ["canary-role"])
        .claim("custom:secret", "canary-claim")
        .claim("custom:list", vec![vec!["canary-inner"]])
}

/// That none of the canaries was seen, nor a piece of one of these tokens.
#[track_caller]
fn assert_unseen(tokens: &[String]) {
    let seen = Seen::everything().text();
    let lower = seen.to_lowercase();
    // Whatever is of a user has the word in it, whether cut, quoted or escaped.
    let word = lower.find("canary");
    assert_eq!(word.map(|at| lower[at.saturating_sub(200)..].chars().take(400).collect::<String>()), None);
    for token in tokens {
        for segment in token.split('.').skip(1).filter(|segment| segment.len() >= 32) {
            // Half of it would be too much.
            for piece in [&segment[..16], &segment[segment.len() / 2..][..16]] {
                assert!(!seen.contains(piece), "a piece of a token: {piece}");
            }
        }
    }
}

fn request<'a>(alb: &'a MockAlb, token: &str) -> tower_alb_auth::test_util::MockRequest<'a> {
    alb.request("/").token(token).header("x-amzn-oidc-accesstoken", ACCESS_TOKEN)
}

/// Shows all that a handler can see, then panics if the path says so.
async fn handler(request: Request<String>) -> Result<Response<String>, Infallible> {
    let seen = Seen::everything();
    seen.debug(&request);
    let extensions = request.extensions();
    if let Some(user) = extensions.get::<BackstageIdentity>() {
        seen.debug(user);
        seen.debug(&user.profile());
        seen.display(user.user_entity_ref());
        seen.debug(user.ownership_entity_refs());
    }
    let claims = Claims::of(extensions).expect("claims");
    assert_eq!(claims.email(), Some(EMAIL), "the canary is there");
    seen.debug(claims);
    seen.debug(&claims.stable_id());
    seen.display(&claims.get::<u64>("custom:secret").expect_err("not a number"));
    seen.display(&claims.get::<Vec<u64>>("custom:list").expect_err("not numbers"));
    seen.debug(&extensions.get::<AlbAccessToken>());
    assert_ne!(request.uri().path(), "/panic", "the handler panics, with {claims:?} and {request:?}");
    Ok(Response::new("done".to_owned()))
}

/// A configuration with a policy, once there is a load balancer.
type MakeConfig = Box<dyn FnOnce(&MockAlb) -> AlbAuthConfig>;

fn policies() -> Vec<MakeConfig> {
    fn of(policy: impl SignInResolver) -> MakeConfig {
        Seen::everything().debug(&policy.policy());
        Box::new(|alb| alb.config_builder().sign_in(policy).record_user_in_spans().build().unwrap())
    }
    let groups = GroupOwnership::of(Subject::new()).claim("groups").map("canary-group", "group:default/a");
    let subject = |claims: &Claims| Ok(SignIn::user(EntityRef::user(claims.subject()).unwrap()));
    vec![
        of(ClaimsOnly),
        of(Subject::new()),
        of(FirstMatch::of(NamedClaim::new("no such claim")).or(groups.clone())),
        of(from_fn(subject)),
        of(from_async_fn(move |claims| async move { subject(&claims) })),
    ]
}

#[tokio::test]
async fn s_61_nothing_of_a_user_who_is_let_in_is_seen() {
    let seen = Seen::everything();
    let mut tokens = Vec::new();
    for policy in policies() {
        let alb = MockAlb::new();
        let config = policy(&alb);
        let token = alb.sign(&canary());
        for layer in [
            AlbAuthLayer::new(config.clone()),
            AlbAuthLayer::new(config.clone()).keep_headers().expose_access_token(),
            AlbAuthLayer::new(config.clone()).optional().expose_access_token(),
        ] {
            let handle = layer.handle();
            let service = layer.layer(service_fn(handler));
            for _ in 0..2 {
                let mut service = service.clone();
                let future = service.ready().await.unwrap().call(request(&alb, &token).into());
                seen.debug(&future);
                let answer = future.await.unwrap();
                assert_eq!(answer.body(), "done");
                seen.debug(&answer);
            }
            seen.debug(&service);
            seen.debug(&layer);
            seen.debug(&handle);
            seen.debug(&handle.stats());
            seen.debug(&handle.readiness());
            seen.debug(&config);
            handle.reload(config.clone());

            let panicking = service.oneshot(alb.request("/panic").token(&token).into());
            assert!(tokio::spawn(panicking).await.unwrap_err().is_panic());
        }
        tokens.push(token);
    }
    let text = seen.text();
    assert!(text.contains("the handler panics") && text.contains("alb_auth"), "spans and panics are captured");
    assert!(text.contains("outcome=\"user\"") && text.contains("outcome=\"claims\""), "{}", &text[..2000]);
    assert_unseen(&tokens);
}

/// A refusal: of which kind, and what is sent to get it.
async fn refuse(
    kind: AuthErrorKind,
    tokens: &mut Vec<String>,
    send: impl AsyncFnOnce(&MockAlb, &TestClock) -> (App, String),
) {
    let clock = TestClock::new();
    let alb = MockAlb::new().with_clock(&clock);
    let (app, token) = send(&alb, &clock).await;
    let answer = app.call(request(&alb, &token)).await;
    assert_eq!(answer.kind(), Some(kind), "{:?}", answer.error);
    let seen = Seen::everything();
    seen.debug(&answer);
    let error = answer.error.unwrap();
    seen.display(&error);
    seen.add(&error.operator_message());
    seen.add(error.client_message());
    tokens.push(token);
}

fn app(alb: &MockAlb, policy: impl SignInResolver) -> App {
    App::new(AlbAuthLayer::new(alb.config_builder().sign_in(policy).build().unwrap()))
}

#[tokio::test]
async fn s_61_nothing_of_a_token_that_is_refused_is_seen() {
    use AuthErrorKind as K;
    let tokens = &mut Vec::new();
    type Change = fn(TokenBuilder<'_>) -> TokenBuilder<'_>;
    let changes: [(K, Change); 18] = [
        (K::MalformedHeader, |token| token.raw_header("{\"canary\"")),
        (K::MalformedHeader, |token| token.header("exp", "canary")),
        (K::DuplicateMember, |token| token.raw_header("{\"canary\":1,\"canary\":2}")),
        (K::DuplicateMember, |token| token.raw_payload("{\"canary\":1,\"canary\":2}")),
        (K::MalformedKeyId, |token| token.header("kid", "canary")),
        (K::UntrustedSigner, |token| token.header("signer", "arn:stranger")),
        (K::UntrustedIssuer, |token| token.header("iss", "https://stranger.example")),
        (K::UntrustedClient, |token| token.header("client", "stranger")),
        (K::UntrustedClient, |token| token.header("client", vec!["canary"])),
        (K::Expired, |token| token.expires_at(1)),
        (K::NotYetValid, |token| token.claim("nbf", 253_402_300_799_u64)),
        (K::LifetimeTooLong, |token| token.expires_at(253_402_300_799)),
        (K::MalformedClaims, |token| token.without_claim("sub")),
        (K::MalformedClaims, |token| token.claim("sub", "canary\n")),
        (K::MalformedClaims, |token| token.claim("email", "canary\r\n@example.com")),
        (K::MalformedClaims, |token| token.claim("iss", "https://canary.example")),
        (K::MalformedClaims, |token| token.claim("exp", "canary")),
        (K::MalformedClaims, |token| token.raw_payload("[\"canary\"]")),
    ];
    for (kind, change) in changes {
        let send = async |alb: &MockAlb, _: &TestClock| (app(alb, ClaimsOnly), change(alb.token(&canary())).sign());
        refuse(kind, tokens, send).await;
    }
    refuse(K::TooLarge, tokens, async |alb, _| {
        let limits = TokenLimits::new().max_token_bytes(1024);
        let config = alb.config_builder().sign_in(ClaimsOnly).token_limits(limits).build().unwrap();
        (App::new(AlbAuthLayer::new(config)), alb.sign(&canary().claim("more", "canary".repeat(200))))
    })
    .await;
    refuse(K::InvalidSignature, tokens, async |alb, _| {
        let mut stranger = MockAlb::with_keys_of(alb);
        stranger.rotate();
        let token = stranger.token(&canary()).header("signer", alb.signer()).header("kid", alb.kid()).sign();
        (app(alb, ClaimsOnly), token)
    })
    .await;
    refuse(K::ClockUnusable, tokens, async |alb, clock| {
        let token = alb.sign(&canary());
        clock.set_date(std::time::SystemTime::UNIX_EPOCH - std::time::Duration::from_secs(1));
        (app(alb, ClaimsOnly), token)
    })
    .await;
    for (kind, mode) in [
        (K::UnknownKey, KeyServerMode::Status(403)),
        (K::KeysUnavailable, KeyServerMode::Status(500)),
        (K::KeysUnavailable, KeyServerMode::Reset),
        (K::KeyRejected, KeyServerMode::Answer(b"canary".to_vec())),
    ] {
        refuse(kind, tokens, async |alb, _| {
            alb.set_key_server(mode);
            (app(alb, ClaimsOnly), alb.sign(&canary()))
        })
        .await;
    }
    // Not a token at all.
    let alb = MockAlb::new();
    let app = app(&alb, ClaimsOnly);
    for text in ["canary", "canary.canary.canary", "Bearer canary", "canary\u{e4}"] {
        Seen::everything().debug(&app.call(request(&alb, text)).await);
    }
    Seen::everything().debug(&app.call(request(&alb, "a").token("canary")).await);
    assert!(Seen::everything().text().contains("refused: "), "refusals are captured");
    assert_unseen(tokens);
}

#[tokio::test]
async fn s_61_nothing_of_a_user_whom_the_policy_refuses_is_seen() {
    use AuthErrorKind as K;
    let tokens = &mut Vec::new();
    let email = || EmailLocalPart::in_domains(["example.com"]);
    for (kind, user) in [
        (K::SignInRefused, canary()),
        (K::SignInRefused, canary().claim("email_verified", false)),
        (K::SignInRefused, canary().claim("email", "canary@example.com@canary")),
        (K::SignInRefused, canary().claim("email", "-canary@example.com")),
        (K::SignInRefused, canary().claim("email", format!("{}@example.com", "canary".repeat(60)))),
        (K::SignInRefused, canary().claim("email", "c\u{430}nary-canary@example.com")),
        (K::UserNotFound, canary().without("email")),
    ] {
        refuse(kind, tokens, async |alb, _| (app(alb, email()), alb.sign(&user))).await;
        let whole = || WholeEmail::in_domains(["example.com"]);
        refuse(kind, tokens, async |alb, _| (app(alb, FirstMatch::of(whole())), alb.sign(&user))).await;
    }
    for value in [serde_json::json!("Canary"), serde_json::json!("-canary"), serde_json::json!(["canary"])] {
        let user = canary().claim("user", value);
        refuse(K::SignInRefused, tokens, async |alb, _| (app(alb, NamedClaim::new("user")), alb.sign(&user))).await;
    }
    for (kind, error) in
        [(K::AmbiguousUser, SignInError::ambiguous("two")), (K::SignInUnavailable, SignInError::unavailable("down"))]
    {
        Seen::everything().display(&error);
        refuse(kind, tokens, async |alb, _| (app(alb, from_fn(move |_| Err(error.clone()))), alb.sign(&canary())))
            .await;
    }
    let panics = from_async_fn(|claims| async move { panic!("a bug in the policy, with {claims:?}") });
    refuse(K::SignInUnavailable, tokens, async |alb, _| (app(alb, panics), alb.sign(&canary()))).await;
    assert_unseen(tokens);
}

#[tokio::test]
async fn s_61_a_closure_that_refuses_can_print_all_it_gets() {
    let alb = MockAlb::new();
    let refuse = |error: &AuthError, request: &RefusedRequest<'_>| {
        let seen = Seen::everything();
        seen.display(error);
        seen.debug(request);
        seen.debug(request.headers);
        Response::new("refused".to_owned())
    };
    let token = alb.sign(&canary());
    for layer in [alb.layer(), alb.layer().keep_headers(), alb.layer().expose_access_token(), alb.layer().optional()] {
        let layer = layer.refuse_with(refuse);
        Seen::everything().debug(&layer);
        let service = layer.layer(service_fn(handler));
        for text in [token.as_str(), "canary.canary.canary", ""] {
            let answer = service.clone().oneshot(request(&alb, text).into()).await.unwrap();
            assert_eq!(answer.body(), "refused");
        }
    }
    assert_unseen(&[token]);
}

#[test]
fn s_61_a_configuration_that_is_printed_shows_no_secret() {
    let seen = Seen::everything();
    let alb = MockAlb::new();
    let builder = alb.config_builder().sign_in(Subject::new()).cache_limits(CacheLimits::new());
    seen.debug(&builder);
    let config = builder.build().unwrap();
    seen.debug(&config);
    seen.add(&config.summary());
    seen.debug(config.warnings());
    // Somebody may write a password into the address of the key endpoint.
    let entry = TrustedAlb::new(alb.signer(), alb.issuer()).client_id("app");
    let entry = entry.key_endpoint("https://user:canary@keys.example.com").sign_in(ClaimsOnly);
    let error = alb.keys_and_clock(AlbAuthConfig::builder().trust(entry)).build().unwrap_err();
    seen.display(&error);
    assert_unseen(&[]);
}

#[cfg(feature = "https")]
#[test]
fn s_61_the_password_of_a_proxy_is_not_seen() {
    use tower_alb_auth::keys::HttpsKeys;
    let seen = Seen::everything();
    let alb = MockAlb::new();
    for proxy in [
        "http://user:canary@proxy.example:3128",
        "socks5://user:canary@proxy.example",
        "canary@",
        "http://user:canary@",
    ] {
        let keys = HttpsKeys::new().proxy(proxy);
        seen.debug(&keys);
        let entry = TrustedAlb::new(alb.signer(), alb.issuer()).client_id("app").sign_in(ClaimsOnly);
        let builder = AlbAuthConfig::builder().trust(entry).https(keys);
        seen.debug(&builder);
        match builder.build() {
            Ok(config) => seen.debug(&config),
            Err(error) => seen.display(&error),
        }
    }
    assert_unseen(&[]);
}
