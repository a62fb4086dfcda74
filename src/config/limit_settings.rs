//! Limits by name: what settings, environment and app-config files write as text.

use crate::{
    limits::{CacheLimits, KeyLimits, TokenLimits},
    settings::{KeyAt, Problem, ProblemKind},
};

/// All limits.
#[derive(Debug, Clone, Default)]
pub(super) struct Limits {
    pub(super) token: TokenLimits,
    pub(super) key: KeyLimits,
    pub(super) cache: CacheLimits,
}

impl Limits {
    /// The names of all limits.
    pub(super) fn names() -> impl Iterator<Item = &'static str> {
        [TokenLimits::NAMES, KeyLimits::NAMES, CacheLimits::NAMES].into_iter().flatten().copied()
    }

    /// Sets the limit of this name, which is written at this key.
    pub(super) fn set(&mut self, at: KeyAt, name: &str, text: &str) -> Result<(), Problem> {
        let set =
            self.token.set(name, text).or_else(|| self.key.set(name, text)).or_else(|| self.cache.set(name, text));
        match set {
            Some(Ok(())) => Ok(()),
            Some(Err(expected)) => {
                let found = crate::error::quoted(text);
                let problem =
                    Problem::of(ProblemKind::InvalidValue, at, format!("is {found}, which is not {expected}"));
                Err(problem.with_found(found).with_expected(expected))
            }
            None => Err(Problem::unknown_key(at, Self::names())),
        }
    }
}

/// `maxLifetime` for `max_lifetime`, as keys of app-config files are written.
#[cfg(feature = "app-config")]
pub(super) fn camel_case(name: &str) -> String {
    let mut words = name.split('_');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |mut whole, word| {
        let (initial, rest) = word.split_at_checked(1).unwrap_or((word, ""));
        whole.push_str(&initial.to_ascii_uppercase());
        whole.push_str(rest);
        whole
    })
}
