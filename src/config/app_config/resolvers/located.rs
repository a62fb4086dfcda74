//! A policy whose errors name the line that it is written in.

use crate::{
    identity::Claims,
    settings::{KeyAt, Problem},
    sign_in::{Policy, Resolution, SignInError, SignInErrorKind, SignInResolver},
};

/// Adds its place in the file to the error of a refused sign-in, so that the operator knows which line to change.
pub(super) struct Located<P> {
    pub(super) policy: P,
    pub(super) place: KeyAt,
}

impl<P: SignInResolver> SignInResolver for Located<P> {
    fn resolve(&self, claims: &Claims) -> Resolution {
        match self.policy.resolve(claims) {
            Resolution::Ready(result) => result.map_err(|error| with_place(&self.place, error)).into(),
            Resolution::Waiting(future) => {
                let place = self.place.clone();
                Resolution::waiting(async move { future.await.map_err(|error| with_place(&place, error)) })
            }
        }
    }

    fn policy(&self) -> Policy {
        self.policy.policy()
    }

    fn check(&self, issuer: &str) -> Vec<Problem> {
        self.policy.check(issuer)
    }
}

fn with_place(place: &KeyAt, error: SignInError) -> SignInError {
    match error.kind() {
        // An error of the catalog, not of that line.
        SignInErrorKind::Unavailable | SignInErrorKind::Misconfigured => error,
        SignInErrorKind::Refused | SignInErrorKind::NotFound | SignInErrorKind::Ambiguous => {
            let message = format!("{place}: {}", error.message());
            error.with_message(message)
        }
    }
}
