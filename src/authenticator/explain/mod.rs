//! Explains what the layer does with a request, check by check, and why.
//!
//! The verdict and the messages are the layer's own: the request goes through its authenticator,
//! with a configuration as an application has it. The explanation adds what logs must not contain
//! and operators need to know: the parts of the token, all of its problems, how it differs from what
//! is trusted, and whether a clock is wrong. `alb-emulator inspect` prints it.
//!
//! # Guarantees
//! | situation | result |
//! |---|---|
//! | [`SignatureKey::none`] | everything but the signature is checked; the verdict is never "accepted" |
//! | [`SignatureKey::from_pem`], [`SignatureKey::fetched`] | the verdict of the layer |
//! | access tokens are verified | with [`SignatureKey::fetched`] and a valid signature, as the layer does it; else not checked, and "undecided" |
//! | rejected before a key is needed | no key is fetched; the layer would not either |
//! | several problems | all of them, in the layer's order |
//! | an accepted request | no identity and no claims: an explanation authenticates no request |
//! | `Display` and `Debug` | no claim, and no text of the token |
//! | metrics, log, spans | no decision is recorded, because none is made |

mod checks;
mod findings;
mod hint;
mod hints;
mod layer_check;
mod results;
mod sign_in_result;
mod time_span;
mod token_parts;

use std::{fmt, sync::Arc};

use http::HeaderMap;

use self::{
    checks::Failure,
    findings::Findings,
    layer_check::{IssuerKeys, LayerCheck, at, with_key},
    results::{SignatureResult, result_of},
};
pub use self::{
    checks::{Check, CheckResult, NotChecked, Step},
    hint::Hint,
    sign_in_result::SignInResult,
    time_span::TimeSpan,
    token_parts::{JsonPart, Padding, Segment, TokenParts},
};
use super::Authenticated;
use crate::{
    alb::{Kid, OidcHeaders, PublicKey, Values},
    config::AlbAuthConfig,
    error::{AuthError, AuthErrorKind},
    settings::{ConfigError, ProblemKind},
};

/// The public key that an explanation checks the signature with.
#[derive(Debug, Clone)]
pub struct SignatureKey(KeyChoice);

#[derive(Debug, Clone)]
enum KeyChoice {
    None,
    Given(Arc<PublicKey>),
    Fetched,
}

/// What the layer does with a request, check by check. Made by
/// [`AlbAuthConfig::explain`](crate::AlbAuthConfig::explain).
///
/// `Display` lists the checks and the verdict.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Explanation {
    /// The parts of the token; `None` unless the request has exactly one `x-amzn-oidc-data`.
    pub token: Option<TokenParts>,
    /// The time of the configuration's clock, in seconds since 1970; `None` if it is before that.
    pub now: Option<u64>,
    /// Each check of the layer, in the layer's order.
    pub checks: Vec<Check>,
    /// What the layer does with the request.
    pub verdict: Verdict,
}

/// What the layer does with the request.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Verdict {
    /// The layer accepts it.
    Accepted(SignInResult),
    /// The layer rejects it with this error.
    Rejected(AuthError),
    /// No check failed, but the signature or the access token was not checked. If both are valid, this is the
    /// result; `None` if the policy was not applied.
    Undecided(Option<SignInResult>),
}

impl SignatureKey {
    /// Does not check the signature.
    pub fn none() -> Self {
        Self(KeyChoice::None)
    }

    /// The key from the configuration's key source, as the layer gets it.
    pub fn fetched() -> Self {
        Self(KeyChoice::Fetched)
    }

    /// This public key, whatever the token's kid: one PEM block `PUBLIC KEY`, as the key endpoint
    /// returns it.
    ///
    /// # Errors
    /// The text is not such a key.
    pub fn from_pem(pem: &[u8]) -> Result<Self, ConfigError> {
        let key = PublicKey::from_pem(pem).map_err(|error| {
            let text = format!("the key is {error}; it must be the response of the key endpoint for the token's kid");
            ConfigError::of(ProblemKind::InvalidValue, text)
        })?;
        Ok(Self(KeyChoice::Given(Arc::new(key))))
    }
}

