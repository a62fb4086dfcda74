//! Ownership from group or role claims.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use super::{
    GroupClaim, Policy, Resolution, SignIn, SignInError, SignInResolver,
    group_claim::{self, GroupFormat},
};
use crate::identity::{Claims, EntityRef};
use crate::settings::{Problem, ProblemKind};
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
    claims: Vec<GroupClaim>,
    mapping: Vec<(String, String)>,
    /// The part of the mapping whose entity refs are valid. `check` rejects the others.
    entities: Vec<(String, EntityRef)>,
    warnings: Warnings,
}

/// Warnings about claims without an effect, each limited.
#[derive(Debug, Clone, Default)]
struct Warnings {
    malformed_elements: OncePerMinute,
    without_groups: OncePerMinute,
    overage: OncePerMinute,
    path: OncePerMinute,
    unmapped: OncePerMinute,
    /// Whether the mapping has contained a group of a user. Until then, unmapped groups are a sign of
    /// a wrong mapping.
    mapped: Arc<AtomicBool>,
}

impl GroupOwnership {
    /// Adds groups to the users of this policy, from the claims that [`claim`](Self::claim) adds.
    pub fn of(policy: impl SignInResolver) -> Self {
        Self { policy: Arc::new(policy), groups: Arc::default() }
    }

    /// Reads groups from this claim, which is a list of texts or one text. [`GroupClaim`] reads
    /// values inside of claims and claims of other forms. At least one claim is required; several
    /// calls add several claims.
    ///
    /// A user without the claim gets no groups from it. If the claim is null, or neither a text nor
    /// a list, the user is refused, because a malformed claim does not count as missing. Elements
    /// of a list that are not texts are ignored. A warning is logged, at a limited rate, about such
    /// elements, about a text that looks like a list, about groups that Entra ID leaves out of the
    /// token (overage), and about groups of which no user's is in the mapping.
    #[must_use]
    pub fn claim(mut self, claim: impl Into<GroupClaim>) -> Self {
        Arc::make_mut(&mut self.groups).claims.push(claim.into());
        self
    }

    /// Gives users with `value` in one of the claims the ownership of `entity`, a full ref such as
    /// `group:default/platform`. Values are compared byte for byte. With an empty value the configuration does not build.
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
            let Some(read) = claim.read(claims)? else {
                self.warnings.missing(claim, claims);
                continue;
            };
            if read.others > 0 && self.warnings.malformed_elements.is_due() {
                tracing::warn!(
                    target: "tower_alb_auth",
                    "the claim {} is a list with elements that are not texts ({}); they are ignored",
                    claim.path(),
                    read.others
                );
            }
            let is_mapped = self.entities.iter().any(|(value, _)| read.texts.contains(value));
            self.warnings.present(claim, &read, is_mapped);
            values.extend(read.texts);
        }
        let owned = self.entities.iter().filter(|(value, _)| values.contains(value)).map(|(_, entity)| entity.clone());
        Ok(sign_in.owning(owned))
    }
}

impl Warnings {
    /// A claim that is present, and whether the mapping has one of its groups.
    fn present(&self, claim: &GroupClaim, read: &group_claim::Groups, is_mapped: bool) {
        if is_mapped {
            self.mapped.store(true, Ordering::Relaxed);
        } else if read.unread {
            if self.without_groups.is_due() {
                tracing::warn!(
                    target: "tower_alb_auth",
                    "the claim {} is {} and gives no group that is mapped; if it is a list, name its form by \
                     GroupClaim::in_format(..) (app-config.yaml: format, environment: ALB_AUTH_GROUPS_FORMAT): {}",
                    claim.path(),
                    read.shape,
                    GroupFormat::ALL.map(|(name, _)| name).join(", ")
                );
            }
        } else if !read.texts.is_empty() && !self.mapped.load(Ordering::Relaxed) && self.unmapped.is_due() {
            tracing::warn!(
                target: "tower_alb_auth",
                "the claim {} is {}, none of which is in the mapping, and so far no group of any user was: values are \
                 compared byte for byte; Entra ID sends object ids and not names",
                claim.path(),
                read.shape
            );
        }
    }

    /// A claim that is missing, although the groups may exist.
    fn missing(&self, claim: &GroupClaim, user: &Claims) {
        let Some(claims) = claim.source(user) else { return };
        let names_it =
            |value: crate::identity::ClaimValue<'_>| value.member(claim.name()).is_ok_and(|member| member.is_some());
        let left_out = claims.value("_claim_names").is_some_and(names_it) || claims.get("hasgroups") == Ok(Some(true));
        if left_out && self.overage.is_due() {
            tracing::warn!(
                target: "tower_alb_auth",
                "the claim {} is left out, as _claim_names says: the user has more groups than Entra ID puts into a token \
                 (overage) and gets none here; send the groups that are assigned to the application, or application roles",
                claim.path()
            );
        }
        if claim.is_path_to_a_value(user) && self.path.is_due() {
            tracing::warn!(
                target: "tower_alb_auth",
                "there is no claim {}, but a value at that path inside of a claim: name it by GroupClaim::at_path(..) \
                 (app-config.yaml: path, environment: ALB_AUTH_GROUPS_PATH)",
                claim.path()
            );
        }
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
        // The claims of an access token are part of the key of cached results in any case.
        let of_user = self.groups.claims.iter().filter(|claim| !claim.is_of_access_token());
        let reads_access_token = self.groups.claims.iter().any(GroupClaim::is_of_access_token);
        let reads_access_token = reads_access_token || inner.reads_access_token;
        let claims_used = inner.claims_used.map(|mut used| {
            used.extend(of_user.map(|claim| claim.name().to_owned()));
            used
        });
        Policy { summary: format!("{}, with groups", inner.summary), claims_used, reads_access_token, ..inner }
    }

    fn check(&self, issuer: &str) -> Vec<Problem> {
        let mut problems = self.policy.check(issuer);
        if self.groups.claims.is_empty() {
            problems.push(
                Problem::new(ProblemKind::Missing, "GroupOwnership reads no claim").with_fix(
                    "add the claim in which the provider sends groups, .claim(\"groups\") or .claim(\"roles\")",
                ),
            );
        }
        problems.extend(self.groups.claims.iter().filter_map(GroupClaim::check));
        problems.extend(self.groups.mapping.iter().filter(|(value, _)| value.trim().is_empty()).map(|(_, entity)| {
            let text = format!(
                "the value that is mapped to {} is empty, and so may be an attribute without a value at the provider",
                crate::error::quoted(entity)
            );
            Problem::new(ProblemKind::InvalidValue, text).with_fix("name the group, or leave the pair out")
        }));
        problems.extend(self.groups.mapping.iter().filter_map(|(_, entity)| {
            let error = entity.parse::<EntityRef>().err()?;
            let text = format!("{} is not a full entity ref", crate::error::quoted(entity));
            let problem = Problem::new(ProblemKind::InvalidValue, text).with_fix("write it as group:default/platform");
            Some(problem.caused_by(error))
        }));
        problems
    }
}
