//! Why a server gave no response.

use std::{error::Error, fmt, io, time::Duration};

use hyper_util::client::legacy::Error as ClientError;

use super::CONNECT_TIMEOUT;
use crate::net::tls::{causes, chain};

/// Why a server gave no response. `Display` is for the log, and continues a sentence that begins
/// with the server: "the target did not respond within 60s".
#[derive(Debug)]
pub(crate) enum Failure {
    /// The server did not accept a connection within [`CONNECT_TIMEOUT`].
    NotAccepted,
    /// The server did not begin a response within this time.
    NoResponse(Duration),
    /// The server does not listen.
    Unreachable(String),
    /// The server accepted the connection, and closed it before a response or sent one that is not
    /// HTTP.
    InvalidResponse(String),
    /// The server switched protocols although the request did not ask for it.
    UnexpectedSwitch,
}

/// Whether the server closed the connection before a response, or refused the request over HTTP/2 without processing it (RFC 9113
/// section 8.7). Not if it closed the connection before the request, while it was made.
pub(super) fn gave_no_response(error: &ClientError) -> bool {
    !error.is_connect() && causes(error).into_iter().any(|cause| is_cut(cause) || is_refused_stream(cause))
}

fn is_cut(cause: &(dyn Error + 'static)) -> bool {
    cause.downcast_ref().is_some_and(hyper::Error::is_incomplete_message)
        || cause.downcast_ref().is_some_and(|error: &io::Error| {
            matches!(
                error.kind(),
                io::ErrorKind::ConnectionReset
                    | io::ErrorKind::ConnectionAborted
                    | io::ErrorKind::BrokenPipe
                    // TLS without a close_notify.
                    | io::ErrorKind::UnexpectedEof
            )
        })
}

/// A stream that was reset with `REFUSED_STREAM`, or one after the last that a server which shuts down processes (`GOAWAY` with
/// `NO_ERROR`). Any other code states that something is wrong, so the request is not repeated.
#[cfg(feature = "proxy")]
fn is_refused_stream(cause: &(dyn Error + 'static)) -> bool {
    cause.downcast_ref().is_some_and(|error: &h2::Error| {
        error.is_remote()
            && match error.reason() {
                Some(h2::Reason::REFUSED_STREAM) => error.is_reset(),
                Some(h2::Reason::NO_ERROR) => error.is_go_away(),
                _ => false,
            }
    })
}

#[cfg(not(feature = "proxy"))]
fn is_refused_stream(_: &(dyn Error + 'static)) -> bool {
    false
}

impl Failure {
    pub(crate) fn of(error: &ClientError) -> Self {
        let reason = chain(error);
        let is_late = |cause: &(dyn Error + 'static)| {
            cause.downcast_ref().is_some_and(|error: &io::Error| error.kind() == io::ErrorKind::TimedOut)
        };
        match error.is_connect() {
            true if causes(error).into_iter().any(is_late) => Self::NotAccepted,
            true => Self::Unreachable(reason),
            false => Self::InvalidResponse(reason),
        }
    }

    /// 504 for a timeout, otherwise 502 (RFC 9110 section 15.6).
    pub(crate) fn status(&self) -> u16 {
        match self {
            Self::NotAccepted | Self::NoResponse(_) => 504,
            Self::Unreachable(_) | Self::InvalidResponse(_) | Self::UnexpectedSwitch => 502,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAccepted => write!(f, "did not accept a connection within {CONNECT_TIMEOUT:?}"),
            Self::NoResponse(time) => write!(f, "did not respond within {time:?}"),
            Self::Unreachable(reason) => write!(f, "cannot be reached: {reason}"),
            Self::InvalidResponse(reason) => write!(f, "closed the connection or sent no valid response: {reason}"),
            Self::UnexpectedSwitch => f.write_str("switched protocols without a request for it"),
        }
    }
}
