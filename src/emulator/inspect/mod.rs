//! Explains what the layer would do with a header value, and why.
//!
//! The verdict and the messages are the layer's own: the token goes through its authenticator, with
//! a configuration as an application has it. The explanation adds what logs must not contain and
//! people want to know: the parts of the token, all of its problems, how it differs from what is
//! trusted, and whether a clock is wrong.
//!
//! # Guarantees
//! | situation | result |
//! |---|---|
//! | no key given | everything but the signature is checked, and the output says so; the verdict is never "accepted" |
//! | a key given (`--key`) or fetched (`--fetch-key`) | the verdict of the layer |
//! | rejected before a key is needed | no key is fetched; the layer would not either |
//! | several problems | all of them, in the layer's order |
//! | no configuration | the parts of the token, and no verdict |
//! | names, addresses, other claims | only the names of the claims, unless values are requested |
//! | the token itself | never printed |
//!
//! | exit code | meaning |
//! |---|---|
//! | 0 | accepted |
//! | 1 | rejected |
//! | 2 | the command line or the configuration is invalid |
//! | 3 | no problem was found, but the signature was not checked, or no configuration was given |

mod checks;
mod findings;
mod hints;
mod layer_check;
mod pasted;
mod report;
mod timestamps;
mod token_parts;

use std::{
    io::{self, Write},
    sync::Arc,
};

use self::{
    checks::{Signature, Step},
    findings::Findings,
    layer_check::{LayerCheck, LayerResult, at, with_key},
    pasted::Pasted,
    token_parts::TokenParts,
};
use crate::{
    AuthError, AuthErrorKind, Kid,
    config::AlbAuthConfig,
    internal::{Authenticated, PublicKey},
};

/// Where the public key comes from.
#[derive(Debug, Clone)]
pub(super) enum KeyChoice {
    /// The signature is not checked.
    None,
    /// This key, whatever the token's kid.
    Given(Arc<PublicKey>),
    /// Fetched from the configuration's key source.
    Fetch,
}

/// What to inspect, and how.
#[derive(Debug)]
pub(super) struct InspectRequest {
    /// The bytes of standard input.
    pub(super) input: Vec<u8>,
    /// Without a configuration there is no verdict.
    pub(super) config: Option<AlbAuthConfig>,
    /// Describes where the configuration comes from.
    pub(super) config_from: String,
    pub(super) key: KeyChoice,
    pub(super) show_claims: bool,
}

/// The result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Accepted,
    Rejected,
    /// There was no key, or no configuration.
    Undecided,
}

/// How many bytes are read from standard input: one more than the maximum, so that an input that is
/// too long is noticed.
pub(super) const MAX_INPUT: u64 = pasted::MAX_INPUT_BYTES as u64 + 1;

/// Everything that is known about a token.
struct Inspection<'t> {
    token: &'t str,
    notes: &'t [String],
    parts: TokenParts<'t>,
    now: u64,
    evaluation: Option<Evaluation<'t>>,
    show_claims: bool,
}

/// What the layer would do with it.
struct Evaluation<'t> {
    config: &'t AlbAuthConfig,
    config_from: &'t str,
    findings: Findings,
    signature: Signature,
    /// The key that was used.
    key: Option<Arc<PublicKey>>,
    outcome: Outcome,
}

enum Outcome {
    Accepted(Authenticated),
    Rejected(AuthError),
    Undecided,
}

/// Writes the explanation of the token to `out`.
///
/// # Errors
/// The inner error says why there is nothing to explain; the outer one is an error of `out`.
pub(super) async fn inspect(
    request: &InspectRequest,
    now: u64,
    out: &mut dyn Write,
) -> io::Result<Result<Verdict, String>> {
    let pasted = match Pasted::read(&request.input) {
        Ok(pasted) => pasted,
        Err(problem) => return Ok(Err(problem)),
    };
    let token = pasted.value.as_str();
    let parts = TokenParts::of(token);
    let evaluation = match &request.config {
        Some(config) => Some(evaluate(config, request, token, &parts, now).await),
        None => None,
    };
    let verdict = match evaluation.as_ref().map(|evaluation| &evaluation.outcome) {
        Some(Outcome::Accepted(_)) => Verdict::Accepted,
        Some(Outcome::Rejected(_)) => Verdict::Rejected,
        Some(Outcome::Undecided) | None => Verdict::Undecided,
    };
    let inspection =
        Inspection { token, notes: &pasted.notes, parts, now, evaluation, show_claims: request.show_claims };
    report::write(&inspection, out)?;
    Ok(Ok(verdict))
}

