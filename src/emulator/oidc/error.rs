//! Errors of the provider.

use std::fmt;

/// The step that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::emulator) enum Step {
    Discovery,
    Token,
    IdToken,
    Userinfo,
    BearerToken,
    BearerKeys,
}

/// The kind of failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::emulator) enum Fault {
    /// It did not respond in time.
    Timeout,
    /// It cannot be reached.
    Unreachable,
    /// It refused the request.
    Refused,
    /// It failed, or is overloaded.
    Failed,
    /// Its response is invalid.
    Invalid,
}

/// An error of the provider. The message contains no token, code or claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::emulator) struct OidcError {
    pub(in crate::emulator) step: Step,
    pub(in crate::emulator) fault: Fault,
    message: String,
}

impl OidcError {
    pub(super) fn timeout(step: Step, message: impl Into<String>) -> Self {
        Self { step, fault: Fault::Timeout, message: message.into() }
    }

    pub(super) fn unreachable(step: Step, message: impl Into<String>) -> Self {
        Self { step, fault: Fault::Unreachable, message: message.into() }
    }

    /// By the status. A provider that fails or is overloaded has refused nothing.
    pub(super) fn by_status(step: Step, status: u16, message: impl Into<String>) -> Self {
        let fault = if status >= 500 || status == 429 { Fault::Failed } else { Fault::Refused };
        Self { step, fault, message: message.into() }
    }

    pub(in crate::emulator) fn invalid(step: Step, message: impl Into<String>) -> Self {
        Self { step, fault: Fault::Invalid, message: message.into() }
    }

    /// The status of a load balancer: 500 for a provider that is unreachable, 561 for one that
    /// refuses, 401 for an invalid ID token or bearer token. AWS documents none for keys of bearer
    /// tokens that cannot be used.
    pub(in crate::emulator) fn status(&self) -> u16 {
        match (self.fault, self.step) {
            (Fault::Timeout | Fault::Unreachable, _) | (_, Step::BearerKeys) => 500,
            (Fault::Invalid, Step::IdToken | Step::BearerToken) => 401,
            (Fault::Refused | Fault::Failed | Fault::Invalid, _) => 561,
        }
    }

    /// The `error_reason` of a load balancer's access log.
    pub(in crate::emulator) fn reason(&self) -> &'static str {
        match (self.step, self.fault) {
            // AWS documents none.
            (Step::BearerToken | Step::BearerKeys, _) => "-",
            (Step::Discovery, _) => "AuthUnhandledException",
            (Step::Token, Fault::Timeout) => "AuthTokenEpRequestTimeout",
            (Step::Token, Fault::Unreachable | Fault::Failed) => "AuthTokenEpRequestFailed",
            (Step::Token, Fault::Refused) => "AuthInvalidGrantError",
            (Step::Token, Fault::Invalid) => "AuthInvalidTokenResponse",
            (Step::IdToken, _) => "AuthInvalidIdToken",
            (Step::Userinfo, Fault::Timeout) => "AuthUserinfoEpRequestTimeout",
            (Step::Userinfo, Fault::Unreachable | Fault::Failed) => "AuthUserinfoEpRequestFailed",
            (Step::Userinfo, Fault::Refused | Fault::Invalid) => "AuthInvalidUserinfoResponse",
        }
    }
}

impl fmt::Display for OidcError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let endpoint = match self.step {
            Step::Discovery => "the provider's discovery document",
            Step::Token => "the provider's token endpoint",
            Step::IdToken => "the provider's ID token",
            Step::Userinfo => "the provider's userinfo endpoint",
            Step::BearerToken => "the bearer token",
            Step::BearerKeys => "the keys of bearer tokens",
        };
        write!(f, "{endpoint}: {}", self.message)
    }
}
