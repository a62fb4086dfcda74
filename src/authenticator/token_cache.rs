//! A cache of verified tokens, for tokens that arrive again: from a relaying hop, a retry, or in
//! the same second.
//!
//! A load balancer signs a new token for every request, so most lookups miss, and a miss must be
//! cheap. A token is cached only after its complete verification, under all of its bytes and never
//! under a hash alone: its segments are kept decoded, and a token that arrives is compared with what
//! they are encoded to. Each hit checks that the key which verified the token is still held under
//! its kid, and that the token is still valid. The sign-in policy is applied to each request, except
//! for policies of this crate that name a user by claims alone: their user is kept with the claims.
//!
//! Where no token arrives again, `Hits` finds that out, and the cache then keeps a sample only.

mod hits;

use quick_cache::Equivalent;

use self::hits::{Hits, Place};
use crate::{
    alb::{Kid, PublicKey},
    config::EntryIndex,
    identity::{ReceivedToken, TokenBytes},
    limits::CacheLimits,
    sync::{Arc, BoundedCache, HeapSize},
    token::VerifiedToken,
};

pub(crate) struct TokenCache {
    /// `None` if the limits permit no token.
    tokens: Option<BoundedCache<TokenBytes, Remembered>>,
    hits: Hits,
}

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
        let tokens = BoundedCache::new(limits.max_tokens, limits.max_token_cache_bytes);
        Self { tokens, hits: Hits::default() }
    }

    pub(crate) fn find(&self, token: &[u8]) -> Option<Remembered> {
        let tokens = self.tokens.as_ref()?;
        if !self.hits.may_be_kept(token) {
            return None;
        }
        let found = tokens.find(&ReceivedToken(token))?;
        self.hits.found();
        Some(found)
    }

    /// Remembers a token that was verified as received.
    pub(crate) fn insert(&self, received: &[u8], remembered: Remembered) {
        let Some(tokens) = &self.tokens else { return };
        match self.hits.place_of(received) {
            Place::Kept => tokens.insert(TokenBytes::of(remembered.token.claims()), remembered),
            Place::Left => {}
            Place::LeftAndOthersDropped => tokens.clear(),
        }
    }

    pub(crate) fn remove(&self, token: &[u8]) {
        if let Some(tokens) = &self.tokens {
            tokens.remove(&ReceivedToken(token));
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.tokens.as_ref().map_or(0, BoundedCache::len)
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
