//! Explains in words what the layer would do with a header value, and why.
//!
//! The verdict is the layer's own: the token goes through its authenticator, by a configuration as an application has it. So are
//! the sentences. What is added is what logs must not hold and people want to know: what the token is made of, what else is
//! wrong with it, in what it differs from what is trusted, and what the clocks have to do with it.
//!
//! # What it promises
//! | situation | answer |
//! |---|---|
//! | no key given | all but the signature is judged, and it says so; the verdict is never "let in" |
//! | a key given (`--key`), or asked for (`--fetch-key`) | the verdict of the layer |
//! | refused before a key is asked for | no key is asked for, as the layer would not |
//! | several things wrong | all of them, in the order in which the layer would come to them |
//! | no configuration | what the token is made of, and no verdict |
//! | names, addresses, other claims | their names alone, unless they are asked for |
//! | the token itself | never printed |
//!
//! | exit code | meaning |
//! |---|---|
//! | 0 | let in |
//! | 1 | refused |
//! | 2 | the command or the configuration is wrong |
//! | 3 | nothing wrong was found, but the signature was not checked |

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
    /// This one, whatever the token's kid.
    Given(Arc<PublicKey>),
    /// From where the configuration says.
    Fetch,
}

/// What is asked.
#[derive(Debug)]
pub(super) struct Question {
    /// What stood on standard input.
    pub(super) input: Vec<u8>,
    /// Whom to trust; without it there is no verdict.
    pub(super) config: Option<AlbAuthConfig>,
    /// In words, where the configuration comes from.
    pub(super) config_from: String,
    pub(super) key: KeyChoice,
    pub(super) show_claims: bool,
}

/// What came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    LetIn,
    Refused,
    /// There was no key, or no configuration.
    Undecided,
}

/// The most that is read of standard input: a byte more than is taken, so that too much is noticed.
pub(super) const MAX_INPUT: u64 = pasted::MAX_INPUT_BYTES as u64 + 1;

/// All that is known of a token.
struct Inspection<'t> {
    token: &'t str,
    notes: &'t [String],
    parts: TokenParts<'t>,
    now: u64,
    judgement: Option<Judgement<'t>>,
    show_claims: bool,
}

/// What the layer would do by a configuration.
struct Judgement<'t> {
    config: &'t AlbAuthConfig,
    config_from: &'t str,
    findings: Findings,
    signature: Signature,
    /// In place of the layer's own key look-up.
    key: Option<Arc<PublicKey>>,
    outcome: Outcome,
}

enum Outcome {
    LetIn(Authenticated),
    Refused(AuthError),
    Undecided,
}

/// Explains the token to `out`.
///
/// # Errors
/// A sentence where there is nothing to explain; an error of `out`.
pub(super) async fn inspect(question: &Question, now: u64, out: &mut dyn Write) -> io::Result<Result<Verdict, String>> {
    let pasted = match Pasted::read(&question.input) {
        Ok(pasted) => pasted,
        Err(problem) => return Ok(Err(problem)),
    };
    let token = pasted.value.as_str();
    let parts = TokenParts::of(token);
    let judgement = match &question.config {
        Some(config) => Some(judge_by(config, question, token, &parts, now).await),
        None => None,
    };
    let verdict = match judgement.as_ref().map(|judgement| &judgement.outcome) {
        Some(Outcome::LetIn(_)) => Verdict::LetIn,
        Some(Outcome::Refused(_)) => Verdict::Refused,
        Some(Outcome::Undecided) | None => Verdict::Undecided,
    };
    let inspection =
        Inspection { token, notes: &pasted.notes, parts, now, judgement, show_claims: question.show_claims };
    report::write(&inspection, out)?;
    Ok(Ok(verdict))
}

async fn judge_by<'q>(
    config: &'q AlbAuthConfig,
    question: &'q Question,
    token: &str,
    parts: &TokenParts<'_>,
    now: u64,
) -> Judgement<'q> {
    let findings = findings::find_all(token, parts, config, now).await;
    let kid = parts.header.text("kid").and_then(Kid::parse);
    let config_now = at(config, now);
    let (result, key) = match &question.key {
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
    let signature = signature(&question.key, result.as_ref(), key.as_deref(), parts);
    let outcome = match result {
        Some(Ok(authenticated)) => Outcome::LetIn(authenticated),
        Some(Err(error)) => Outcome::Refused(error),
        None => findings.errors.first().map_or(Outcome::Undecided, |error| Outcome::Refused(error.clone())),
    };
    Judgement { config, config_from: &question.config_from, findings, signature, key, outcome }
}

/// What a key says of the signature. A given key is asked even where the layer would not come to it.
fn signature(
    choice: &KeyChoice,
    result: Option<&LayerResult>,
    key: Option<&PublicKey>,
    parts: &TokenParts<'_>,
) -> Signature {
    let refused = result.and_then(|result| result.as_ref().err());
    match choice {
        KeyChoice::None => {
            return Signature::NotChecked(
                "no key: give --key FILE.pem, or let --fetch-key ask the key endpoint as the layer would",
            );
        }
        KeyChoice::Given(_) => {}
        KeyChoice::Fetch => match refused {
            Some(error) if Step::of(error) == Step::Key => return Signature::Failed(error.clone()),
            Some(error) if Step::of(error) < Step::Key => {
                return Signature::NotChecked(
                    "not asked for: the layer asks for no key of a token that it refuses before",
                );
            }
            _ => {}
        },
    }
    let signed = parts.signature().and_then(|signature| <&[u8; 64]>::try_from(signature).ok());
    match (signed, parts.signing_input(), key) {
        (Some(signed), Some(text), Some(key)) if key.verifies(text.as_bytes(), signed) => Signature::Good,
        (Some(_), Some(_), Some(_)) => Signature::Failed(AuthError::new(AuthErrorKind::InvalidSignature)),
        _ => Signature::NotChecked("there is no signature of 64 bytes to check"),
    }
}

#[cfg(all(test, feature = "test-util"))]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::test_util::{MockAlb, User};

    /// The verdict and the explanation.
    fn explained(alb: &MockAlb, input: Vec<u8>, key: KeyChoice) -> (Result<Verdict, String>, String) {
        let question =
            Question { input, config: Some(alb.config()), config_from: "a test".to_owned(), key, show_claims: true };
        let mut out = Vec::new();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let verdict = runtime.block_on(inspect(&question, alb.unix_now(), &mut out)).unwrap();
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
            prop_assert!(verdict == Ok(Verdict::Refused) || input.trim_ascii().is_empty() || verdict.is_err());
        }

        /// One bit of a good token is another one: the signature, or something before it, refuses it.
        #[test]
        fn a_changed_token_is_never_let_in(place in 0_usize..700, bit in 0_u8..7) {
            let alb = MockAlb::new();
            let mut token = alb.sign(&User::jane()).into_bytes();
            let place = place % token.len();
            token[place] ^= 1 << bit;
            let (verdict, said) = explained(&alb, token.clone(), given(&alb));
            // White space and quotes at the edges are what is tolerated, and both leave a token that is cut.
            prop_assert_eq!(verdict, Ok(Verdict::Refused), "{}", said);
            let (verdict, said) = explained(&alb, token, KeyChoice::None);
            prop_assert!(verdict != Ok(Verdict::LetIn), "{}", said);
        }
    }
}
