//! Whom `/awsalb/refresh` sends away, and what it says.

use std::{sync::atomic::Ordering, time::Duration};

use axum::Router;
use http::Method;
use tower_alb_auth::{
    AlbAuthLayer, EntityRef,
    backstage::router,
    sign_in::{self, SignIn, SignInError},
    test_util::{KeyServerMode, MockAlb, User},
};

use crate::{
    router::site::{SAYS_403, Site, listen, said, shown},
    support::traced::Traced,
    support::wire::{Answer, Caller, Http},
};

const SAYS_401: &str = "This needs a sign-in through the load balancer.";
const SAYS_503: &str = "Your sign-in cannot be checked at the moment. Please try again.";

/// A policy that fails as the subject says.
fn failing(alb: &MockAlb) -> AlbAuthLayer {
    let policy = sign_in::from_fn(|claims| match claims.subject() {
        "refused" => Err(SignInError::refused("the domain is not allowed")),
        "not found" => Err(SignInError::not_found("nobody of that name")),
        "ambiguous" => Err(SignInError::ambiguous("two of that name")),
        "unavailable" => Err(SignInError::unavailable("the catalog is down")),
        "unnamed" => Ok(SignIn::claims_only()),
        _ => Ok(SignIn::user(EntityRef::user("jane").unwrap())),
    });
    AlbAuthLayer::new(alb.config_builder().sign_in(policy).build().unwrap())
}

fn subject(subject: &str) -> User {
    User::empty().claim("sub", subject)
}

#[tokio::test]
async fn each_reason_has_its_status() {
    let site = Site::of(failing, |auth| auth).await;
    for (who, status, name, message) in [
        ("refused", 403, "NotAllowedError", SAYS_403),
        ("not found", 403, "NotAllowedError", SAYS_403),
        ("unnamed", 403, "NotAllowedError", SAYS_403),
        ("ambiguous", 409, "ConflictError", "You are signed in, but more than one user matches you here."),
        ("unavailable", 503, "ServiceUnavailableError", SAYS_503),
    ] {
        let answer = site.refresh(&subject(who)).await;
        assert_eq!(said(&answer), (status, name.to_owned(), message.to_owned()), "{who}");
        assert_eq!(answer.header("retry-after"), (status == 503).then_some("1"), "{who}");
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{who}");
    }
}

