//! S-62: a stranger learns from a refusal that there is one, and not why.

use std::time::{Duration, SystemTime};

use http::{Method, Request, Version};
use tower_alb_auth::{
    AlbAuthLayer,
    AuthErrorKind::{self, *},
    sign_in::{self, SignIn, SignInError},
    test_util::{KeyServerMode, MockAlb, MockRequest, TestClock, User},
};

use crate::{
    service::{inside::IDENTITY, tokens::forged},
    support::{Answer, App},
};

/// How the layer is configured to respond, and the content type of the request.
type Form = (&'static str, fn(AlbAuthLayer) -> AlbAuthLayer, &'static str);

const FORMS: [Form; 4] = [
    ("text", |layer| layer, "text/html"),
    ("JSON", AlbAuthLayer::refuse_with_backstage_json, "application/json"),
    ("gRPC", |layer| layer, "application/grpc"),
    ("gRPC where others get JSON", AlbAuthLayer::refuse_with_backstage_json, "application/grpc-web+proto"),
];

/// A request that is a call of gRPC if its content type says so.
fn call<'a>(alb: &'a MockAlb, content_type: &str) -> MockRequest<'a> {
    alb.request("/me").method(Method::POST).version(Version::HTTP_2).header("content-type", content_type)
}

/// Status, headers in their order, body.
type Shape = (u16, Vec<(String, Vec<u8>)>, String);

fn shape(answer: &Answer) -> Shape {
    let headers = answer.headers.iter().map(|(name, value)| (name.to_string(), value.as_bytes().to_vec()));
    (answer.status.as_u16(), headers.collect(), answer.body.clone())
}

/// That each request is refused for its own reason, and all of them in one shape. Gives the shape.
async fn one_shape(form: &str, app: &App, requests: Vec<(AuthErrorKind, Request<String>)>, but: &str) -> Shape {
    let mut first: Option<Shape> = None;
    for (kind, request) in requests {
        let mut answer = app.call(request).await;
        assert_eq!(answer.kind(), Some(kind), "{form}");
        answer.headers.remove(but);
        let shape = shape(&answer);
        assert_eq!(&shape, first.get_or_insert_with(|| shape.clone()), "{form}: {kind:?}");
    }
    assert_eq!(app.calls(), 0, "{form}");
    first.expect("a request")
}

/// A request for every reason of a 401, but for the clock's.
fn unauthorized(alb: &MockAlb, content_type: &str) -> Vec<(AuthErrorKind, Request<String>)> {
    let request = || call(alb, content_type);
    let token = || alb.token(&User::jane());
    let now = alb.unix_now();
    let good = token().sign();
    let twice = token().header_json().replacen('{', "{\"alg\":\"ES256\",", 1);
    let tokens = [
        (TooLarge, "x".repeat(17 * 1024)),
        (Malformed, String::new()),
        (Malformed, "a.b.c".to_owned()),
        (MalformedHeader, token().raw_header("[]").sign()),
        (DuplicateMember, token().raw_header(twice).sign()),
        (UnsupportedAlgorithm, token().header("alg", "none").sign()),
        (UnsupportedType, token().header("typ", "at+jwt").sign()),
        (UnsupportedHeader, token().header("crit", "exp").sign()),
        (MalformedKeyId, token().header("kid", "../x").sign()),
        (UntrustedSigner, token().header("signer", "arn:other").sign()),
        (UntrustedIssuer, token().header("iss", "https://evil.example").sign()),
        (UntrustedClient, token().header("client", "other").sign()),
        (Expired, token().expires_at(now - 3600).sign()),
        (LifetimeTooLong, token().expires_at(now + 48 * 3600).sign()),
        (UnknownKey, token().header("kid", "00000000-0000-4000-8000-000000000000").sign()),
        (InvalidSignature, forged(&good)),
        (NotYetValid, token().claim("nbf", now + 3600).sign()),
        (MalformedClaims, token().raw_payload("[]").sign()),
        (MalformedClaims, token().without_claim("sub").sign()),
    ];
    let mut requests: Vec<_> =
        tokens.into_iter().map(|(kind, token)| (kind, request().token(&token).body(String::new()))).collect();
    requests.push((Missing, request().into()));
    requests.push((DuplicateHeader, request().token(&good).token(&good).into()));
    requests.push((IdentityMismatch, request().token(&good).header(IDENTITY, "admin").into()));
    requests
}

