//! Why no token is issued.

use std::fmt;

use crate::backstage::store::{StoreError, StoreErrorKind};

/// Why no token is issued. The message is for the operator's log; the client gets 503.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum IssueError {
    /// No valid key is published, and the store of public keys is unavailable.
    Store(StoreError),
    /// The system clock is wrong, or was changed.
    Clock(&'static str),
    /// The operating system provides no random bytes.
    Randomness(&'static str),
    /// The runtime shut down meanwhile.
    Interrupted,
}

impl IssueError {
    pub(super) const BEFORE_1970: Self = Self::Clock("the system clock is before 1970; correct it");
}

impl fmt::Display for IssueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Store(error) => error.fmt(f),
            Self::Clock(text) | Self::Randomness(text) => f.write_str(text),
            Self::Interrupted => f.write_str("publishing a signing key was interrupted: the runtime shut down"),
        }
    }
}

impl std::error::Error for IssueError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Store(error) => Some(error),
            Self::Clock(_) | Self::Randomness(_) | Self::Interrupted => None,
        }
    }
}

impl From<StoreError> for IssueError {
    fn from(error: StoreError) -> Self {
        match error.kind() {
            StoreErrorKind::Store | StoreErrorKind::Throttled => Self::Store(error),
            StoreErrorKind::Clock => {
                Self::Clock("a signing key has a time that cannot be written: correct the system clock")
            }
        }
    }
}
