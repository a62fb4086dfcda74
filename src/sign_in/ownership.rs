//! Ownership from group or role claims.

use std::sync::Arc;

use super::{Policy, Resolution, SignIn, SignInError, SignInResolver};
use crate::identity::{Claims, EntityRef};
use crate::telemetry::OncePerMinute;

/// Adds the groups in a user's claims to the user's ownership, by a mapping.
///
/// A group at the provider that the mapping does not contain has no effect.
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
    /// The part of the mapping whose entity refs are valid. `check` rejects the others.
    entities: Vec<(String, EntityRef)>,
    malformed_elements: OncePerMinute,
}

impl GroupOwnership {
    /// Adds groups to the users of this policy, from the claims that [`claim`](Self::claim) adds.
    pub fn of(policy: impl SignInResolver) -> Self {
        Self { policy: Arc::new(policy), groups: Arc::default() }
    }

    /// Reads groups from this claim, which is a list of texts or one text. At least one claim is
    /// required; several calls add several claims.
    ///
    /// A user without the claim gets no groups from it. If the claim is null, or neither a text nor
    /// a list, the user is refused, because a malformed claim does not count as missing. Elements
    /// of a list that are not texts are ignored, and a warning is logged.
    #[must_use]
    pub fn claim(mut self, claim: impl Into<String>) -> Self {
        Arc::make_mut(&mut self.groups).claims.push(claim.into());
        self
    }

    /// Gives users with `value` in one of the claims the ownership of `entity`, a full ref such as
    /// `group:default/platform`. Values are compared byte for byte.
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
            if list.others > 0 && self.malformed_elements.is_due() {
                tracing::warn!(
                    target: "tower_alb_auth",
                    "the claim {claim} is a list with elements that are not texts ({}); they are ignored",
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
                "GroupOwnership reads no claim: add the claim in which the provider sends groups, .claim(\"groups\") or \
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
