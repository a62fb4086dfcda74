//! Public keys of the load balancers, by key id.
//!
//! A look-up reads an immutable `KeySet` and never waits: writers publish a new set, readers keep the one they
//! hold. A key that is not in the set is fetched once, however many requests ask for it:
//!
//! 1. refused at once if the kid was unknown a moment ago, the endpoint counts as down, or the budget of fetches is spent;
//! 2. joined to a fetch already under way;
//! 3. fetched from the [`KeySource`], checked to be a P-256 key, published.
//!
//! # What it promises
//! | situation | answer |
//! |---|---|
//! | key known | at once, no lock, no allocation |
//! | key known, and at `refresh_at_percent` of its lifetime | at once; a refresh starts beside it |
//! | the same, and it has verified nothing | as if it were not known |
//! | more than `max_keys` keys in use | the one whose last verified use is longest ago is dropped |
//! | key past its lifetime | the fresh key, once it is fetched; the known one if that fails, up to `max_stale` longer |
//! | the same, and the last refresh failed | the known key, at once; the next refresh is beside it |
//! | endpoint says there is no such key (403 or 404) | 401, unknown key,, remembered for `unknown_for` |
//! | the same for a key in use | the key, until three such answers in a row over two minutes or more |
//! | endpoint out of reach, key not known | 503 with the time to try again |
//! | endpoint answers with something else than a key | 503 |
//!
//! A key that has verified a token is in use; one that has not was named by a stranger as likely as not. Keys of the second kind
//! have a small place of their own, and are dropped rather than refreshed. A failed fetch never takes a key in use away.
//! Refreshing keys in use, and fetching their kids again, has a budget and a count of failures of its own, which a flood of
//! kids cannot spend, whether they exist or not. Ages are from the monotonic [`Clock`](crate::Clock), so a jump of the date changes
//! nothing.

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
pub use self::{
    fixed::{FixedKeyError, FixedKeys},
    readiness::Readiness,
    source::{KeyFetch, KeyRequest, KeySource, KeySourceError, KeySourceErrorKind},
};
pub(crate) use self::{
    refresh::refresh_in_background,
    source::SharedSource,
    store::{KeyError, KeyFuture, KeyStore, Lookup},
};
use crate::alb::{KeyEndpoint, Kid};

/// What a key is held under: one kid of one endpoint. The same kid at another endpoint is another key.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct KeyId {
    pub(crate) endpoint: KeyEndpoint,
    pub(crate) kid: Kid,
}
