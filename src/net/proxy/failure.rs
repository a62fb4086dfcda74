//! Why a server gave no response.

use std::{error::Error, fmt, io, time::Duration};

use hyper_util::client::legacy::Error as ClientError;

use super::CONNECT_TIMEOUT;

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

/// Whether the server closed the connection before a response. Not if it closed the connection before the request, while it was made.
pub(super) fn closed_without_response(error: &ClientError) -> bool {
    if error.is_connect() {
        return false;
    }
    let mut cause = error.source();
    while let Some(error) = cause {
        let is_cut = error.downcast_ref().is_some_and(|error: &hyper::Error| error.is_incomplete_message())
            || error.downcast_ref().is_some_and(|error: &io::Error| {
                matches!(
                    error.kind(),
                    io::ErrorKind::ConnectionReset
                        | io::ErrorKind::ConnectionAborted
                        | io::ErrorKind::BrokenPipe
                        // TLS without a close_notify.
                        | io::ErrorKind::UnexpectedEof
                )
            });
        if is_cut {
            return true;
        }
        cause = error.source();
    }
    false
}

impl Failure {
    pub(crate) fn of(error: &ClientError) -> Self {
        let reason = crate::net::tls::chain(error);
        match error.is_connect() {
            true if reason.contains("timed out") => Self::NotAccepted,
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
