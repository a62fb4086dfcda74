//! A check: the client's request from its description, and the decision as a message.

use std::sync::Arc;

use axum::body::Body;
use http::{HeaderName, HeaderValue, Method, Request, Response, StatusCode, Uri, header};
use http_body_util::BodyExt;

use super::messages::{
    CheckRequest, CheckResponse, DeniedHttpResponse, HeaderValueOption, HttpRequest, HttpResponse, HttpStatus,
    OkHttpResponse, Status, Struct, Value,
};
use crate::{
    BackstageIdentity, Claims,
    auth_proxy::{
        gate::{Gate, Mode},
        other_targets::SentHeaders,
        rules::{Needs, described_path},
    },
    internal::HostName,
};

/// Codes of `google.rpc.Status`.
const OK: i32 = 0;
const PERMISSION_DENIED: i32 = 7;
const UNAVAILABLE: i32 = 14;
const UNAUTHENTICATED: i32 = 16;

const GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");

pub(super) async fn check(gate: Arc<Gate>, check: CheckRequest) -> CheckResponse {
    let described = check.attributes.and_then(|attributes| attributes.request).and_then(|request| request.http);
    let described = described.unwrap_or_default();
    let needs = needs(&gate, &described).unwrap_or_else(|| gate.rules.strictest());
    // Without its headers no rule admits it.
    let (needs, request) = match request(described) {
        Some(request) => (needs, request),
        None => (gate.rules.strictest(), Request::new(Body::empty())),
    };
    let is_grpc = is_grpc_call(&request);
    let admit = Arc::new(Admit(SentHeaders::of(request.headers())));
    let mut response = gate.pass(admit, needs, request).await;
    match response.extensions_mut().remove::<Admitted>() {
        Some(Admitted(admitted)) => admitted,
        None => denied(response, is_grpc).await,
    }
}

/// `None` if the client's request is not known for certain.
fn needs(gate: &Gate, described: &HttpRequest) -> Option<Needs> {
    let path = described_path(&described.path)?;
    let method: Method = described.method.parse().ok()?;
    let host = match described.host.as_str() {
        "" => None,
        host => Some(HostName::read(host)?),
    };
    gate.rules.needs(&method, host.as_ref(), path).ok()
}

/// `None` for more headers than a request can have. A header without a valid value is there with an empty one, so
/// that it is removed, and refused as a token.
fn request(described: HttpRequest) -> Option<Request<Body>> {
    let HttpRequest { method, headers, path, header_map, .. } = described;
    let mut request = Request::new(Body::empty());
    *request.method_mut() = method.parse().unwrap_or(Method::POST);
    *request.uri_mut() = path.parse().unwrap_or(Uri::from_static("/"));
    let raw = header_map.unwrap_or_default().headers.into_iter().map(|header| match header.raw_value.is_empty() {
        true => (header.key, header.value.into_bytes()),
        false => (header.key, header.raw_value),
    });
    let joined = headers.into_iter().map(|(name, value)| (name, value.into_bytes()));
    for (name, value) in raw.chain(joined) {
        // Pseudo-headers, such as `:path`, are no names.
        let Ok(name) = HeaderName::try_from(name) else { continue };
        let value = HeaderValue::try_from(value).unwrap_or(HeaderValue::from_static(""));
        // Two of one name stay two.
        request.headers_mut().try_append(name, value).ok()?;
    }
    Some(request)
}

/// Envoy responds to it with HTTP status 200 and a gRPC status.
fn is_grpc_call(request: &Request<Body>) -> bool {
    let content_type = request.headers().get(header::CONTENT_TYPE).map(HeaderValue::as_bytes).unwrap_or_default();
    content_type == b"application/grpc" || content_type.starts_with(b"application/grpc+")
}

/// The decision, in the extensions of a response.
#[derive(Clone)]
struct Admitted(CheckResponse);

struct Admit(SentHeaders);

impl Mode for Admit {
    async fn admitted(
        self: Arc<Self>,
        request: Request<Body>,
        identity: Vec<(HeaderName, HeaderValue)>,
    ) -> Response<Body> {
        let dynamic_metadata = metadata(&request);
        let set: Option<Vec<_>> = identity.iter().map(|(name, value)| HeaderValueOption::set(name, value)).collect();
        let mut response = Response::new(Body::empty());
        // Templates make ASCII only.
        let Some(headers) = set else {
            *response.status_mut() = StatusCode::FORBIDDEN;
            return response;
        };
        // Envoy sets headers first, and would remove what it has set.
        let is_set = |name: &HeaderName| identity.iter().any(|(set, _)| set == name);
        let names = self.0.to_remove(request).filter(|name| !is_set(name));
        let headers_to_remove = names.map(|name| name.as_str().to_owned()).collect();
        let ok = OkHttpResponse { headers, headers_to_remove };
        let status = Some(Status { code: OK });
        let admitted = CheckResponse { status, http_response: Some(HttpResponse::Ok(ok)), dynamic_metadata };
        response.extensions_mut().insert(Admitted(admitted));
        response
    }
}

/// Who the user is, for other filters of Envoy.
fn metadata(request: &Request<Body>) -> Option<Struct> {
    let claims = Claims::of(request.extensions())?;
    let entity = request.extensions().get::<BackstageIdentity>().map(|user| user.user_entity_ref().to_string());
    let texts = [
        ("issuer", Some(claims.issuer().to_owned())),
        ("subject", Some(claims.subject().to_owned())),
        ("entity", entity),
    ];
    let fields =
        texts.into_iter().filter_map(|(name, text)| Some((name.to_owned(), Value { text: Some(text?) }))).collect();
    Some(Struct { fields })
}

async fn denied(response: Response<Body>, is_grpc: bool) -> CheckResponse {
    let (parts, body) = response.into_parts();
    // Whatever it is, it admits nothing.
    let http = if parts.status.is_success() { StatusCode::FORBIDDEN } else { parts.status };
    let code = match http {
        StatusCode::UNAUTHORIZED => UNAUTHENTICATED,
        StatusCode::SERVICE_UNAVAILABLE => UNAVAILABLE,
        _ => PERMISSION_DENIED,
    };
    let mut headers: Vec<HeaderValueOption> = parts
        .headers
        .iter()
        // Envoy sets the length, and the type of a response to gRPC.
        .filter(|(name, _)| **name != header::CONTENT_LENGTH && !(is_grpc && **name == header::CONTENT_TYPE))
        .filter_map(|(name, value)| HeaderValueOption::set(name, value))
        .collect();
    if is_grpc && !parts.headers.contains_key(GRPC_STATUS) {
        // Envoy would make UNKNOWN of some.
        headers.extend(HeaderValueOption::set(&GRPC_STATUS, &HeaderValue::from(code)));
    }
    // A text of this crate, of one line.
    let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    let status = Some(HttpStatus { code: i32::from(http.as_u16()) });
    let denied = DeniedHttpResponse { status, headers, body: String::from_utf8_lossy(&body).into_owned() };
    CheckResponse {
        status: Some(Status { code }),
        http_response: Some(HttpResponse::Denied(denied)),
        dynamic_metadata: None,
    }
}
