//! `X-Amzn-Trace-Id`, the field `trace_id` of the load balancer's access log.

use std::fmt;

use http::{HeaderMap, HeaderName, HeaderValue};
use tracing::field::{DisplayValue, display};

const TRACE_ID: HeaderName = HeaderName::from_static("x-amzn-trace-id");
/// Maximum length of a recorded value. A load balancer's own has 40 characters, with `Self` 80; clients can add fields.
const MAX_SHOWN: usize = 512;
/// The recorded characters beside ASCII letters and digits: those of a load balancer's own fields, and what fields of clients
/// commonly have. Quotes, brackets and white space would end a field or a span in the text of a log.
const PUNCTUATION: &[u8] = b"=;:-_.,/+";

/// The trace id of a request, if it has one. It is looked up when it is shown, so a request that is not recorded pays nothing.
#[derive(Clone, Copy)]
pub(crate) enum TraceId<'h> {
    In(&'h HeaderMap),
    Value(Option<&'h HeaderValue>),
}

/// The trace id of a request that is no longer at hand.
#[derive(Clone)]
pub(crate) struct OwnedTraceId(Option<HeaderValue>);

/// The characters of a trace id that are recorded, of the first [`MAX_SHOWN`] bytes. Clients can write the value.
pub(crate) struct ShownTraceId<'h>(&'h HeaderValue);

impl<'h> TraceId<'h> {
    fn value(self) -> Option<&'h HeaderValue> {
        match self {
            Self::In(headers) => headers.get(TRACE_ID),
            Self::Value(value) => value,
        }
    }

    pub(crate) fn display(self) -> Option<ShownTraceId<'h>> {
        self.value().map(ShownTraceId)
    }

    /// For a field of a span or a log line.
    pub(crate) fn shown(self) -> Option<DisplayValue<ShownTraceId<'h>>> {
        self.display().map(display)
    }

    /// For an audit event.
    pub(crate) fn text(self) -> Option<String> {
        self.display().map(|shown| shown.to_string())
    }

    pub(crate) fn owned(self) -> OwnedTraceId {
        // A copy: the value of a request can be long, and may keep the whole head of the request in memory.
        let shown = self.value().map(|value| value.as_bytes().get(..MAX_SHOWN).unwrap_or(value.as_bytes()));
        OwnedTraceId(shown.and_then(|bytes| HeaderValue::from_bytes(bytes).ok()))
    }
}

impl OwnedTraceId {
    pub(crate) fn get(&self) -> TraceId<'_> {
        TraceId::Value(self.0.as_ref())
    }
}

impl fmt::Display for ShownTraceId<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_shown = |byte: &&u8| byte.is_ascii_alphanumeric() || PUNCTUATION.contains(byte);
        let shown = self.0.as_bytes().iter().take(MAX_SHOWN).filter(is_shown);
        shown.map(|byte| char::from(*byte)).try_for_each(|character| fmt::Write::write_char(f, character))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(value: &[u8]) -> Option<String> {
        let value = HeaderValue::from_bytes(value).expect("a header value");
        let headers = HeaderMap::from_iter([(TRACE_ID, value)]);
        let (now, later) = (TraceId::In(&headers), TraceId::In(&headers).owned());
        assert_eq!(now.text(), later.get().text());
        now.text()
    }

    #[test]
    fn a_trace_id_is_shown_whole() {
        const BOTH: &str = "Self=1-67891234-12456789abcdef012345678;Root=1-67891233-abcdef012345678912345678";
        assert_eq!(shown(BOTH.as_bytes()).as_deref(), Some(BOTH));
        assert_eq!(TraceId::In(&HeaderMap::new()).text(), None);
    }

    #[test]
    fn s_141_what_a_client_writes_into_it_is_bounded_and_cannot_end_a_field() {
        assert_eq!(shown(b"Root=1 kind=\"none\"\t\xffx").as_deref(), Some("Root=1kind=nonex"));
        assert_eq!(shown(b"x}:authenticate{outcome=\"user\"[]()'<>").as_deref(), Some("x:authenticateoutcome=user"));
        assert_eq!(shown(&[b'a'; 10_000]).map(|text| text.len()), Some(MAX_SHOWN));
        let long = HeaderValue::from_bytes(&[b'a'; 10_000]).expect("a header value");
        let owned = TraceId::Value(Some(&long)).owned();
        assert_eq!(owned.0.map(|value| value.len()), Some(MAX_SHOWN), "what is kept is bounded too");
    }
}