impl AlbAuthConfig {
    /// Explains what a layer with this configuration does with a request, and why: for tools and
    /// tests, and for the log of an application that wants more than the first error.
    ///
    /// The explanation goes on where the layer stops. It works around each problem in turn, so it
    /// costs as much as many requests, and it applies the sign-in policy. Do not call it for each
    /// request. It has no cache; a key is fetched only with [`SignatureKey::fetched`].
    ///
    /// It must not decide on a request: it contains no identity.
    /// [`AlbAuthHandle::authenticate`](crate::AlbAuthHandle::authenticate) does.
    ///
    /// ```
    /// # #[cfg(feature = "test-util")]
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// use tower_alb_auth::{explain::{SignatureKey, Step}, test_util::{MockAlb, User}};
    ///
    /// let alb = MockAlb::new();
    /// let request = alb.request("/").token(&alb.token(&User::jane()).header("client", "other").sign()).body(());
    ///
    /// let explanation = alb.config().explain(request.headers(), SignatureKey::none()).await;
    /// let rejected: Vec<Step> = explanation.rejected().map(|check| check.step).collect();
    /// assert_eq!(rejected, [Step::Client]);
    /// println!("{explanation}");
    /// # }
    /// # #[cfg(not(feature = "test-util"))]
    /// # fn main() {}
    /// ```
    pub async fn explain(&self, headers: &HeaderMap, key: SignatureKey) -> Explanation {
        let token = match OidcHeaders::scan(headers).data {
            Values::One(token) => Some(TokenParts::of(token.as_bytes())),
            Values::None | Values::Several { .. } => None,
        };
        let now = self.inner.clock.unix_now();
        match (token, now) {
            (Some(token), Some(now)) => explain(self, headers, &key.0, token, now).await,
            // The layer needs neither a key nor a policy to reject these.
            (token, now) => {
                let failure = LayerCheck::new(self.clone()).check(headers).await.err();
                rejected(failure.unwrap_or_else(no_clock), token, now)
            }
        }
    }
}

impl Explanation {
    /// The checks that fail.
    pub fn rejected(&self) -> impl Iterator<Item = &Check> {
        self.checks.iter().filter(|check| matches!(check.result, CheckResult::Rejected(_)))
    }
}

/// An explanation of a request that the layer rejects before it reads a token.
fn rejected(failure: Failure, token: Option<TokenParts>, now: Option<u64>) -> Explanation {
    let error = failure.error.clone();
    let findings = Findings { failures: vec![failure], ..Findings::default() };
    let signature = SignatureResult::NotChecked(NotChecked::EarlierFailed);
    let check = |step: Step| Check { step, result: result_of(step, &findings, &signature), hints: Vec::new() };
    let checks = Step::ALL.into_iter().map(check).collect();
    Explanation { token, now, checks, verdict: Verdict::Rejected(error) }
}

fn no_clock() -> Failure {
    Failure { step: Step::Time, error: AuthErrorKind::ClockUnusable.into() }
}

