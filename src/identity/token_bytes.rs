//! A verified token as the key of a cache. Keys are compared by all bytes of the token.

use std::{
    hash::{Hash, Hasher},
    sync::Arc,
};

use super::{Claims, shared_claims::SharedClaims};

/// Number of bytes at the end of a token that are hashed: about 256 bits of its signature, which has
/// at least twice as many.
const HASHED_BYTES: usize = 43;

/// The bytes of a verified token, as the key of a cache. Two keys are equal only if all bytes are.
#[derive(Clone)]
pub(crate) struct TokenBytes(Arc<SharedClaims>);

/// The bytes of a token as received, for a lookup among [`TokenBytes`].
#[derive(Clone, Copy)]
pub(crate) struct ReceivedToken<'t>(pub(crate) &'t [u8]);

impl TokenBytes {
    /// The key for verified claims. Counts one reference.
    pub(crate) fn of(claims: &Claims) -> Self {
        Self(Arc::clone(&claims.0))
    }
}

impl PartialEq for TokenBytes {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.0.token() == other.0.token()
    }
}

impl Eq for TokenBytes {}

impl Hash for TokenBytes {
    fn hash<H: Hasher>(&self, state: &mut H) {
        ReceivedToken(self.0.signature()).hash(state);
    }
}

impl PartialEq<TokenBytes> for ReceivedToken<'_> {
    fn eq(&self, verified: &TokenBytes) -> bool {
        verified.0.token().is_some_and(|token| token.is(self.0))
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

    impl HeapSize for usize {
        fn heap_size(&self) -> usize {
            0
        }
    }

    /// A token by its JOSE header, its decoded payload, and its signature.
    type Parts<'p> = (&'p str, &'p str, &'p str);

    fn text((header, payload, signature): Parts<'_>) -> String {
        format!("{header}.{}.{signature}", base64_simd::URL_SAFE.encode_to_string(payload))
    }

    fn verified((header, payload, signature): Parts<'_>) -> TokenBytes {
        let span = |start, text: &str| Span::new(start, text.len()).unwrap();
        let parts = ClaimsParts {
            header: span(0, header),
            payload: span(header.len(), payload),
            payload_is_padded: true,
            signature: span(header.len() + payload.len(), signature),
            ..ClaimsParts::default()
        };
        // What is in the buffer after the token is the same for all of them, and is not part of the key.
        TokenBytes::of(&Claims::new(format!("{header}{payload}{signature}{{}}"), parts))
    }

    #[test]
    fn s_42_tokens_whose_hashes_collide_remain_distinct() {
        // The hashed bytes are the same in all of them.
        let end = "c".repeat(HASHED_BYTES);
        let signatures = ["", "d", "c", "cc"].map(|start| format!("{start}{end}"));
        let contents = [("a", "b"), ("a", "d"), ("ab", ""), ("", "ab"), ("b", "a"), ("A", "b"), ("", "")];
        let tokens =
            signatures.iter().flat_map(|end| contents.map(|(header, payload)| (header, payload, end.as_str())));
        let tokens: Vec<Parts<'_>> = tokens.collect();
        let cache = BoundedCache::<TokenBytes, usize>::new(100, 1 << 20).unwrap();
        for (number, token) in tokens.iter().enumerate() {
            let received = text(*token);
            assert_eq!(cache.find(&ReceivedToken(received.as_bytes())), None, "{token:?}");
            cache.insert(verified(*token), number);
        }
        for (number, token) in tokens.iter().enumerate() {
            let received = text(*token);
            let received = ReceivedToken(received.as_bytes());
            assert_eq!(cache.find(&received), Some(number));
            let equal = tokens.iter().filter(|other| received.equivalent(&verified(**other)));
            assert_eq!(equal.collect::<Vec<_>>(), [token]);
            assert_eq!(tokens.iter().filter(|other| verified(**other) == verified(*token)).count(), 1, "{token:?}");
        }
        assert_eq!(cache.find(&ReceivedToken(b"a.Yg==")), None);
        assert_eq!(cache.find(&ReceivedToken(format!("a.Yg.{end}").as_bytes())), None, "without padding");
    }

    #[test]
    fn claims_without_a_token_are_no_key() {
        let claims =
            Claims::new("{}".to_owned(), ClaimsParts { payload: Span::new(0, 2).unwrap(), ..ClaimsParts::default() });
        assert_eq!(claims.token(), None);
        for received in ["", ".", "..", ".e30.", "e30=", ".e30"] {
            assert!(!ReceivedToken(received.as_bytes()).equivalent(&TokenBytes::of(&claims)), "{received}");
        }
    }
}
