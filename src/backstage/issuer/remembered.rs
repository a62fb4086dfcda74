//! A memory of verified user tokens: each back end sends a user's token to `/v1/userinfo` many times in its hour.
//!
//! The rules are those of the layer's cache. A token is remembered only after its complete verification with a key that a
//! replica has published, under all of its bytes and never under a hash alone. Each hit checks the token's times again, and
//! that the key which verified it is still published under its kid. Only that is remembered: deny lists and the store of
//! users are read for each request, and a token that a service behind this one signed is verified each time.

use std::hash::{Hash, Hasher};

use quick_cache::Equivalent;

use super::verify::{VerifiedUser, Window};
use crate::{
    backstage::PublicJwk,
    internal::{BoundedCache, HeapSize},
};

const MAX_TOKENS: usize = 10_000;
const MAX_BYTES: usize = 16 * 1024 * 1024;
/// Number of bytes at the end of a token that are hashed: about 256 bits of its signature.
const HASHED_BYTES: usize = 43;

pub(super) struct RememberedTokens(Option<BoundedCache<Token, Remembered>>);

/// A verified token, with the key that verified it.
#[derive(Clone)]
pub(super) struct Remembered {
    pub(super) user: VerifiedUser,
    pub(super) window: Window,
    pub(super) key: PublicJwk,
}

/// Equal to another only if all bytes are.
#[derive(PartialEq, Eq)]
struct Token(Box<[u8]>);

/// A token as received.
struct Received<'t>(&'t [u8]);

impl RememberedTokens {
    pub(super) fn new() -> Self {
        Self(BoundedCache::new(MAX_TOKENS, MAX_BYTES))
    }

    pub(super) fn find(&self, token: &str) -> Option<Remembered> {
        self.0.as_ref()?.find(&Received(token.as_bytes()))
    }

    pub(super) fn remember(&self, token: &str, verified: Remembered) {
        if let Some(tokens) = &self.0 {
            tokens.insert(Token(token.as_bytes().into()), verified);
        }
    }

    pub(super) fn forget(&self, token: &str) {
        if let Some(tokens) = &self.0 {
            tokens.remove(&Received(token.as_bytes()));
        }
    }

    #[cfg(test)]
    fn len(&self) -> usize {
        self.0.as_ref().map_or(0, BoundedCache::len)
    }
}

impl Hash for Token {
    fn hash<H: Hasher>(&self, state: &mut H) {
        Received(&self.0).hash(state);
    }
}

impl Hash for Received<'_> {
    /// Hashes the end of the token: half of the signature, which is different in every verified token. A forged token with the
    /// same end causes a comparison, which finds that it is not equal.
    fn hash<H: Hasher>(&self, state: &mut H) {
        let end = self.0.len().saturating_sub(HASHED_BYTES);
        self.0.get(end..).unwrap_or_default().hash(state);
    }
}

impl Equivalent<Token> for Received<'_> {
    fn equivalent(&self, key: &Token) -> bool {
        self.0 == &*key.0
    }
}

impl HeapSize for Token {
    fn heap_size(&self) -> usize {
        self.0.len()
    }
}

impl HeapSize for Remembered {
    /// The key is shared by all of its tokens.
    fn heap_size(&self) -> usize {
        self.user.user_entity_ref.as_str().len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{EntityRef, backstage::TokenIssuer};

    fn remembered(issuer: &TokenIssuer) -> usize {
        issuer.0.remembered.len()
    }

    #[tokio::test]
    async fn s_138_only_verified_tokens_are_remembered() {
        let issuer = TokenIssuer::builder("https://backstage.example.com/api/auth").build().unwrap();
        let jane = EntityRef::user("jane").unwrap();
        let token = issuer.user_token(&jane, &[]).await.unwrap().expose().to_owned();
        assert_eq!(remembered(&issuer), 0, "a token that was issued, and not yet verified");
        let (input, signature) = token.rsplit_once('.').unwrap();
        let first = if signature.starts_with('A') { 'B' } else { 'A' };
        let forged = format!("{input}.{first}{}", signature.get(1..).unwrap());
        for refused in [forged.as_str(), input, "", "a.b.c", &issuer.plugin_token("catalog").await.unwrap()] {
            assert!(issuer.verify(refused).await.is_err());
        }
        assert_eq!(remembered(&issuer), 0);
        assert!(issuer.verify(&token).await.is_ok());
        assert!(issuer.verify(&token).await.is_ok());
        assert!(issuer.verify(&forged).await.is_err());
        assert_eq!(remembered(&issuer), 1);
    }

    #[tokio::test]
    async fn f_63_the_memory_is_bounded_by_number_and_by_bytes() {
        let issuer = TokenIssuer::builder("https://backstage.example.com/api/auth").build().unwrap();
        let jane = EntityRef::user("jane").unwrap();
        let token = issuer.user_token(&jane, &[]).await.unwrap().expose().to_owned();
        issuer.verify(&token).await.unwrap();
        let verified = issuer.0.remembered.find(&token).unwrap();
        for (length, at_least, at_most) in [(60, MAX_TOKENS / 2, MAX_TOKENS), (30_000, 400, MAX_BYTES / 30_000)] {
            let tokens = RememberedTokens::new();
            for number in 0..2 * MAX_TOKENS {
                tokens.remember(&format!("{number:0length$}"), verified.clone());
            }
            assert!((at_least..=at_most).contains(&tokens.len()), "{length}: {}", tokens.len());
        }
    }
}