#[tokio::test]
async fn s_62_every_401_is_the_same_to_the_byte() {
    for (form, configure, content_type) in FORMS {
        let clock = TestClock::new();
        let alb = MockAlb::new().with_clock(&clock);
        let app = App::new(configure(alb.layer()));
        let usual = one_shape(form, &app, unauthorized(&alb, content_type), "").await;

        let request = call(&alb, content_type).user(&User::jane());
        clock.set_date(SystemTime::UNIX_EPOCH - Duration::from_secs(1));
        let unusable = one_shape(form, &app, vec![(ClockUnusable, request.into())], "").await;
        assert_eq!(usual, unusable, "{form}");
    }
}

/// A policy that fails in the way that the subject names.
fn failing(alb: &MockAlb) -> AlbAuthLayer {
    let policy = sign_in::from_fn(|claims| {
        Err::<SignIn, _>(match claims.subject() {
            "refused" => SignInError::refused("the domain is evil.example"),
            "not found" => SignInError::not_found("nobody of that name"),
            "ambiguous" => SignInError::ambiguous("two of that name"),
            _ => SignInError::unavailable("the catalog is down"),
        })
    });
    AlbAuthLayer::new(alb.config_builder().sign_in(policy).build().unwrap())
}

#[tokio::test]
async fn s_62_every_403_is_the_same_to_the_byte() {
    for (form, configure, content_type) in FORMS {
        let alb = MockAlb::new();
        let of = |subject: &str| {
            let token = alb.sign(&User::empty().claim("sub", subject));
            call(&alb, content_type).token(&token).into()
        };
        let app = App::new(configure(failing(&alb)));
        let requests =
            vec![(SignInRefused, of("refused")), (UserNotFound, of("not found")), (SignInRefused, of("refused"))];
        let forbidden = one_shape(form, &app, requests, "").await;
        // Several users that match are a mistake in a catalog, which its owner is to hear of.
        let ambiguous = one_shape(form, &app, vec![(AmbiguousUser, of("ambiguous"))], "").await;
        assert_ne!(forbidden, ambiguous, "{form}");
    }
}

#[tokio::test]
async fn s_62_every_403_of_the_email_policy_is_the_same_to_the_byte() {
    for (form, configure, content_type) in FORMS {
        let alb = MockAlb::new();
        let app = App::new(configure(alb.layer()));
        let with = |user: &User| call(&alb, content_type).user(user).into();
        let email = |email: &str| with(&User::jane().claim("email", email));
        let requests = vec![
            (SignInRefused, email("jane@evil.example")),
            (SignInRefused, email("jane@example.com@evil.example")),
            (SignInRefused, email("j\u{e4}ne@example.com")),
            (SignInRefused, email("jane+x@example.com")),
            (SignInRefused, email("-@example.com")),
            (SignInRefused, with(&User::jane().claim("email_verified", false))),
            (UserNotFound, with(&User::okta("jane"))),
        ];
        one_shape(form, &app, requests, "").await;
    }
}

#[tokio::test]
async fn s_62_every_503_is_the_same_but_for_the_time_to_come_back() {
    for (form, configure, content_type) in FORMS {
        let request = |alb: &MockAlb| -> Request<String> { call(alb, content_type).user(&User::jane()).into() };
        let mut shapes = Vec::new();
        for (kind, mode) in [
            (KeysUnavailable, KeyServerMode::Status(302)),
            (KeysUnavailable, KeyServerMode::Reset),
            (KeyRejected, KeyServerMode::Answer(b"<html>".to_vec())),
            (SignInUnavailable, KeyServerMode::Healthy),
        ] {
            let alb = MockAlb::new();
            alb.set_key_server(mode);
            let app = App::new(configure(failing(&alb)));
            shapes.push(one_shape(form, &app, vec![(kind, request(&alb))], "retry-after").await);
        }
        assert!(shapes.windows(2).all(|pair| pair[0] == pair[1]), "{form}: {shapes:?}");
    }
}
