//! Applies a sign-in policy to verified claims.

use std::sync::Arc;

use super::{
    Snapshot,
    outcome::{Decision, Refused, accept},
};
use crate::{
    config::TrustMatch,
    error::{AuthError, AuthErrorKind},
    identity::Claims,
    sign_in::{CachedSignIn, Resolution, SignIn, SignInError},
    sync::catch_panic,
};

impl Snapshot {
    /// Applies the sign-in policy, or takes the user that it named for the same claims before.
    pub(super) fn resolve(self: &Arc<Self>, trusted: TrustMatch<'_>, claims: Claims) -> Decision {
        let entry = trusted.entry;
        if entry.names_by_claims_alone
            && let Some(user) = claims.cleared().user.get()
        {
            let user = user.clone();
            return Decision::Made(accept(claims, Ok(SignIn::user(user)), entry.naming()));
        }
        let future = match catch_panic(|| entry.sign_in.resolve(&claims)) {
            Some(Resolution::Ready(result)) => {
                if entry.names_by_claims_alone
                    && let Ok(SignIn { user: Some(user), ownership: None }) = &result
                {
                    claims.cleared().user.get_or_init(|| user.clone());
                }
                return Decision::Made(accept(claims, result, entry.naming()));
            }
            Some(Resolution::Waiting(future)) => future,
            None => {
                let text = "the sign-in policy panicked; see the panic message";
                let error = AuthError::with_detail(AuthErrorKind::SignInUnavailable, text);
                return Decision::Made(Err(Refused::of_claims(error, claims)));
            }
        };
        match self.sign_ins.resolve(trusted.index.entry(), &claims, entry.policy.claims_used.as_deref(), future) {
            CachedSignIn::Known(result) => Decision::Made(accept(claims, result, entry.naming())),
            CachedSignIn::Wait(waiter) => {
                let snapshot = Arc::clone(self);
                let index = trusted.index;
                Decision::Waiting(Box::pin(async move {
                    let result = waiter.wait().await.unwrap_or_else(|_task_lost| {
                        Err(SignInError::unavailable("the sign-in ended without a result; is a tokio runtime running?"))
                    });
                    let trusted = snapshot.settings().trust.at(index);
                    accept(claims, result, trusted.ok_or(AuthErrorKind::UntrustedSigner)?.entry.naming())
                }))
            }
        }
    }
}
