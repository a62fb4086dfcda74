//! A verified token as the key of a cache. Keys are compared by all bytes of the token.

use std::hash::{Hash, Hasher};

use super::Claims;

/// Number of bytes at the end of a token that are hashed: about 256 bits of its signature.
const HASHED_BYTES: usize = 43;

/// The bytes of a verified token, as the key of a cache. Two keys are equal only if all bytes are.
#[derive(Clone)]
pub(crate) struct TokenBytes(Claims);

/// The bytes of a token as received, for a lookup among [`TokenBytes`].
#[derive(Clone, Copy)]
pub(crate) struct ReceivedToken<'t>(pub(crate) &'t [u8]);

impl TokenBytes {
    /// The key for verified claims. Counts one reference.
    pub(crate) fn of(claims: &Claims) -> Self {
        Self(claims.clone())
    }

    fn received(&self) -> ReceivedToken<'_> {
        ReceivedToken(self.0.token())
    }
}

impl PartialEq for TokenBytes {
    fn eq(&self, other: &Self) -> bool {
        self.0.token() == other.0.token()
    }
}

impl Eq for TokenBytes {}

impl Hash for TokenBytes {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.received().hash(state);
    }
}

impl PartialEq<TokenBytes> for ReceivedToken<'_> {
    fn eq(&self, verified: &TokenBytes) -> bool {
        self.0 == verified.0.token()
    }
}

impl Hash for ReceivedToken<'_> {
    /// Hashes the end of the token: half of the signature, which is different in every verified
    /// token. A forged token with the same end causes a comparison, which finds that it is not
    /// equal.
    fn hash<H: Hasher>(&self, state: &mut H) {
        let end = self.0.len().saturating_sub(HASHED_BYTES);
        self.0.get(end..).unwrap_or_default().hash(state);
    }
}

#[cfg(test)]
mod tests {
    use quick_cache::Equivalent;

    use super::*;
    use crate::{
        identity::{ClaimsParts, Span},
        sync::{BoundedCache, HeapSize},
    };

    impl HeapSize for &str {
        fn heap_size(&self) -> usize {
            0
        }
    }

    fn verified(token: &str) -> TokenBytes {
        let token_span = Span::new(0, token.len()).unwrap();
        // The buffer after the token is the same for all of them, and is not part of the key.
        let buffer = format!("{token}{{}}");
        TokenBytes::of(&Claims::new(buffer, ClaimsParts { token: token_span, ..ClaimsParts::default() }))
    }

    #[test]
    fn s_42_tokens_whose_hashes_collide_remain_distinct() {
        // The hashed bytes are the same in all long tokens.
        let end = "c".repeat(HASHED_BYTES);
        let long = ["a.b.", "a.d.", "a.b", "", "a.b.c", "b.a.", "A.b."].map(|start| format!("{start}{end}"));
        let tokens: Vec<&str> = long.iter().map(String::as_str).chain(["a.b.c", "a.b.d", "a.b.", ""]).collect();
        let cache = BoundedCache::<TokenBytes, &str>::new(100, 1 << 20).unwrap();
        for token in &tokens {
            assert_eq!(cache.find(&ReceivedToken(token.as_bytes())), None, "{token}");
            cache.insert(verified(token), token);
        }
        for token in &tokens {
            assert_eq!(cache.find(&ReceivedToken(token.as_bytes())), Some(*token));
            let equal = tokens.iter().filter(|other| ReceivedToken(token.as_bytes()).equivalent(&verified(other)));
            assert_eq!(equal.collect::<Vec<_>>(), [token]);
            assert_eq!(tokens.iter().filter(|other| verified(other) == verified(token)).count(), 1, "{token}");
        }
        assert_eq!(cache.find(&ReceivedToken(b"a.b")), None);
        assert_eq!(cache.find(&ReceivedToken(format!("a.B.{end}").as_bytes())), None);
    }
}
