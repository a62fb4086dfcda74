//! What the routes need.

use std::{fmt, sync::Arc};

use super::{
    TokenIssuer,
    store::{MemoryUserInfo, UserInfoStore},
};
use crate::{AlbAuthHandle, ConfigError, SignOut};

/// The auth backend behind [`router`](super::router). A clone is the same one.
#[derive(Clone)]
pub struct BackstageAuth(Arc<Inner>);

struct Inner {
    alb: AlbAuthHandle,
    tokens: TokenIssuer,
    user_info: Arc<dyn UserInfoStore>,
    sign_out: SignOut,
}

impl BackstageAuth {
    /// Judges users by the layer that this handle is of, and gives them tokens of this issuer.
    pub fn builder(alb: AlbAuthHandle, tokens: TokenIssuer) -> BackstageAuthBuilder {
        BackstageAuthBuilder { alb, tokens, user_info: Arc::new(MemoryUserInfo::default()), sign_out: None }
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
}

impl fmt::Debug for BackstageAuth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BackstageAuth").field("tokens", &self.0.tokens).finish_non_exhaustive()
    }
}

/// Collects what the routes need; [`build`](Self::build) checks it. Made by [`BackstageAuth::builder`].
#[must_use = "nothing is checked before build()"]
pub struct BackstageAuthBuilder {
    alb: AlbAuthHandle,
    tokens: TokenIssuer,
    user_info: Arc<dyn UserInfoStore>,
    sign_out: Option<SignOut>,
}

impl BackstageAuthBuilder {
    /// Where replicas share the answers of `/v1/userinfo`. Default: in memory, for one replica.
    pub fn user_info(mut self, store: impl UserInfoStore) -> Self {
        self.user_info = Arc::new(store);
        self
    }

    /// How users sign out. Default: the usual session cookie expires, and nobody is sent on.
    pub fn sign_out(mut self, sign_out: SignOut) -> Self {
        self.sign_out = Some(sign_out);
        self
    }

    /// Checks everything.
    ///
    /// # Errors
    /// All that is wrong, a sentence each.
    pub fn build(self) -> Result<BackstageAuth, ConfigError> {
        let sign_out = self.sign_out.map_or_else(|| SignOut::builder().build(), Ok)?;
        let Self { alb, tokens, user_info, .. } = self;
        Ok(BackstageAuth(Arc::new(Inner { alb, tokens, user_info, sign_out })))
    }
}

impl fmt::Debug for BackstageAuthBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BackstageAuthBuilder").field("tokens", &self.tokens).finish_non_exhaustive()
    }
}
