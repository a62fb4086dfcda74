//! S-79: a refusal is 2xx for a call of a gRPC client over HTTP/2, and for nothing else.

use http::{Method, Request, Version};
use tower::{Layer as _, ServiceExt as _, service_fn};
use tower_alb_auth::{
    AlbAuthLayer, RequireLayer,
    sign_in::{self, SignIn, SignInError},
    test_util::{MockAlb, User},
};

use crate::support::{Answer, App};

const METHODS: [&str; 12] =
    ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "PROPFIND", "post", "POST2"];

const VERSIONS: [Version; 5] = [Version::HTTP_09, Version::HTTP_10, Version::HTTP_11, Version::HTTP_2, Version::HTTP_3];

/// What a content type names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Names {
    /// `application/grpc`.
    Grpc,
    /// `application/grpc-web` or `application/grpc-web-text`.
    Web(&'static str),
    Other,
}

const WEB: Names = Names::Web("application/grpc-web");
const WEB_TEXT: Names = Names::Web("application/grpc-web-text");

/// The values of `content-type` in a request, and what they name.
const CONTENT_TYPES: [(&[&str], Names); 46] = [
    (&["application/grpc"], Names::Grpc),
    (&["application/grpc+proto"], Names::Grpc),
    (&["application/grpc+json"], Names::Grpc),
    (&["application/grpc+my-codec.v1"], Names::Grpc),
    (&["APPLICATION/GRPC"], Names::Grpc),
    (&["Application/Grpc+Proto"], Names::Grpc),
    (&["application/grpc;charset=utf-8"], Names::Grpc),
    (&["application/grpc; charset=utf-8"], Names::Grpc),
    (&["application/grpc \t; charset=utf-8"], Names::Grpc),
    (&["application/grpc+proto; a=b; c=\"d\""], Names::Grpc),
    (&["application/grpc;"], Names::Grpc),
    (&["application/grpc-web"], WEB),
    (&["application/grpc-web+proto"], WEB),
    (&["application/grpc-web; charset=utf-8"], WEB),
    (&["APPLICATION/GRPC-WEB+PROTO"], WEB),
    (&["application/grpc-web-text"], WEB_TEXT),
    (&["application/grpc-web-text+proto"], WEB_TEXT),
    (&["application/grpc-web-text;charset=utf-8"], WEB_TEXT),
    (&[], Names::Other),
    (&[""], Names::Other),
    (&["application/json"], Names::Other),
    (&["text/html"], Names::Other),
    (&["text/grpc"], Names::Other),
    (&["grpc"], Names::Other),
    (&["application/grpcx"], Names::Other),
    (&["application/grpc.v1"], Names::Other),
    (&["application/grpc/v1"], Names::Other),
    (&["application/grpc-webx"], Names::Other),
    (&["application/grpc-web-texts"], Names::Other),
    (&["application/grpc-websockets"], Names::Other),
    (&["application/grpc_web"], Names::Other),
    (&["application/ grpc"], Names::Other),
    (&["application/grpc +proto"], Names::Other),
    (&["application/grpc+"], Names::Other),
    (&["application/grpc+;a=b"], Names::Other),
    (&["application/grpc+pro to"], Names::Other),
    (&["application/grpc proto"], Names::Other),
    (&["application/grpc-web+"], Names::Other),
    (&["application/grpc, application/json"], Names::Other),
    (&["application/grpc;a=b, application/json"], Names::Other),
    (&["application/json, application/grpc"], Names::Other),
    (&["application/json;application/grpc"], Names::Other),
    (&["application/grpc", "application/grpc"], Names::Other),
    (&["application/grpc", "application/json"], Names::Other),
    (&["application/json", "application/grpc"], Names::Other),
    (&["application/grpc-web", "application/grpc"], Names::Other),
];

/// A layer that refuses with this status, and whether its requests need a token for that.
fn refusing(alb: &MockAlb, status: u16) -> AlbAuthLayer {
    let policy = sign_in::from_fn(move |_| {
        Err::<SignIn, _>(match status {
            403 => SignInError::refused("no"),
            409 => SignInError::ambiguous("two"),
            _ => SignInError::unavailable("down"),
        })
    });
    AlbAuthLayer::new(alb.config_builder().sign_in(policy).build().expect("a sound configuration"))
}

/// What a refusal with 500 gives: a requirement without the layer that it needs around it.
async fn misused(request: Request<String>, json: bool) -> Answer {
    let require = RequireLayer::signed_in();
    let require = if json { require.refuse_with_backstage_json() } else { require };
    let inner = service_fn(async |_: Request<String>| -> Result<http::Response<String>, std::convert::Infallible> {
        panic!("it must not be called")
    });
    let response = require.layer(inner).oneshot(request).await.expect("infallible");
    let (parts, body) = response.into_parts();
    let error = parts.extensions.get().cloned();
    Answer { status: parts.status, headers: parts.headers, body, error }
}

