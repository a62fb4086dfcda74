//! Public keys of the load balancers, by key id.
//!
//! A lookup reads an immutable `KeySet` and never waits: writers publish a new set, and readers
//! keep the one that they hold. A key that is not in the set is fetched once, no matter how many
//! requests need it:
//!
//! 1. If the kid was unknown a moment ago, the endpoint counts as down, or the fetch budget is
//!    spent, the lookup fails at once.
//! 2. If a fetch for the kid is in progress, the request joins that fetch.
//! 3. Otherwise the key is fetched from the [`KeySource`], validated as a P-256 key, and published.
//!
//! # Contract
//! | situation | result |
//! |---|---|
//! | key known | returned at once; no lock, no allocation |
//! | key known, past `refresh_at_percent` of its lifetime | returned at once; a refresh starts in the background |
//! | the same, but the key has verified no token | as if the key were not known |
//! | more than `max_keys` keys in use | the key whose last verified use is the oldest is evicted |
//! | key past its lifetime | the fetched key; if the fetch fails, the known key, for up to `max_stale` longer |
//! | the same, and the last refresh failed | the known key, at once; the next refresh runs in the background |
//! | the endpoint reports no such key (403 or 404) | 401, unknown key, remembered for `unknown_for` |
//! | the same for a key in use | the key, until three such responses in a row over at least two minutes |
//! | endpoint unreachable, key not known | 503 with the time to retry |
//! | the endpoint responds with something other than a key | 503 |
//!
//! A key that has verified a token is in use. Any client can cause a fetch of another key by naming
//! its kid, so keys that have verified no token have a small separate capacity, and are dropped
//! instead of refreshed. A failed fetch never removes a key in use. Refreshes of keys in use, and
//! new fetches of their kids, have a separate budget and a separate failure count, so that a flood
//! of other kids, existing or not, cannot exhaust them. Ages are measured by the monotonic
//! [`Clock`](crate::Clock), so a jump of the wall clock has no effect.

mod breaker;
mod budget;
mod endpoint_health;
mod fixed;
#[cfg(feature = "https")]
mod https;
mod readiness;
mod refresh;
mod set;
mod source;
mod store;
mod unknown;

#[cfg(feature = "backstage")]
pub(crate) use self::budget::Budget;
#[cfg(feature = "https")]
pub use self::https::HttpsKeys;
#[cfg(feature = "https")]
pub(crate) use self::https::HttpsSource;
pub use self::{
    fixed::{FixedKeyError, FixedKeyErrorKind, FixedKeys},
    readiness::Readiness,
    source::{KeyFetch, KeyRequest, KeySource, KeySourceError, KeySourceErrorKind},
};
pub(crate) use self::{
    refresh::refresh_in_background,
    source::SharedSource,
    store::{KeyError, KeyFuture, KeyStore, Lookup},
};
use crate::alb::{KeyEndpoint, Kid};

/// Identifies a key: one kid of one endpoint. The same kid at another endpoint is a different key.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct KeyId {
    pub(crate) endpoint: KeyEndpoint,
    pub(crate) kid: Kid,
}
