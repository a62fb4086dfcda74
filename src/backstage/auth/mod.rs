//! What the routes need.

mod builder;

use std::{fmt, sync::Arc};

pub use self::builder::BackstageAuthBuilder;
use super::{
    TokenIssuer,
    guest::KnownGuest,
    origins::Origins,
    profile::ProfileTransform,
    store::{StoreError, UserInfoStore},
};
use crate::{
    AlbAuthHandle, AuthError, SignOut,
    internal::telemetry::{self, Warnings},
};

/// The auth backend behind [`router`](super::router()). A clone is the same one.
#[derive(Clone)]
pub struct BackstageAuth(Arc<Inner>);

struct Inner {
    alb: AlbAuthHandle,
    tokens: TokenIssuer,
    user_info: Arc<dyn UserInfoStore>,
    sign_out: SignOut,
    origins: Origins,
    profile: ProfileTransform,
    guest: Option<KnownGuest>,
    with_access_token: bool,
    warnings: Warnings,
}

impl BackstageAuth {
    /// Judges users by the layer that this handle is of, and gives them tokens of this issuer.
    pub fn builder(alb: AlbAuthHandle, tokens: TokenIssuer) -> BackstageAuthBuilder {
        BackstageAuthBuilder::new(alb, tokens)
    }

    pub(super) fn alb(&self) -> &AlbAuthHandle {
        &self.0.alb
    }

    pub(super) fn tokens(&self) -> &TokenIssuer {
        &self.0.tokens
    }

    pub(super) fn user_info(&self) -> &dyn UserInfoStore {
        &*self.0.user_info
    }

    pub(super) fn sign_out(&self) -> &SignOut {
        &self.0.sign_out
    }

    /// Whose pages may ask.
    pub(super) fn origins(&self) -> &Origins {
        &self.0.origins
    }

    pub(super) fn profile(&self) -> &ProfileTransform {
        &self.0.profile
    }

    pub(super) fn guest(&self) -> Option<&KnownGuest> {
        self.0.guest.as_ref()
    }

    /// Whether a session carries the provider's access token.
    pub(super) fn with_access_token(&self) -> bool {
        self.0.with_access_token
    }

    /// Tells the operator of a mistake of the application.
    pub(super) fn misused(&self, sentence: &str) {
        telemetry::misused(sentence, &self.0.warnings);
    }

    /// Tells the operator why a session is refused, where the layer has not done so.
    pub(super) fn refused(&self, error: &AuthError) {
        telemetry::refused(error, &self.0.warnings);
    }

    /// Tells the operator that a store gave no answer.
    pub(super) fn store_failed(&self, wanted: &str, error: &StoreError) {
        telemetry::store_failed(wanted, error, &self.0.warnings);
    }
}

impl fmt::Debug for BackstageAuth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BackstageAuth").field("tokens", &self.0.tokens).finish_non_exhaustive()
    }
}
