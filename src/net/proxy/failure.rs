//! Why there is no answer of the server.

use std::{fmt, time::Duration};

use hyper_util::client::legacy::Error as ClientError;

use super::CONNECT_TIMEOUT;

/// Why there is no answer of the server; as the end of a sentence that begins with it. For the log.
#[derive(Debug)]
pub(crate) enum Failure {
    /// To a connection.
    NotAccepted,
    /// To a request, in this time.
    NoAnswer(Duration),
    /// It does not listen, or says nonsense.
    Unreachable(String),
    SwitchedUnasked,
}

impl Failure {
    pub(crate) fn of(error: &ClientError) -> Self {
        let reason = crate::net::tls::chain(error);
        match error.is_connect() && reason.contains("timed out") {
            true => Self::NotAccepted,
            false => Self::Unreachable(reason),
        }
    }

    /// 504 where it took too long, else 502 (RFC 9110 section 15.6).
    pub(crate) fn status(&self) -> u16 {
        match self {
            Self::NotAccepted | Self::NoAnswer(_) => 504,
            Self::Unreachable(_) | Self::SwitchedUnasked => 502,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAccepted => write!(f, "did not accept a connection in {CONNECT_TIMEOUT:?}"),
            Self::NoAnswer(time) => write!(f, "did not answer in {time:?}"),
            Self::Unreachable(reason) => write!(f, "cannot be asked: {reason}"),
            Self::SwitchedUnasked => f.write_str("switched protocols unasked"),
        }
    }
}