const REFUSALS: [(u16, &str, &str); 5] = [
    (401, "16", "This needs a sign-in through the load balancer."),
    (403, "7", "You are signed in, but this application does not let you in."),
    (409, "7", "You are signed in, but more than one user matches you here."),
    (503, "14", "Your sign-in cannot be checked at the moment. Please try again."),
    (500, "13", "This part of the application is set up wrongly."),
];

#[tokio::test]
async fn s_79_no_refusal_is_2xx_but_that_of_a_grpc_call_over_http_2() {
    let alb = MockAlb::new();
    let token = alb.sign(&User::jane());
    for (status, code, message) in REFUSALS {
        for json in [false, true] {
            let layer = refusing(&alb, status);
            let app = App::new(if json { layer.refuse_with_backstage_json() } else { layer });
            for method in METHODS {
                for version in VERSIONS {
                    for (content_types, names) in CONTENT_TYPES {
                        let mut request = Request::new(String::new());
                        *request.uri_mut() = "/pkg.Service/Method".parse().expect("a path");
                        *request.method_mut() = Method::from_bytes(method.as_bytes()).expect("a method");
                        *request.version_mut() = version;
                        let headers = request.headers_mut();
                        for content_type in content_types {
                            headers.append("content-type", content_type.parse().expect("a value"));
                        }
                        if status != 401 {
                            headers.insert("x-amzn-oidc-data", token.parse().expect("a value"));
                        }
                        let row = format!("{status} json={json} {method} {version:?} {content_types:?}");
                        let answer = if status == 500 { misused(request, json).await } else { app.call(request).await };

                        let is_call = method == "POST" && version == Version::HTTP_2 && names == Names::Grpc;
                        assert_eq!(answer.status.as_u16(), if is_call { 200 } else { status }, "{row}");
                        assert_eq!(answer.error.as_ref().map(|error| error.status().as_u16()), Some(status), "{row}");
                        assert_eq!(answer.header("cache-control"), Some("no-store"), "{row}");
                        let of_grpc = (answer.header("grpc-status"), answer.header("grpc-message"));
                        let content_type = answer.header("content-type");
                        match names {
                            Names::Other => {
                                assert_eq!(of_grpc, (None, None), "{row}");
                                assert_eq!(answer.body.is_empty(), method == "HEAD", "{row}");
                                let kind = if json { "application/json" } else { "text/plain" };
                                assert_eq!(content_type, Some(format!("{kind}; charset=utf-8").as_str()), "{row}");
                            }
                            Names::Grpc | Names::Web(_) => {
                                assert_eq!(of_grpc, (Some(code), Some(message)), "{row}");
                                assert_eq!(answer.body, "", "{row}");
                                let web = if let Names::Web(web) = names { web } else { "application/grpc" };
                                assert_eq!(content_type, Some(web), "{row}");
                            }
                        }
                        if !is_call {
                            assert_eq!(answer.header("www-authenticate").is_some(), status == 401, "{row}");
                            assert_eq!(answer.header("retry-after").is_some(), status == 503, "{row}");
                        }
                    }
                }
            }
            assert_eq!(app.calls(), 0);
        }
    }
}

/// A gateway that asks whether a request may pass sends its headers and no body. Envoy and Go's client, which Traefik uses,
/// say so by `content-length: 0`, and may ask over HTTP/2. A message of gRPC has five bytes at the least.
#[tokio::test]
async fn s_79_an_empty_request_is_no_grpc_call() {
    let alb = MockAlb::new();
    let app = App::new(alb.layer());
    let call = || {
        let request = alb.request("/pkg.Service/Method").method(Method::POST).version(Version::HTTP_2);
        request.header("content-type", "application/grpc+proto").header("te", "trailers")
    };
    for (length, status) in [("0", 401), ("00", 401), ("", 401), ("5", 200), ("10", 200)] {
        let answer = app.call(call().header("content-length", length)).await;
        assert_eq!((answer.status.as_u16(), answer.header("grpc-status")), (status, Some("16")), "{length:?}");
    }
    let twice = app.call(call().header("content-length", "5").header("content-length", "0")).await;
    assert_eq!(twice.status.as_u16(), 401);
}

#[tokio::test]
async fn s_79_a_layer_that_a_gateway_asks_can_do_without_the_form_of_grpc() {
    let alb = MockAlb::new();
    let call = || {
        let request = alb.request("/me").method(Method::POST).version(Version::HTTP_2);
        request.header("content-type", "application/grpc")
    };
    let layer = || alb.layer().refuse_by_http_status();
    let json = [layer().refuse_with_backstage_json(), alb.layer().refuse_with_backstage_json().refuse_by_http_status()];
    for layer in [layer()].into_iter().chain(json.clone()) {
        let answer = App::new(layer).call(call()).await;
        let of_grpc = (answer.header("grpc-status"), answer.header("www-authenticate"));
        assert_eq!((answer.status.as_u16(), answer.body.as_str(), of_grpc), (401, "", (Some("16"), Some("AlbOidc"))));
    }
    for layer in json {
        let answer = App::new(layer).call(alb.request("/me")).await;
        assert!(answer.body.starts_with(r#"{"error":{"name":"AuthenticationError""#), "{}", answer.body);
    }
}
