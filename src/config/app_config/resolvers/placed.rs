//! A policy that says where it is written.

use crate::{
    identity::Claims,
    sign_in::{Policy, Resolution, SignInError, SignInErrorKind, SignInResolver},
};

/// Names its place in the file when it lets somebody not in, so that the operator knows which line to change.
pub(super) struct Placed<P> {
    pub(super) policy: P,
    pub(super) place: String,
}

impl<P: SignInResolver> SignInResolver for Placed<P> {
    fn resolve(&self, claims: &Claims) -> Resolution {
        match self.policy.resolve(claims) {
            Resolution::Ready(result) => result.map_err(|error| placed(&self.place, error)).into(),
            Resolution::Waiting(future) => {
                let place = self.place.clone();
                Resolution::waiting(async move { future.await.map_err(|error| placed(&place, error)) })
            }
        }
    }

    fn policy(&self) -> Policy {
        self.policy.policy()
    }

    fn check(&self, issuer: &str) -> Result<(), String> {
        self.policy.check(issuer)
    }
}

fn placed(place: &str, error: SignInError) -> SignInError {
    let sentence = format!("{place}: {}", error.message());
    match error.kind() {
        SignInErrorKind::Refused => SignInError::refused(sentence),
        SignInErrorKind::NotFound => SignInError::not_found(sentence),
        SignInErrorKind::Ambiguous => SignInError::ambiguous(sentence),
        // The catalog's, and not of that line.
        SignInErrorKind::Unavailable | SignInErrorKind::Misconfigured => error,
    }
}
