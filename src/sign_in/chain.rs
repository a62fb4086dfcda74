//! Several policies, tried in order.

use std::sync::Arc;

use smallvec::SmallVec;

use super::{Policy, Resolution, SignIn, SignInError, SignInErrorKind, SignInFuture, SignInResolver};
use crate::{identity::Claims, settings::Problem};

/// Tries policies in order, and uses the result of the first that finds a user.
///
/// Only after [`NotFound`](SignInErrorKind::NotFound) is the next policy tried. If a policy refuses
/// a user, no later policy accepts that user.
///
/// Each policy gives different users different names, but two policies may give the same name: the
/// subject `jane` and the address `jane@example.com` are one user, unless the policies name users
/// in different namespaces. A warning at start-up reports this.
///
/// ```
/// use tower_alb_auth::sign_in::{EmailLocalPart, FirstMatch, Subject};
///
/// let policy = FirstMatch::of(EmailLocalPart::in_domains(["example.com"])).or(Subject::new());
/// # let _ = policy;
/// ```
#[derive(Debug, Clone)]
pub struct FirstMatch {
    policies: Vec<Arc<dyn SignInResolver>>,
}

impl FirstMatch {
    /// Starts with this policy.
    pub fn of(policy: impl SignInResolver) -> Self {
        Self { policies: vec![Arc::new(policy)] }
    }

    /// Adds a policy that is tried after the others.
    #[must_use]
    pub fn or(mut self, policy: impl SignInResolver) -> Self {
        self.policies.push(Arc::new(policy));
        self
    }
}

impl SignInResolver for FirstMatch {
    fn resolve(&self, claims: &Claims) -> Resolution {
        let mut no_match = NoMatch::default();
        for (index, policy) in self.policies.iter().enumerate() {
            match policy.resolve(claims) {
                Resolution::Ready(Err(error)) if error.kind() == SignInErrorKind::NotFound => no_match.add(error),
                Resolution::Ready(result) => return result.into(),
                Resolution::Waiting(first) => {
                    let rest = self.policies.iter().skip(index.saturating_add(1)).cloned().collect::<Vec<_>>();
                    return Resolution::waiting(continue_with(first, rest, claims.clone(), no_match));
                }
            }
        }
        no_match.into_error().into()
    }

    fn policy(&self) -> Policy {
        let policies: Vec<Policy> = self.policies.iter().map(|policy| policy.policy()).collect();
        let summary = policies.iter().map(|policy| policy.summary.as_str()).collect::<Vec<_>>().join(", else ");
        // The chain has a namespace and a list of claims only if every policy has.
        let mut namespaces =
            policies.iter().filter(|policy| policy.gives_identities).map(|policy| policy.namespace.clone());
        let first = namespaces.next().flatten();
        let namespace = first.filter(|first| namespaces.all(|other| other.as_ref() == Some(first)));
        let warning = may_collide(&policies).then(|| {
            format!("one name is one user, whichever of these policies returned it: {summary}; in_namespace(..) keeps users apart")
        });
        let claims_used = policies.iter().map(|policy| policy.claims_used.clone()).collect::<Option<Vec<_>>>();
        Policy {
            summary,
            namespace,
            gives_identities: policies.iter().any(|policy| policy.gives_identities),
            claims_used: claims_used.map(|lists| lists.concat()),
            addresses: policies.iter().flat_map(|policy| policy.addresses.clone()).collect(),
            directory: same_directory(&policies),
            local_parts_of: policies.iter().find_map(|policy| policy.local_parts_of.clone()),
            described: policies.iter().all(|policy| policy.described),
            accepts_missing_verification: policies.iter().any(|policy| policy.accepts_missing_verification),
            reads_access_token: policies.iter().any(|policy| policy.reads_access_token),
            warnings: policies.into_iter().flat_map(|policy| policy.warnings).chain(warning).collect(),
        }
    }

    fn check(&self, issuer: &str) -> Vec<Problem> {
        self.policies.iter().flat_map(|policy| policy.check(issuer)).collect()
    }
}

async fn continue_with(
    first: SignInFuture,
    rest: Vec<Arc<dyn SignInResolver>>,
    claims: Claims,
    mut no_match: NoMatch,
) -> Result<SignIn, SignInError> {
    let mut result = first.await;
    for policy in rest {
        match result {
            Err(error) if error.kind() == SignInErrorKind::NotFound => no_match.add(error),
            result => return result,
        }
        result = match policy.resolve(&claims) {
            Resolution::Ready(result) => result,
            Resolution::Waiting(future) => future.await,
        };
    }
    match result {
        Err(error) if error.kind() == SignInErrorKind::NotFound => {
            no_match.add(error);
            Err(no_match.into_error())
        }
        result => result,
    }
}

/// The errors of the policies that found no user. The operator's message lists all of them. It is
/// built only if no policy finds a user, since a user of a later policy passes the earlier ones at
/// every request.
#[derive(Default)]
struct NoMatch(SmallVec<[SignInError; 4]>);

impl NoMatch {
    fn add(&mut self, error: SignInError) {
        self.0.push(error);
    }

    fn into_error(self) -> SignInError {
        let mut reasons: Vec<Arc<str>> = Vec::new();
        for reason in self.0.iter().flat_map(SignInError::reasons) {
            if !reasons.contains(reason) {
                reasons.push(Arc::clone(reason));
            }
        }
        let error = match &reasons[..] {
            [] => SignInError::not_found("the list of policies is empty"),
            [only] => SignInError::not_found(&**only),
            _ => SignInError::not_found_for(reasons),
        };
        error.with_cause_of(&self.0)
    }
}

/// Whether two of the policies may give the same name to two users.
fn may_collide(policies: &[Policy]) -> bool {
    let naming = || policies.iter().filter(|policy| policy.gives_identities);
    naming()
        .enumerate()
        .any(|(index, one)| naming().skip(index.saturating_add(1)).any(|other| one.may_share_names(other)))
}

/// The directory of all policies, if they have the same one.
fn same_directory(policies: &[Policy]) -> Option<String> {
    let first = policies.first()?.directory.clone();
    first.filter(|first| policies.iter().all(|policy| policy.directory.as_ref() == Some(first)))
}
