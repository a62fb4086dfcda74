//! The verifiers of a configuration, one for each entry that verifies access tokens.

use super::AccessTokenVerifier;
use crate::{
    config::{EntryIndex, Settings},
    sync::Arc,
};

/// In the order of the entries. Empty if no entry verifies access tokens.
pub(crate) struct AccessTokenVerifiers(Vec<Option<Arc<AccessTokenVerifier>>>);

impl AccessTokenVerifiers {
    pub(crate) fn new(settings: &Settings) -> Self {
        let Settings { token_limits, key_limits, cache_limits, clock, .. } = settings;
        let rules = settings.trust.access_token_rules().into_iter();
        let verifier = |rule| Arc::new(AccessTokenVerifier::new(rule, token_limits, key_limits, cache_limits, clock));
        Self(rules.map(|rule| rule.map(verifier)).collect())
    }

    /// The verifier of the entry.
    #[inline]
    pub(crate) fn of(&self, index: EntryIndex) -> Option<&Arc<AccessTokenVerifier>> {
        self.0.get(index.entry())?.as_ref()
    }

    /// Keeps the held keys of issuers whose keys come from the same place. Before the verifiers are in
    /// use.
    pub(crate) fn adopt(&mut self, former: &Self) {
        for verifier in self.0.iter_mut().flatten() {
            if let Some(former) = former.0.iter().flatten().find(|former| former.has_keys_for(verifier))
                && let Some(verifier) = Arc::get_mut(verifier)
            {
                verifier.share_keys(former);
            }
        }
    }
}