async fn explain(
    config: &AlbAuthConfig,
    headers: &HeaderMap,
    choice: &KeyChoice,
    token: TokenParts,
    now: u64,
) -> Explanation {
    let kid = token.header().text("kid").and_then(Kid::parse);
    let config_now = at(config, now);
    let (result, key) = match choice {
        KeyChoice::None => (None, None),
        KeyChoice::Given(key) => {
            let check = LayerCheck::new(with_key(&config_now, kid, key, IssuerKeys::NotFetched));
            (Some(check.check(headers).await), Some(Arc::clone(key)))
        }
        KeyChoice::Fetched => {
            let check = LayerCheck::new(config_now);
            let result = check.check(headers).await;
            (Some(result), check.key_of(headers))
        }
    };
    // The layer fetches the keys for access tokens only for a token that it has verified.
    let is_verified = result
        .as_ref()
        .is_some_and(|result| result.as_ref().map_or_else(|failure| failure.step > Step::Signature, |_| true));
    let issuer_keys = match choice {
        KeyChoice::Fetched if is_verified => IssuerKeys::Fetched,
        _ => IssuerKeys::NotFetched,
    };
    let findings = findings::find_all(headers, &token, config, now, issuer_keys).await;
    let signature = signature(choice, result.as_ref(), key.as_deref(), &token);
    let check = |step: Step| {
        let result = result_of(step, &findings, &signature);
        let hints = hints_on(step, &result, &token, config, key.as_deref(), now);
        Check { step, result, hints }
    };
    let checks = Step::ALL.into_iter().map(check).collect();
    let verdict = match result {
        Some(Ok(authenticated)) => Verdict::Accepted(SignInResult::of(&authenticated)),
        Some(Err(_)) if findings.no_issuer_keys && findings.failures.is_empty() && is_verified => {
            Verdict::Undecided(None)
        }
        Some(Err(failure)) => Verdict::Rejected(failure.error),
        None => match findings.failures.into_iter().next() {
            Some(failure) => Verdict::Rejected(failure.error),
            None => Verdict::Undecided(findings.sign_in),
        },
    };
    Explanation { token: Some(token), now: Some(now), checks, verdict }
}

/// Whether a key verifies the signature. A given key is used even if the layer would reject the
/// token earlier.
fn signature(
    choice: &KeyChoice,
    result: Option<&Result<Authenticated, Failure>>,
    key: Option<&PublicKey>,
    token: &TokenParts,
) -> SignatureResult {
    match (choice, result) {
        (KeyChoice::None, _) => return SignatureResult::NotChecked(NotChecked::NoKeyGiven),
        (KeyChoice::Fetched, Some(Err(failure))) if failure.step == Step::Key => {
            return SignatureResult::Failed(failure.clone());
        }
        (KeyChoice::Fetched, Some(Err(failure))) if failure.step < Step::Key => {
            return SignatureResult::NotChecked(NotChecked::NotFetched);
        }
        _ => {}
    }
    match (signature_bytes(token), token.signing_input(), key) {
        (Some(signed), Some(text), Some(key)) if key.verifies(text.as_bytes(), signed) => SignatureResult::Good,
        (Some(_), Some(_), Some(_)) => {
            SignatureResult::Failed(Failure { step: Step::Signature, error: AuthErrorKind::InvalidSignature.into() })
        }
        _ => SignatureResult::NotChecked(NotChecked::NoSignature),
    }
}

fn signature_bytes(token: &TokenParts) -> Option<&[u8; 64]> {
    token.signature().and_then(|signature| signature.try_into().ok())
}

fn hints_on(
    step: Step,
    result: &CheckResult,
    token: &TokenParts,
    config: &AlbAuthConfig,
    key: Option<&PublicKey>,
    now: u64,
) -> Vec<Hint> {
    let failed = matches!(result, CheckResult::Rejected(_));
    match step {
        Step::Form if failed => hints::on_form(token),
        Step::Header if failed => hints::on_header(token),
        Step::Signer if failed => hints::on_signer(token.header(), config),
        Step::Issuer if failed => hints::on_issuer(token.header(), config),
        Step::Client if failed => hints::on_client(token.header(), config),
        Step::Time => hints::on_time(token.expires_at(), now),
        Step::Signature if !matches!(result, CheckResult::Passed) => match key.zip(signature_bytes(token)) {
            Some((key, signature)) => {
                hints::on_signature(token, Some(&|text: &str| key.verifies(text.as_bytes(), signature)))
            }
            None => hints::on_signature(token, None),
        },
        _ => Vec::new(),
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Accepted(_) => f.write_str("accepted"),
            Self::Rejected(error) => {
                write!(f, "rejected with status {}, {}", error.status().as_u16(), error.kind().as_str())
            }
            Self::Undecided(Some(_)) => f.write_str("undecided, because the signature was not checked"),
            Self::Undecided(None) => f.write_str("undecided, because not everything was checked"),
        }
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.checks.iter().try_for_each(|check| writeln!(f, "{check}"))?;
        write!(f, "verdict: {}", self.verdict)
    }
}
