//! What a review by an attacker's view has found, so that it stays shut.

use std::{
    convert::Infallible,
    io,
    sync::{Arc, Mutex},
    time::Duration,
};

use crate::support::App;
use http::{HeaderName, HeaderValue, Request, Response, StatusCode};
use tower::{Layer, ServiceExt, service_fn};
use tower_alb_auth::{
    AlbAccessToken, AlbAuthConfig, AlbAuthLayer, AuthErrorKind, EntityRef,
    sign_in::{self, ClaimsOnly, EmailLocalPart, FirstMatch, SignIn, SignInError, Subject},
    test_util::{MockAlb, TestClock, User},
};

#[tokio::test]
async fn a_remembered_token_that_has_ended_refreshes_no_key() {
    let clock = TestClock::new();
    let alb = MockAlb::new().with_clock(&clock);
    let app = App::new(alb.layer());
    let ended = alb.sign(&User::jane());
    app.call(alb.request("/").token(&ended)).await.assert_ok("user:default/jane.doe");

    // The key is at the age at which a look-up starts its refresh.
    clock.advance(Duration::from_secs(3000));
    app.call(alb.request("/").token(&ended)).await.assert_401(AuthErrorKind::Expired);
    let_tasks_run().await;
    assert_eq!(alb.key_fetches(), 1);

    let fresh = alb.sign(&User::jane());
    app.call(alb.request("/").token(&fresh)).await.assert_ok("user:default/jane.doe");
    let_tasks_run().await;
    assert_eq!(alb.key_fetches(), 2, "it was due");
}

#[tokio::test]
async fn s_77_a_client_that_says_grpc_does_not_take_private_off() {
    let alb = MockAlb::new();
    let app = App::new(alb.layer());
    for claimed in ["application/grpc", "application/grpc-web+proto"] {
        let request = alb.request("/").user(&User::jane()).header("content-type", claimed);
        assert_eq!(app.call(request).await.header("cache-control"), Some("private"), "{claimed}");
    }
}

#[tokio::test]
async fn of_several_access_tokens_none_is_exposed() {
    let alb = MockAlb::new();
    let service = alb.layer().expose_access_token().layer(service_fn(|request: Request<String>| async move {
        let token = request.extensions().get::<AlbAccessToken>().and_then(AlbAccessToken::as_str).unwrap_or("none");
        Ok::<_, Infallible>(Response::new(token.to_owned()))
    }));
    let one = || alb.request("/").user(&User::jane());
    for (request, exposed) in [(one(), "opaque-access-token"), (one().header("x-amzn-oidc-accesstoken", "x"), "none")] {
        let answer = service.clone().oneshot(request.into()).await.expect("infallible");
        assert_eq!(answer.into_body(), exposed);
    }
}

#[tokio::test]
async fn kept_headers_among_very_many_do_not_panic() {
    let alb = MockAlb::new();
    let app = App::new(alb.layer().keep_headers());
    let mut request: Request<String> = alb.request("/").user(&User::jane()).into();
    let names = (0..).map(|number| HeaderName::try_from(format!("a{number}")).expect("a name"));
    let mut full = names.map(|name| request.headers_mut().try_append(name, HeaderValue::from_static("")).is_err());
    assert!(full.any(|full| full), "the map takes no more");
    drop(full);
    app.call(request).await.assert_ok("user:default/jane.doe");
}

#[tokio::test]
async fn s_55_at_an_issuer_of_many_organisations_an_email_without_email_verified_signs_no_user_in() {
    let shared = ["https://accounts.google.com", "https://login.microsoftonline.com/common/v2.0"];
    let own = "https://login.microsoftonline.com/0b6c2f3e-8f5f-4a39-a3f5-0f6e3f4f5a61/v2.0";
    for issuer in [shared[0], shared[1], own] {
        let alb = MockAlb::new().with_issuer(issuer);
        let app = App::new(alb.layer());
        let verified = alb.token(&User::jane()).claim("email_verified", true).sign();
        app.call(alb.request("/").token(&verified)).await.assert_ok("user:default/jane.doe");

        let unsaid = app.call(alb.request("/").token(&alb.sign(&User::jane()))).await;
        let expected = if issuer == own { StatusCode::OK } else { StatusCode::FORBIDDEN };
        assert_eq!(unsaid.status, expected, "{issuer}");
    }
}

