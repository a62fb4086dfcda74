//! Requests of every kind that a client can send through a gateway.

use http::Request;
use tower_alb_auth::test_util::{MockAlb, User};

const METHODS: [&str; 9] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND", "REPORT"];

const CONTENT_TYPES: [&[&str]; 13] = [
    &[],
    &["text/html"],
    &["application/json"],
    &["application/grpc"],
    &["application/grpc+proto"],
    &["APPLICATION/GRPC"],
    &["application/grpc ; charset=utf-8"],
    &["application/grpc-web"],
    &["application/grpc-web+proto"],
    &["application/grpc-web-text"],
    &["application/grpc", "application/grpc"],
    &["application/grpc", "text/html"],
    &["application/grpc, text/html"],
];

/// Beside the content type: what a client of gRPC sends, and what a client sends that wants to look like a gateway.
const EXTRAS: [&[(&str, &str)]; 6] = [
    &[],
    &[("te", "trailers"), ("grpc-timeout", "1S"), ("grpc-accept-encoding", "gzip")],
    &[("x-grpc-web", "1"), ("x-user-agent", "grpc-web-javascript/0.1")],
    &[("x-amzn-oidc-identity", "admin"), ("x-amzn-oidc-accesstoken", "opaque")],
    &[("x-forwarded-method", "POST"), ("x-http-method-override", "POST"), ("x-original-method", "POST")],
    &[("x-forwarded-proto", "h2"), ("x-forwarded-uri", "/healthz"), ("x-original-url", "/healthz")],
];

/// Who sends it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sender {
    Jane,
    Stranger,
    Forger,
    /// Signed in, and of a domain that is not let in.
    Guest,
}

/// One request, and how a failure names it.
pub struct Variant {
    pub name: String,
    pub sender: Sender,
    pub request: Request<String>,
}

/// All of them: every method with every content type and every set of other headers, by every refusal.
pub fn all(alb: &MockAlb, path: &str) -> Vec<Variant> {
    let jane = alb.sign(&User::jane());
    let forged = MockAlb::with_keys_of(alb).sign(&User::jane());
    let guest = alb.sign(&User::jane().claim("email", "jane@partner.example"));
    let senders = [
        (Sender::Jane, Some(&jane)),
        (Sender::Stranger, None),
        (Sender::Forger, Some(&forged)),
        (Sender::Guest, Some(&guest)),
    ];
    let mut variants = Vec::new();
    for method in METHODS {
        for content_types in CONTENT_TYPES {
            for extras in EXTRAS {
                for (sender, token) in senders {
                    // Else the identity of the extras is not hers, and she is refused for it.
                    if sender == Sender::Jane && extras.iter().any(|(name, _)| *name == "x-amzn-oidc-identity") {
                        continue;
                    }
                    let mut request = Request::builder().method(method).uri(path);
                    for content_type in content_types {
                        request = request.header("content-type", *content_type);
                    }
                    for (name, value) in extras {
                        request = request.header(*name, *value);
                    }
                    if let Some(token) = token {
                        request = request.header("x-amzn-oidc-data", token);
                    }
                    let with_body = matches!(method, "POST" | "PUT" | "PATCH");
                    // An empty message of gRPC: no compression, length 0.
                    let body = if with_body { "\0\0\0\0\0".to_owned() } else { String::new() };
                    let name = format!("{sender:?} {method} {content_types:?} {extras:?}");
                    variants.push(Variant { name, sender, request: request.body(body).expect("a request") });
                }
            }
        }
    }
    assert_eq!(variants.len(), 9 * 13 * (6 * 4 - 1));
    variants
}
