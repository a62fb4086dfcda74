//! What a refusal looks like.

use http::{Method, Version};
use tower_alb_auth::{
    AlbAuthLayer, AuthErrorKind, Fault,
    sign_in::{self, SignIn, SignInError},
    test_util::{KeyServerMode, MockAlb, MockRequest, User},
};

use crate::{
    service::inside::{Inside, jane},
    support::{Answer, App},
};

const SAYS: [(u16, &str); 4] = [
    (401, "This needs a sign-in through the load balancer."),
    (403, "You are signed in, but this application does not let you in."),
    (409, "You are signed in, but more than one user matches you here."),
    (503, "Your sign-in cannot be checked at the moment. Please try again."),
];

/// Load balancer and layer with which the request of the subject `subject` is refused with this status.
fn refusing(status: u16) -> (MockAlb, AlbAuthLayer) {
    let alb = MockAlb::new();
    let policy = sign_in::from_fn(move |_| {
        Err::<SignIn, _>(match status {
            403 => SignInError::refused("no"),
            409 => SignInError::ambiguous("two"),
            _ => SignInError::unavailable("down"),
        })
    });
    let layer = AlbAuthLayer::new(alb.config_builder().sign_in(policy).build().unwrap());
    (alb, layer)
}

fn request(alb: &MockAlb, status: u16) -> MockRequest<'_> {
    let request = alb.request("/me?tab=1");
    if status == 401 { request } else { request.user(&User::jane()) }
}

fn names(answer: &Answer) -> Vec<&str> {
    let mut names: Vec<&str> = answer.headers.keys().map(|name| name.as_str()).collect();
    names.sort_unstable();
    names
}

/// The headers of each status, and no others.
fn expected_names(status: u16) -> Vec<&'static str> {
    match status {
        401 => vec!["cache-control", "content-type", "www-authenticate"],
        503 => vec!["cache-control", "content-type", "retry-after"],
        _ => vec!["cache-control", "content-type"],
    }
}

#[tokio::test]
async fn a_status_a_sentence_and_the_headers_that_belong_to_it() {
    for (status, sentence) in SAYS {
        let (alb, layer) = refusing(status);
        let answer = App::new(layer).call(request(&alb, status)).await;
        assert_eq!((answer.status.as_u16(), answer.body.as_str()), (status, format!("{sentence}\n").as_str()));
        assert_eq!(names(&answer), expected_names(status), "{status}");
        assert_eq!(answer.header("content-type"), Some("text/plain; charset=utf-8"), "{status}");
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{status}");
        assert_eq!(answer.header("www-authenticate"), (status == 401).then_some("AlbOidc"), "{status}");
        assert_eq!(answer.header("retry-after"), (status == 503).then_some("1"), "{status}");
    }
}

#[tokio::test]
async fn backstages_json_to_the_byte() {
    let names_of = [
        (401, "AuthenticationError"),
        (403, "NotAllowedError"),
        (409, "ConflictError"),
        (503, "ServiceUnavailableError"),
    ];
    for ((status, sentence), (_, name)) in SAYS.into_iter().zip(names_of) {
        let (alb, layer) = refusing(status);
        let app = App::new(layer.refuse_with_backstage_json());
        let answer = app.call(request(&alb, status).method(Method::POST)).await;
        let expected = format!(
            "{{\"error\":{{\"name\":\"{name}\",\"message\":\"{sentence}\"}},\
             \"request\":{{\"method\":\"POST\",\"url\":\"/me?tab=1\"}},\"response\":{{\"statusCode\":{status}}}}}"
        );
        assert_eq!((answer.status.as_u16(), answer.body), (status, expected));
        let answer = App::new(refusing(status).1.refuse_with_backstage_json()).call(alb.request("/")).await;
        assert_eq!(answer.header("content-type"), Some("application/json; charset=utf-8"), "{status}");
    }
}

#[tokio::test]
async fn json_is_valid_whatever_the_address() {
    let alb = MockAlb::new();
    let app = App::new(alb.layer().refuse_with_backstage_json());
    for (path, url) in [
        ("/a\"b?c=d", "/a\"b?c=d"),
        ("/a?b=\\n", "/a?b=\\n"),
        ("http://internal/a", "/a"),
        ("*", "*"),
        ("/%22%0a", "/%22%0a"),
    ] {
        let answer = app.call(alb.request(path)).await;
        let json: serde_json::Value =
            serde_json::from_str(&answer.body).unwrap_or_else(|_| panic!("{path}: {}", answer.body));
        assert_eq!(json["request"]["url"], url, "{path}");
    }
}

#[tokio::test]
async fn json_is_written_by_configuration_and_not_by_what_the_client_accepts() {
    let alb = MockAlb::new();
    let (text, json) = (App::new(alb.layer()), App::new(alb.layer().refuse_with_backstage_json()));
    for accept in ["application/json", "text/html", "*/*"] {
        let request = || alb.request("/").header("accept", accept).header("content-type", "application/json");
        assert!(text.call(request()).await.body.starts_with("This needs"), "{accept}");
        assert!(json.call(request()).await.body.starts_with('{'), "{accept}");
    }
}

#[tokio::test]
async fn a_closure_says_anything_and_the_layer_adds_the_error() {
    let alb = MockAlb::new();
    let layer = alb.layer().refuse_with(|error, request| {
        let accept = request.headers.get("accept");
        let body = format!("{} {} {:?} {accept:?}: {error}", request.method, request.uri, request.version);
        http::Response::builder().status(418).header("x-kind", error.kind().as_str()).body(body).unwrap()
    });
    let app = App::with(layer.clone());
    let request = || alb.request("/me?tab=1").header("accept", "x/y").method(Method::PUT);
    // Also where others would get a status of gRPC: the closure is asked for everything.
    let grpc = request().header("content-type", "application/grpc").method(Method::POST).version(Version::HTTP_2);
    for (request, method, version) in [(request(), "PUT", "HTTP/1.1"), (grpc, "POST", "HTTP/2.0")] {
        let answer = app.call(request).await;
        assert_eq!(answer.status.as_u16(), 418);
        let expected =
            format!("{method} /me?tab=1 {version} Some(\"x/y\"): This needs a sign-in through the load balancer.");
        assert_eq!(answer.body, expected);
        assert_eq!(answer.header("x-kind"), Some("missing"));
        assert_eq!(answer.kind(), Some(AuthErrorKind::Missing));
    }
    // The same on the slow path.
    alb.set_key_server(KeyServerMode::Status(302));
    let answer = Inside::of(layer).call(jane(&alb)).await.answer;
    assert_eq!((answer.status.as_u16(), answer.header("x-kind")), (418, Some("keys_unavailable")));
    assert_eq!(answer.kind(), Some(AuthErrorKind::KeysUnavailable));
}

#[tokio::test]
async fn the_error_for_outer_layers_names_what_was_expected_and_found() {
    let alb = MockAlb::new();
    let stranger = MockAlb::with_keys_of(&alb);
    let answer = App::new(alb.layer()).call(jane(&stranger)).await;
    let error = answer.error.expect("an error in the extensions");
    assert_eq!((error.kind(), error.fault()), (AuthErrorKind::UntrustedSigner, Fault::Operator));
    for name in [alb.signer(), stranger.signer()] {
        assert!(error.operator_message().contains(name), "{}", error.operator_message());
        assert!(!error.to_string().contains(name), "what is printed gives nothing away");
        assert!(!answer.body.contains(name));
    }
}
