//! Whether a server failed because the request's headers are longer than it accepts.
//!
//! A load balancer sends the session's cookies and the token together, up to 32 KB. Many servers
//! accept less, and most of them reject the request before the application sees it.
//!
//! | the server | the log names the sizes if the headers have at least |
//! |---|---|
//! | responds with 431 or nginx's 494 | any size |
//! | responds with 400, which several servers send instead | 8,000 bytes |
//! | closes the connection without a response, as uWSGI does | 4,000 bytes |

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};

/// The smallest common limit of servers that respond with 400: 8 KB of nginx, Apache and aiohttp.
const LIMIT_OF_400: usize = 8_000;
/// The smallest common limit of all: 4 KB of uWSGI.
const SMALLEST_LIMIT: usize = 4_000;

/// Sizes of a request's headers, in bytes.
#[derive(Debug)]
pub(crate) struct HeaderSizes {
    all: usize,
    token: (HeaderName, usize),
    cookies: usize,
}

impl HeaderSizes {
    /// `token` is the header of the load balancer's token.
    pub(crate) fn of(headers: &HeaderMap, token: HeaderName) -> Self {
        // A line has ": " and its end too.
        let line = |(name, value): (&HeaderName, &HeaderValue)| {
            name.as_str().len().saturating_add(value.len()).saturating_add(4)
        };
        let sum = |name: &HeaderName| headers.get_all(name).iter().map(HeaderValue::len).sum();
        let of_token = sum(&token);
        Self { all: headers.iter().map(line).sum(), token: (token, of_token), cookies: sum(&header::COOKIE) }
    }

    /// What to add to the log about this response of the server.
    pub(crate) fn hint_for(&self, status: StatusCode) -> Option<String> {
        let is_likely = match status.as_u16() {
            431 | 494 => true,
            400 => self.all >= LIMIT_OF_400,
            _ => false,
        };
        is_likely.then(|| self.hint())
    }

    /// What to add to the log if the server gave no response at all.
    pub(crate) fn hint_for_no_response(&self) -> Option<String> {
        (self.all >= SMALLEST_LIMIT).then(|| self.hint())
    }

    fn hint(&self) -> String {
        let Self { all, token: (name, token), cookies } = self;
        format!(
            "the request has {all} bytes of headers ({name} {token}, cookies {cookies}), and a load balancer sends up to \
             64 KiB: if the server accepts fewer, raise its limit (docs/BETWEEN.md names the settings of common servers)"
        )
    }
}