#[tokio::test]
async fn s_42_two_users_are_resolved_separately_though_the_policy_forgot_a_claim() {
    let alb = MockAlb::new();
    let forgetful = sign_in::from_async_fn(|claims| async move {
        let name = claims.email().and_then(|email| email.split('@').next()).unwrap_or(claims.subject());
        EntityRef::user(name).map(SignIn::user).map_err(|error| SignInError::refused(error.to_string()))
    });
    let config =
        alb.config_builder().sign_in(forgetful.using_claims(["email"])).build().expect("a sound configuration");
    let app = App::new(AlbAuthLayer::new(config));
    for subject in ["one", "other"] {
        let token = alb.token(&User::jane()).claim("sub", subject).without_claim("email").sign();
        app.call(alb.request("/").token(&token)).await.assert_ok(&format!("user:default/{subject}"));
    }
}

#[test]
fn s_76_policies_in_a_row_that_may_give_one_name_say_so_at_start_up() {
    let alb = MockAlb::new();
    let email = || EmailLocalPart::in_domains(["example.com"]);
    let rows = [
        ("one namespace", FirstMatch::of(email()).or(Subject::new()), 1),
        ("an unknown one", FirstMatch::of(email()).or(sign_in::from_fn(|_| Err(SignInError::not_found("x")))), 1),
        ("two namespaces", FirstMatch::of(email()).or(Subject::new().in_namespace("by-subject")), 0),
        ("one that names nobody", FirstMatch::of(email()).or(ClaimsOnly), 0),
    ];
    for (case, policy, warnings) in rows {
        let config = alb.config_builder().sign_in(policy).accept_missing_email_verified().build();
        let config = config.expect("a sound configuration");
        let said = config.warnings().iter().filter(|warning| !warning.contains("the account 000000000000"));
        assert_eq!(said.count(), warnings, "{case}: {:?}", config.warnings());
    }
}

#[tokio::test]
async fn s_60_subjects_that_end_a_line_are_refused() {
    let alb = MockAlb::new();
    let app = App::new(alb.layer());
    for end in ['\u{2028}', '\u{2029}', '\u{85}', '\u{202e}'] {
        let token = alb.token(&User::jane()).claim("sub", format!("a{end}b")).sign();
        app.call(alb.request("/").token(&token)).await.assert_401(AuthErrorKind::MalformedClaims);
    }
}

#[test]
fn s_61_a_password_in_the_key_endpoint_is_not_in_the_error() {
    let entry = MockAlb::new().trusted().key_endpoint("https://user:hunter2@keys.example.com");
    let error = AlbAuthConfig::builder().trust(entry).sign_in(ClaimsOnly).build().expect_err("a password");
    assert!(error.to_string().contains("without user or password"), "{error}");
    assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}");
}