async fn evaluate<'q>(
    config: &'q AlbAuthConfig,
    request: &'q InspectRequest,
    token: &str,
    parts: &TokenParts<'_>,
    now: u64,
) -> Evaluation<'q> {
    let findings = findings::find_all(token, parts, config, now).await;
    let kid = parts.header.text("kid").and_then(Kid::parse);
    let config_now = at(config, now);
    let (result, key) = match &request.key {
        KeyChoice::None => (None, None),
        KeyChoice::Given(key) => {
            let check = LayerCheck::new(with_key(&config_now, kid, Arc::clone(key)));
            (Some(check.check(token).await), Some(Arc::clone(key)))
        }
        KeyChoice::Fetch => {
            let check = LayerCheck::new(config_now);
            let result = check.check(token).await;
            (Some(result), check.key_of(token))
        }
    };
    let signature = signature(&request.key, result.as_ref(), key.as_deref(), parts);
    let outcome = match result {
        Some(Ok(authenticated)) => Outcome::Accepted(authenticated),
        Some(Err(error)) => Outcome::Rejected(error),
        None => findings.errors.first().map_or(Outcome::Undecided, |error| Outcome::Rejected(error.clone())),
    };
    Evaluation { config, config_from: &request.config_from, findings, signature, key, outcome }
}

/// Whether a key verifies the signature. A given key is used even if the layer would reject the
/// token earlier.
fn signature(
    choice: &KeyChoice,
    result: Option<&LayerResult>,
    key: Option<&PublicKey>,
    parts: &TokenParts<'_>,
) -> Signature {
    let refused = result.and_then(|result| result.as_ref().err());
    match choice {
        KeyChoice::None => {
            return Signature::NotChecked("no key: add --key FILE.pem, or --fetch-key to fetch it as the layer does");
        }
        KeyChoice::Given(_) => {}
        KeyChoice::Fetch => match refused {
            Some(error) if Step::of(error) == Step::Key => return Signature::Failed(error.clone()),
            Some(error) if Step::of(error) < Step::Key => {
                return Signature::NotChecked(
                    "not fetched: the layer fetches no key for a token that it rejects earlier",
                );
            }
            _ => {}
        },
    }
    let signed = parts.signature().and_then(|signature| <&[u8; 64]>::try_from(signature).ok());
    match (signed, parts.signing_input(), key) {
        (Some(signed), Some(text), Some(key)) if key.verifies(text.as_bytes(), signed) => Signature::Good,
        (Some(_), Some(_), Some(_)) => Signature::Failed(AuthError::new(AuthErrorKind::InvalidSignature)),
        _ => Signature::NotChecked("there is no signature of 64 bytes"),
    }
}

#[cfg(all(test, feature = "test-util"))]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::test_util::{MockAlb, User};

    /// The verdict and the explanation.
    fn explained(alb: &MockAlb, input: Vec<u8>, key: KeyChoice) -> (Result<Verdict, String>, String) {
        let request = InspectRequest {
            input,
            config: Some(alb.config()),
            config_from: "a test".to_owned(),
            key,
            show_claims: true,
        };
        let mut out = Vec::new();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let verdict = runtime.block_on(inspect(&request, alb.unix_now(), &mut out)).unwrap();
        (verdict, String::from_utf8(out).unwrap())
    }

    fn given(alb: &MockAlb) -> KeyChoice {
        KeyChoice::Given(Arc::new(PublicKey::from_pem(alb.public_key_pem().as_bytes()).unwrap()))
    }

    proptest! {
        #[test]
        fn whatever_is_pasted_is_explained(input in prop::collection::vec(any::<u8>(), 1..2000)) {
            let alb = MockAlb::new();
            let (verdict, _) = explained(&alb, input.clone(), KeyChoice::None);
            prop_assert!(verdict == Ok(Verdict::Rejected) || input.trim_ascii().is_empty() || verdict.is_err());
        }

        /// A token with one changed bit is rejected, by the signature or by an earlier check.
        #[test]
        fn a_changed_token_is_never_accepted(place in 0_usize..700, bit in 0_u8..7) {
            let alb = MockAlb::new();
            let mut token = alb.sign(&User::jane()).into_bytes();
            let place = place % token.len();
            token[place] ^= 1 << bit;
            let (verdict, text) = explained(&alb, token.clone(), given(&alb));
            // Only white space and quotes at the edges are tolerated, and both leave a token that
            // is cut off.
            prop_assert_eq!(verdict, Ok(Verdict::Rejected), "{}", text);
            let (verdict, text) = explained(&alb, token, KeyChoice::None);
            prop_assert!(verdict != Ok(Verdict::Accepted), "{}", text);
        }
    }
}
