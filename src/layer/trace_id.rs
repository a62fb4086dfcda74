//! The trace id, for spans of applications.

use std::fmt::Display;

use http::HeaderMap;

use crate::alb::TraceId;

/// The value of `X-Amzn-Trace-Id`, by which a request is found in the load balancer's access log, for a span of the application.
///
/// The spans and refusal lines of this crate have it as `trace_id`. Clients can write a part of it: of at most 512 bytes, it has the ASCII
/// letters, the digits and `=;:-_.,/+`. Nothing is allocated.
///
/// ```
/// use tower_alb_auth::layer::trace_id;
///
/// let request = http::Request::get("/").header("x-amzn-trace-id", "Root=1-67891233-abcdef012345678912345678").body(())?;
/// let span = tracing::info_span!("request", trace_id = trace_id(request.headers()).map(tracing::field::display));
/// # let _ = span;
/// # Ok::<(), http::Error>(())
/// ```
pub fn trace_id(headers: &HeaderMap) -> Option<impl Display> {
    TraceId::In(headers).display()
}
