//! What went wrong at the provider.

use std::fmt;

/// Where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::emulator) enum Step {
    Discovery,
    Token,
    IdToken,
    Userinfo,
}

/// How.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::emulator) enum Fault {
    /// It did not answer in time.
    Timeout,
    /// It cannot be reached.
    Unreachable,
    /// It said no.
    Refused,
    /// It cannot say, for now.
    Failed,
    /// What it said cannot be used.
    Invalid,
}

/// What went wrong at the provider. The sentence holds no token, code or claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::emulator) struct OidcError {
    pub(in crate::emulator) step: Step,
    pub(in crate::emulator) fault: Fault,
    sentence: String,
}

impl OidcError {
    pub(super) fn timeout(step: Step, sentence: impl Into<String>) -> Self {
        Self { step, fault: Fault::Timeout, sentence: sentence.into() }
    }

    pub(super) fn unreachable(step: Step, sentence: impl Into<String>) -> Self {
        Self { step, fault: Fault::Unreachable, sentence: sentence.into() }
    }

    /// By its status: a provider that fails, or that has too much to do, has refused nothing.
    pub(super) fn answered(step: Step, status: u16, sentence: impl Into<String>) -> Self {
        let fault = if status >= 500 || status == 429 { Fault::Failed } else { Fault::Refused };
        Self { step, fault, sentence: sentence.into() }
    }

    pub(in crate::emulator) fn invalid(step: Step, sentence: impl Into<String>) -> Self {
        Self { step, fault: Fault::Invalid, sentence: sentence.into() }
    }

    /// What a load balancer answers: 500 for a provider that is out of reach, 561 for one that says no, 401 for an ID token
    /// that proves nothing.
    pub(in crate::emulator) fn status(&self) -> u16 {
        match (self.fault, self.step) {
            (Fault::Timeout | Fault::Unreachable, _) => 500,
            (Fault::Invalid, Step::IdToken) => 401,
            (Fault::Refused | Fault::Failed | Fault::Invalid, _) => 561,
        }
    }

    /// The `error_reason` of a load balancer's access log.
    pub(in crate::emulator) fn reason(&self) -> &'static str {
        match (self.step, self.fault) {
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
        let whom = match self.step {
            Step::Discovery => "the provider's discovery document",
            Step::Token => "the provider's token endpoint",
            Step::IdToken => "the provider's ID token",
            Step::Userinfo => "the provider's userinfo endpoint",
        };
        write!(f, "{whom}: {}", self.sentence)
    }
}
