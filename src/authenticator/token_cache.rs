//! A cache of verified tokens, for tokens that arrive again: from a relaying hop, a retry, or in
//! the same second.
//!
//! A load balancer signs a new token for every request, so most lookups miss, and a miss must be
//! cheap. A token is cached only after its complete verification, under all of its bytes and never
//! under a hash alone. Each hit checks that the key which verified the token is still held under
//! its kid, and that the token is still valid. The sign-in policy is applied to each request, except
//! for policies of this crate that name a user by claims alone: their user is kept with the claims.

use quick_cache::Equivalent;

use crate::{
    alb::{Kid, PublicKey},
    config::EntryIndex,
    identity::{ReceivedToken, TokenBytes},
    limits::CacheLimits,
    sync::{Arc, BoundedCache, HeapSize},
    token::VerifiedToken,
};

pub(crate) struct TokenCache(Option<BoundedCache<TokenBytes, Remembered>>);

/// A verified token, with the key that verified it and the entry that it matched.
#[derive(Clone)]
pub(crate) struct Remembered {
    pub(crate) token: VerifiedToken,
    pub(crate) kid: Kid,
    pub(crate) key: Arc<PublicKey>,
    pub(crate) index: EntryIndex,
}

impl TokenCache {
    pub(crate) fn new(limits: &CacheLimits) -> Self {
        Self(BoundedCache::new(limits.max_tokens, limits.max_token_cache_bytes))
    }

    pub(crate) fn find(&self, token: &[u8]) -> Option<Remembered> {
        self.0.as_ref()?.find(&ReceivedToken(token))
    }

    pub(crate) fn insert(&self, remembered: Remembered) {
        if let Some(tokens) = &self.0 {
            tokens.insert(TokenBytes::of(remembered.token.claims()), remembered);
        }
    }

    pub(crate) fn remove(&self, token: &[u8]) {
        if let Some(tokens) = &self.0 {
            tokens.remove(&ReceivedToken(token));
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.0.as_ref().map_or(0, BoundedCache::len)
    }
}

impl Equivalent<TokenBytes> for ReceivedToken<'_> {
    fn equivalent(&self, key: &TokenBytes) -> bool {
        self == key
    }
}

impl HeapSize for TokenBytes {
    /// The bytes are shared with the claims, which are counted.
    fn heap_size(&self) -> usize {
        0
    }
}

impl HeapSize for Remembered {
    fn heap_size(&self) -> usize {
        self.token.claims().weight()
    }
}
