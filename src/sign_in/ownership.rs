//! Ownership from group or role claims.

use std::sync::Arc;

use super::{Policy, Resolution, SignIn, SignInError, SignInResolver};
use crate::identity::{Claims, EntityRef};
use crate::telemetry::OncePerMinute;

/// Gives users the groups that their claims name, by a mapping.
///
/// What the mapping does not name gives nothing: a group at the provider is not a group here until somebody says so.
///
/// ```
/// use tower_alb_auth::sign_in::{EmailLocalPart, GroupOwnership};
///
/// let policy = GroupOwnership::of(EmailLocalPart::in_domains(["example.com"]))
///     .claim("groups")
///     .map("6b3f1a52-0c1e-4b8e-9d1c-0e8f5f0e9a11", "group:default/platform")
///     .map("auditors", "group:default/auditors");
/// # let _ = policy;
/// ```
#[derive(Debug, Clone)]
pub struct GroupOwnership {
    policy: Arc<dyn SignInResolver>,
    groups: Arc<Groups>,
}

#[derive(Debug, Clone, Default)]
struct Groups {
    claims: Vec<String>,
    mapping: Vec<(String, String)>,
    /// The mapping, where the entity ref is sound; `check` refuses the others.
    entities: Vec<(String, EntityRef)>,
    odd_elements: OncePerMinute,
}

impl GroupOwnership {
    /// Adds groups to the users of this policy, from the claims that are named by [`claim`](Self::claim).
    pub fn of(policy: impl SignInResolver) -> Self {
        Self { policy: Arc::new(policy), groups: Arc::default() }
    }

    /// Reads this claim: a list of texts, or one text. At least one is required; may be named several times.
    ///
    /// A user without the claim has no groups by it. One whose claim is null, or neither a text nor a list, is refused, because a
    /// malformed claim is not a missing one. Elements of a list that are not texts are passed over, which is logged.
    #[must_use]
    pub fn claim(mut self, claim: impl Into<String>) -> Self {
        Arc::make_mut(&mut self.groups).claims.push(claim.into());
        self
    }

    /// Whoever has `value` in one of the claims owns for `entity`, a full ref such as `group:default/platform`. Compared
    /// byte for byte.
    #[must_use]
    pub fn map(mut self, value: impl Into<String>, entity: impl Into<String>) -> Self {
        let (value, entity) = (value.into(), entity.into());
        let groups = Arc::make_mut(&mut self.groups);
        groups.entities.extend(entity.parse().ok().map(|entity| (value.clone(), entity)));
        groups.mapping.push((value, entity));
        self
    }
}

impl Groups {
    fn add(&self, sign_in: SignIn, claims: &Claims) -> Result<SignIn, SignInError> {
        let mut values = Vec::new();
        for claim in &self.claims {
            let Some(list) = claims.text_list(claim)? else { continue };
            if list.others > 0 && self.odd_elements.is_due() {
                tracing::warn!(
                    target: "tower_alb_auth",
                    "the claim {claim} is a list with {} elements that are not texts: they are passed over, the others count",
                    list.others
                );
            }
            values.extend(list.texts);
        }
        let owned = self.entities.iter().filter(|(value, _)| values.contains(value)).map(|(_, entity)| entity.clone());
        Ok(sign_in.owning(owned))
    }
}

impl SignInResolver for GroupOwnership {
    fn resolve(&self, claims: &Claims) -> Resolution {
        match self.policy.resolve(claims) {
            Resolution::Ready(result) => result.and_then(|sign_in| self.groups.add(sign_in, claims)).into(),
            Resolution::Waiting(future) => {
                let (groups, claims) = (Arc::clone(&self.groups), claims.clone());
                Resolution::waiting(async move { groups.add(future.await?, &claims) })
            }
        }
    }

    fn policy(&self) -> Policy {
        let inner = self.policy.policy();
        let claims_used = inner.claims_used.map(|mut used| {
            used.extend(self.groups.claims.iter().cloned());
            used
        });
        Policy { summary: format!("{}, with groups", inner.summary), claims_used, ..inner }
    }

    fn check(&self, issuer: &str) -> Result<(), String> {
        self.policy.check(issuer)?;
        if self.groups.claims.is_empty() {
            return Err(
                "GroupOwnership reads no claim: name the one that the provider sends groups in, .claim(\"groups\") or \
                        .claim(\"roles\")"
                    .to_owned(),
            );
        }
        let broken = self.groups.mapping.iter().find(|(_, entity)| entity.parse::<EntityRef>().is_err());
        match broken {
            Some((_, entity)) => Err(format!(
                "{} is not a full entity ref: write it as group:default/platform",
                crate::error::quoted(entity)
            )),
            None => Ok(()),
        }
    }
}