#[tokio::test]
async fn strangers_do_not_fill_the_log() {
    let clock = TestClock::new();
    let alb = MockAlb::new().with_clock(&clock);
    // Before the log begins, since its account is a warning.
    let layer = alb.layer();
    let log = Log::default();
    let writer = log.clone();
    // With one subscriber alive, tracing asks the thread that first comes by a call site whether it is of interest, and that
    // may be the thread of another test, which has none. With two it asks them all.
    let _spare = tracing::Dispatch::new(tracing::subscriber::NoSubscriber::default());
    let _guard = tracing::subscriber::set_default(
        tracing_subscriber::fmt().with_max_level(tracing::Level::WARN).with_writer(move || writer.clone()).finish(),
    );
    let app = App::new(layer);
    let strangers = MockAlb::with_keys_of(&alb).sign(&User::jane());
    let another_application = alb.token(&User::jane()).header("client", "another").sign();

    for _ in 0..100 {
        app.call(alb.request("/").token(&strangers)).await.assert_401(AuthErrorKind::UntrustedSigner);
    }
    assert_eq!(log.lines(), 10);
    app.call(alb.request("/").token(&another_application)).await.assert_401(AuthErrorKind::UntrustedClient);
    assert_eq!(log.lines(), 11, "one kind does not silence another");
    clock.advance(Duration::from_secs(10));
    let strangers = MockAlb::with_keys_of(&alb).sign(&User::jane());
    app.call(alb.request("/").token(&strangers)).await.assert_401(AuthErrorKind::UntrustedSigner);
    assert_eq!(log.lines(), 12, "nor itself for good");
}

#[tokio::test]
async fn s_24_after_a_reload_no_remembered_token_of_a_load_balancer_that_is_gone_is_let_in() {
    let (gone, kept) = (MockAlb::new(), MockAlb::new());
    let layer = gone.layer();
    let app = App::new(layer.clone());
    let token = gone.sign(&User::jane());
    app.call(gone.request("/").token(&token)).await.assert_ok("user:default/jane.doe");
    layer.handle().reload(kept.config());
    app.call(gone.request("/").token(&token)).await.assert_401(AuthErrorKind::UntrustedSigner);
}

/// Spawned tasks go first on a runtime of one thread.
async fn let_tasks_run() {
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn lines(&self) -> usize {
        self.0.lock().expect("the log").iter().filter(|byte| **byte == b'\n').count()
    }
}

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("the log").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn a_user_whom_a_mixed_policy_does_not_name_is_403_and_no_mistake_of_the_application() {
    use axum::{Router, body::Body, routing::get};
    use tower_alb_auth::{BackstageIdentity, Claims};

    let alb = MockAlb::new();
    let policy = FirstMatch::of(EmailLocalPart::in_domains(["example.com"])).or(ClaimsOnly);
    let layer = AlbAuthLayer::new(alb.config_builder().sign_in(policy).build().unwrap());
    let maybe =
        |user: Option<BackstageIdentity>| async move { user.map_or("nobody".to_owned(), |user| format!("{user:?}")) };
    let app = Router::new()
        .route("/named", get(|user: BackstageIdentity| async move { user.user_entity_ref().to_string() }))
        .route("/maybe", get(maybe))
        .route("/claims", get(|claims: Claims| async move { claims.subject().to_owned() }))
        .layer(layer);

    let call = |path: &'static str, user: User| app.clone().oneshot(alb.request(path).user(&user).body(Body::empty()));
    for (path, status) in [("/named", 403), ("/maybe", 200), ("/claims", 200)] {
        assert_eq!(call(path, User::okta("jane")).await.unwrap().status(), status, "{path}");
        assert_eq!(call(path, User::jane()).await.unwrap().status(), 200, "{path}");
    }
}

#[test]
fn a_claim_that_several_people_share_names_no_user() {
    let alb = MockAlb::new();
    for claim in ["iss", "aud", "email_verified", "name", "email", "sub"] {
        let built = alb.config_builder().sign_in(sign_in::NamedClaim::new(claim)).build();
        assert!(built.is_err(), "{claim}");
    }
    assert!(alb.config_builder().sign_in(sign_in::NamedClaim::new("custom:username")).build().is_ok());
}

#[tokio::test]
async fn s_61_a_refusal_that_prints_its_request_prints_no_session() {
    let alb = MockAlb::new();
    let layer = alb.layer().refuse_with(|_, request| Response::new(format!("{request:?}")));
    let request = alb.request("/me?code=canary-query").header("cookie", "AWSELBAuthSessionCookie-0=canary-cookie");
    let printed = App::with(layer).call(request).await.body;
    assert!(printed.contains("/me") && !printed.contains("canary"), "{printed}");
}
