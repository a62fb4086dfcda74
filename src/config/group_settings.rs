//! Groups from claims, as plain data.

use std::{collections::BTreeMap, sync::Arc};

use serde::Deserialize;

use crate::sign_in::{ClaimsOf, GroupClaim, GroupFormat, GroupOwnership, SignInResolver};

/// Groups from claims that users own for: see [`GroupOwnership`]. All claims are of one form; for several
/// forms, build the policy in code.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GroupSettings {
    /// Names of claims with groups.
    pub claims: Vec<String>,
    /// Paths to values inside of claims, each as a list of names: `["realm_access", "roles"]`.
    pub paths: Vec<Vec<String>>,
    /// The form of the claims: `texts`, `brackets`, `json`, `commas`, `blanks` or `keys`.
    pub format: GroupFormat,
    /// Whether the claims are those of the user or of the access token.
    pub from: ClaimsOf,
    /// Values at the provider, each with the full ref of an entity: see [`GroupOwnership::map`].
    pub map: BTreeMap<String, String>,
}

impl GroupSettings {
    /// The policy with these groups.
    pub(super) fn added_to(&self, policy: Arc<dyn SignInResolver>) -> Arc<dyn SignInResolver> {
        let names = self.claims.iter().map(GroupClaim::named);
        let paths = self.paths.iter().map(|path| GroupClaim::at_path(path.iter().cloned()));
        let claims = names.chain(paths).map(|claim| claim.in_format(self.format).of(self.from));
        let policy = claims.fold(GroupOwnership::of(policy), GroupOwnership::claim);
        Arc::new(self.map.iter().fold(policy, |policy, (value, entity)| policy.map(value, entity)))
    }
}
