//! Whether a request or response is gRPC, by its headers.

use http::{HeaderMap, HeaderValue, Method, StatusCode, Version, header};

use super::RefusedRequest;

/// The protocols of gRPC, by content type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum GrpcFamily {
    /// gRPC itself.
    Grpc,
    /// gRPC-Web, binary.
    Web,
    /// gRPC-Web, in base64.
    WebText,
}

impl GrpcFamily {
    /// By `content-type`. Two of them, or a list, are not gRPC: two readers may each use a
    /// different one.
    pub(crate) fn of(headers: &HeaderMap) -> Option<Self> {
        let mut values = headers.get_all(header::CONTENT_TYPE).iter();
        let (Some(value), None) = (values.next(), values.next()) else { return None };
        let value = value.as_bytes();
        // Most responses are not gRPC. All three types begin with the first.
        let grpc = Self::Grpc.content_type();
        let begins_so = value.get(..grpc.len()).is_some_and(|start| start.eq_ignore_ascii_case(grpc.as_bytes()));
        if !begins_so || value.contains(&b',') {
            return None;
        }
        // type/subtype[+suffix] *( OWS ";" OWS parameter ): RFC 9110 section 8.3.1.
        let essence = value.split(|byte| *byte == b';').next()?.trim_ascii_end();
        let mut parts = essence.splitn(2, |byte| *byte == b'+');
        let name = parts.next()?;
        if !parts.next().is_none_or(is_token) {
            return None;
        }
        [Self::Grpc, Self::Web, Self::WebText]
            .into_iter()
            .find(|family| name.eq_ignore_ascii_case(family.content_type().as_bytes()))
    }

    fn content_type(self) -> &'static str {
        match self {
            Self::Grpc => "application/grpc",
            Self::Web => "application/grpc-web",
            Self::WebText => "application/grpc-web-text",
        }
    }

    pub(super) fn content_type_header(self) -> HeaderValue {
        HeaderValue::from_static(self.content_type())
    }

    /// Whether the request is a call of a gRPC client, which reads the `grpc-status` of a response
    /// with HTTP status 200.
    ///
    /// gRPC uses only POST over HTTP/2, and a message has at least five bytes. A gateway that
    /// queries this service before it forwards a request sends the headers of that request without
    /// a body.
    pub(super) fn is_call(self, request: &RefusedRequest<'_>) -> bool {
        let is_zero = |length: &HeaderValue| length.as_bytes().iter().all(|digit| *digit == b'0');
        let is_empty = || request.headers.get_all(header::CONTENT_LENGTH).iter().any(is_zero);
        self == Self::Grpc && request.version == Version::HTTP_2 && request.method == Method::POST && !is_empty()
    }
}

/// How a refusal of a gRPC request is written.
#[derive(Debug, Clone, Copy)]
pub(crate) struct GrpcForm {
    pub(super) family: GrpcFamily,
    /// With HTTP status 200 and a gRPC status.
    pub(super) trailers_only: bool,
}

impl GrpcForm {
    /// `None` for any other request.
    pub(crate) fn of(request: &RefusedRequest<'_>) -> Option<Self> {
        let family = GrpcFamily::of(request.headers)?;
        Some(Self { family, trailers_only: family.is_call(request) })
    }
}

/// The gRPC status for an HTTP status. This is not gRPC's table for responses without a gRPC
/// status, in which 409 and 500 are 2 (unknown): here the reason is known.
pub(super) fn code(status: StatusCode) -> HeaderValue {
    HeaderValue::from_static(match status {
        StatusCode::UNAUTHORIZED => "16",
        StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT => "14",
        StatusCode::BAD_REQUEST | StatusCode::INTERNAL_SERVER_ERROR | StatusCode::LOOP_DETECTED => "13",
        StatusCode::PAYLOAD_TOO_LARGE => "8",
        _ => "7",
    })
}

/// RFC 9110 section 5.6.2.
fn is_token(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte))
}
