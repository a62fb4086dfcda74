//! Ownership from group or role claims.

use std::sync::Arc;

use super::{Policy, Resolution, SignIn, SignInResolver};
use crate::identity::{Claims, EntityRef};

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
}

impl GroupOwnership {
    /// Adds groups to the users of this policy. Without [`claim`](Self::claim), from the claims `groups` and `roles`.
    pub fn of(policy: impl SignInResolver) -> Self {
        Self { policy: Arc::new(policy), groups: Arc::default() }
    }

    /// Reads this claim: a list of texts, or one text. May be named several times.
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
    fn claims(&self) -> impl Iterator<Item = &str> {
        let default: &[&str] = if self.claims.is_empty() { &["groups", "roles"] } else { &[] };
        default.iter().copied().chain(self.claims.iter().map(String::as_str))
    }

    fn add(&self, sign_in: SignIn, claims: &Claims) -> SignIn {
        let values: Vec<String> = self.claims().flat_map(|claim| claims.texts(claim)).collect();
        let owned = self.entities.iter().filter(|(value, _)| values.contains(value)).map(|(_, entity)| entity.clone());
        sign_in.owning(owned)
    }
}

impl SignInResolver for GroupOwnership {
    fn resolve(&self, claims: &Claims) -> Resolution {
        match self.policy.resolve(claims) {
            Resolution::Ready(result) => result.map(|sign_in| self.groups.add(sign_in, claims)).into(),
            Resolution::Waiting(future) => {
                let (groups, claims) = (Arc::clone(&self.groups), claims.clone());
                Resolution::waiting(async move { future.await.map(|sign_in| groups.add(sign_in, &claims)) })
            }
        }
    }

    fn policy(&self) -> Policy {
        let inner = self.policy.policy();
        let claims_used = inner.claims_used.map(|mut used| {
            used.extend(self.groups.claims().map(str::to_owned));
            used
        });
        Policy { summary: format!("{}, with groups", inner.summary), claims_used, ..inner }
    }

    fn check(&self, issuer: &str) -> Result<(), String> {
        self.policy.check(issuer)?;
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