#[tokio::test]
async fn an_error_is_in_backstage_s_shape() {
    let site = Site::of(failing, |auth| auth).await;
    insta::assert_snapshot!(shown(&site.refresh(&subject("not found")).await), @r##"
    403
    cache-control: no-store
    content-length: 190
    content-type: application/json; charset=utf-8
    vary: origin
    x-content-type-options: nosniff

    {"error":{"name":"NotAllowedError","message":"You are signed in, but this application does not let you in."},"request":{"method":"GET","url":"/awsalb/refresh"},"response":{"statusCode":403}}
    "##);
    insta::assert_snapshot!(shown(&site.refresh(&subject("ambiguous")).await), @r##"
    409
    cache-control: no-store
    content-length: 187
    content-type: application/json; charset=utf-8
    vary: origin
    x-content-type-options: nosniff

    {"error":{"name":"ConflictError","message":"You are signed in, but more than one user matches you here."},"request":{"method":"GET","url":"/awsalb/refresh"},"response":{"statusCode":409}}
    "##);
    insta::assert_snapshot!(shown(&site.refresh(&subject("unavailable")).await), @r##"
    503
    cache-control: no-store
    content-length: 201
    content-type: application/json; charset=utf-8
    retry-after: 1
    vary: origin
    x-content-type-options: nosniff

    {"error":{"name":"ServiceUnavailableError","message":"Your sign-in cannot be checked at the moment. Please try again."},"request":{"method":"GET","url":"/awsalb/refresh"},"response":{"statusCode":503}}
    "##);
}

/// All tokens that are not to be taken, by name.
fn bad_tokens(alb: &MockAlb) -> Vec<(&'static str, String)> {
    let token = || alb.token(&User::jane());
    let good = token().sign();
    let mut forged = good.clone();
    let first_of_signature = good.rfind('.').unwrap() + 1;
    forged.replace_range(
        first_of_signature..=first_of_signature,
        if &good[first_of_signature..=first_of_signature] == "A" { "B" } else { "A" },
    );
    let stranger = MockAlb::with_keys_of(alb);
    vec![
        ("empty", String::new()),
        ("no JWT", "a.b.c".to_owned()),
        ("too long", "x".repeat(17 * 1024)),
        ("forged", forged),
        ("unsigned", token().header("alg", "none").sign()),
        ("of another load balancer", stranger.sign(&User::jane())),
        ("of another issuer", token().header("iss", "https://evil.example").sign()),
        ("of another client", token().header("client", "other").sign()),
        ("expired", token().expires_at(alb.unix_now() - 3600).sign()),
        ("with a key from elsewhere", token().header("jku", "https://evil.example").sign()),
        ("without a subject", token().without_claim("sub").sign()),
        ("with a header twice", token().header_json().replacen('{', "{\"alg\":\"ES256\",", 1)),
    ]
}

#[tokio::test]
async fn s_62_every_401_is_the_same_to_the_byte() {
    let site = Site::new().await;
    let missing = shown(&site.get("/awsalb/refresh").await);
    for (name, token) in bad_tokens(&site.alb) {
        let answer = site.call(site.request("/awsalb/refresh").token(&token)).await;
        assert_eq!(said(&answer), (401, "AuthenticationError".to_owned(), SAYS_401.to_owned()), "{name}");
        assert_eq!(shown(&answer), missing, "{name}");
    }
    let good = site.alb.sign(&User::jane());
    let twice = site.request("/awsalb/refresh").token(&good).token(&good);
    assert_eq!(shown(&site.call(twice).await), missing);
    let mismatch = site.request("/awsalb/refresh").token(&good).header("x-amzn-oidc-identity", "admin");
    assert_eq!(shown(&site.call(mismatch).await), missing);
}

#[tokio::test]
async fn s_62_every_403_is_the_same_to_the_byte() {
    let site = Site::of(failing, |auth| auth).await;
    let refused = shown(&site.refresh(&subject("refused")).await);
    for who in ["not found", "unnamed"] {
        assert_eq!(shown(&site.refresh(&subject(who)).await), refused, "{who}");
    }
}

#[tokio::test]
async fn s_62_every_503_is_the_same_but_for_the_time_to_come_back() {
    let without_time = |mut answer: Answer| {
        assert_eq!(said(&answer), (503, "ServiceUnavailableError".to_owned(), SAYS_503.to_owned()));
        answer.headers.remove("retry-after").expect("when to come back");
        shown(&answer)
    };
    let site = Site::of(failing, |auth| auth).await;
    let catalog = without_time(site.refresh(&subject("unavailable")).await);

    site.stores.keys_down.store(true, Ordering::SeqCst);
    assert_eq!(without_time(site.refresh(&User::jane()).await), catalog, "the store of keys");
    site.stores.keys_down.store(false, Ordering::SeqCst);
    site.stores.users_down.store(true, Ordering::SeqCst);
    assert_eq!(without_time(site.refresh(&User::jane()).await), catalog, "the store of users");
    site.stores.users_down.store(false, Ordering::SeqCst);
    assert_eq!(site.refresh(&User::jane()).await.status, 200, "it recovers by itself");

    for mode in [KeyServerMode::Status(500), KeyServerMode::Reset, KeyServerMode::Answer(b"<html>".to_vec())] {
        let site = Site::new().await;
        site.alb.set_key_server(mode.clone());
        assert_eq!(without_time(site.refresh(&User::jane()).await), catalog, "{mode:?}");
    }
}

#[tokio::test]
async fn s_28_a_backstage_token_signs_no_user_in() {
    let site = Site::new().await;
    let token = site.token(&User::jane()).await;
    let answer = site.call(site.request("/awsalb/refresh").token(&token)).await;
    assert_eq!(answer.status, 401);
    let bearer = site.request("/awsalb/refresh").header("authorization", format!("Bearer {token}"));
    assert_eq!(site.call(bearer).await.status, 401);
}

#[tokio::test]
async fn s_61_neither_logs_nor_bodies_show_who_it_was() {
    let (traced, _guard) = Traced::begin();
    let site = Site::of(failing, |auth| auth.expose_access_token()).await;
    let user = |sub: &str| subject(sub).claim("email", "canary.jane@partner.example").claim("name", "Canary Doe");
    let mut bodies = String::new();
    for who in ["refused", "not found", "ambiguous", "unavailable", "unnamed"] {
        bodies += &site.refresh(&user(who)).await.body;
    }
    let session = site.refresh(&user("jane")).await;
    let token = crate::router::site::token(&session);
    let (head, signature) = token.rsplit_once('.').unwrap();
    let signature: String = signature.chars().rev().collect();
    let query = site
        .request("/v1/userinfo?access_token=canary-query")
        .header("authorization", format!("Bearer {head}.{signature}"));
    bodies += &site.call(query).await.body;
    site.stores.users_down.store(true, Ordering::SeqCst);
    bodies += &site.user_info(&token).await.body;
    site.stores.users_down.store(false, Ordering::SeqCst);
    let url = site.request("/awsalb/refresh?code=canary-query").header("x-amzn-oidc-accesstoken", "canary-access");
    bodies += &site.call(url).await.body;

    let logged = traced.all();
    assert!(logged.contains("the connection to the database was refused"), "the operator hears of the store");
    for secret in ["canary", "Canary", head, &site.alb.sign(&user("jane")), "opaque-access-token"] {
        assert!(!logged.contains(secret), "logged: {secret}");
        assert!(!bodies.contains(secret), "said: {secret}");
    }
}

#[tokio::test]
async fn a_store_that_is_down_does_not_fill_the_log() {
    let (traced, _guard) = Traced::begin();
    let site = Site::new().await;
    site.stores.keys_down.store(true, Ordering::SeqCst);
    for _ in 0..50 {
        assert_eq!(site.get("/.well-known/jwks.json").await.status, 503);
    }
    let lines = traced.lines(tracing::Level::WARN);
    let lines: Vec<_> = lines.iter().filter(|line| line.contains("out of reach")).collect();
    assert_eq!(lines.len(), 10, "{lines:?}");
    assert_eq!(lines[0], "the store of public keys is out of reach: the connection to the database was refused");
}

#[tokio::test]
async fn a_token_is_checked_again_when_it_has_expired() {
    let site = Site::new().await;
    let token = site.alb.sign(&User::jane());
    let request = site.request("/awsalb/refresh").token(&token);
    assert_eq!(site.call(request.clone()).await.status, 200);
    site.clock.advance(Duration::from_secs(151));
    assert_eq!(site.call(request).await.status, 401);
}

/// None of the routes is one of gRPC, so no error of theirs is 2xx, whatever a request says it is; and none has a body in answer
/// to HEAD, which breaks a stream of HTTP/2.
#[tokio::test]
async fn s_92_errors_of_the_router_have_their_status_and_form_for_every_request() {
    let mut address = None;
    let site = Site::serve(
        MockAlb::layer,
        |auth| auth,
        |auth| {
            let app = Router::new().nest("/api/auth", router(auth));
            address = Some(app.clone());
            app
        },
    )
    .await;
    let address = listen(address.expect("made")).await;
    for http in [Http::One, Http::Two] {
        let caller = Caller::new(http, address);
        for content_type in ["application/json", "application/grpc", "application/grpc+proto", "application/grpc-web"] {
            for (method, path, status) in [
                (Method::GET, "/awsalb/refresh", 401),
                (Method::POST, "/awsalb/refresh", 401),
                (Method::POST, "/github/start", 404),
                (Method::DELETE, "/awsalb/refresh", 405),
                (Method::POST, "/awsalb/handler/frame", 501),
                (Method::HEAD, "/awsalb/refresh", 401),
                (Method::HEAD, "/github/start", 404),
                (Method::HEAD, "/awsalb/logout", 405),
            ] {
                let row = format!("{http:?} {method} {path} {content_type}");
                let request = site.request(path).method(method.clone()).header("content-type", content_type);
                let answer = caller.call(request).await;
                assert_eq!((answer.status.as_u16(), answer.header("grpc-status")), (status, None), "{row}");
                assert_eq!(answer.header("content-type"), Some("application/json; charset=utf-8"), "{row}");
                assert_eq!(answer.header("cache-control"), Some("no-store"), "{row}");
                if method == Method::HEAD {
                    assert_eq!(answer.body, "", "{row}");
                } else {
                    assert_eq!(said(&answer).0, status, "{row}");
                }
            }
        }
    }
}
