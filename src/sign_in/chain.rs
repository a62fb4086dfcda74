//! Several policies, tried in order.

use std::sync::Arc;

use smallvec::SmallVec;

use super::{Policy, Resolution, SignIn, SignInError, SignInErrorKind, SignInFuture, SignInResolver};
use crate::identity::Claims;

/// Tries policies in order and takes the first that finds somebody.
///
/// Only [`NotFound`](SignInErrorKind::NotFound) goes on to the next: what one policy refuses, none of the later lets in.
///
/// Each policy keeps its own users apart, but not from those of the others: the subject `jane` and the address
/// `jane@example.com` are one user here, unless the policies name users in different namespaces. That is logged at start-up.
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
    /// This one first.
    pub fn of(policy: impl SignInResolver) -> Self {
        Self { policies: vec![Arc::new(policy)] }
    }

    /// Then this one.
    #[must_use]
    pub fn or(mut self, policy: impl SignInResolver) -> Self {
        self.policies.push(Arc::new(policy));
        self
    }
}

impl SignInResolver for FirstMatch {
    fn resolve(&self, claims: &Claims) -> Resolution {
        let mut nobody = Nobody::default();
        for (index, policy) in self.policies.iter().enumerate() {
            match policy.resolve(claims) {
                Resolution::Ready(Err(error)) if error.kind() == SignInErrorKind::NotFound => nobody.add(error),
                Resolution::Ready(result) => return result.into(),
                Resolution::Waiting(first) => {
                    let rest = self.policies.iter().skip(index.saturating_add(1)).cloned().collect::<Vec<_>>();
                    return Resolution::waiting(go_on(first, rest, claims.clone(), nobody));
                }
            }
        }
        nobody.into_error().into()
    }

    fn policy(&self) -> Policy {
        let policies: Vec<Policy> = self.policies.iter().map(|policy| policy.policy()).collect();
        let summary = policies.iter().map(|policy| policy.summary.as_str()).collect::<Vec<_>>().join(", else ");
        // Names and claims of the whole: only if every part tells its own.
        let mut namespaces =
            policies.iter().filter(|policy| policy.gives_identities).map(|policy| policy.namespace.clone());
        let first = namespaces.next().flatten();
        let namespace = first.filter(|first| namespaces.all(|other| other.as_ref() == Some(first)));
        let warning = may_meet(&policies).then(|| {
            format!("one name is one user, whichever of these gave it: {summary}; in_namespace(..) tells them apart")
        });
        let claims_used = policies.iter().map(|policy| policy.claims_used.clone()).collect::<Option<Vec<_>>>();
        Policy {
            summary,
            namespace,
            gives_identities: policies.iter().any(|policy| policy.gives_identities),
            claims_used: claims_used.map(|lists| lists.concat()),
            directory: same_directory(&policies),
            described: policies.iter().all(|policy| policy.described),
            accepts_missing_verification: policies.iter().any(|policy| policy.accepts_missing_verification),
            warnings: policies.into_iter().flat_map(|policy| policy.warnings).chain(warning).collect(),
        }
    }

    fn check(&self, issuer: &str) -> Result<(), String> {
        self.policies.iter().try_for_each(|policy| policy.check(issuer))
    }
}

async fn go_on(
    first: SignInFuture,
    rest: Vec<Arc<dyn SignInResolver>>,
    claims: Claims,
    mut nobody: Nobody,
) -> Result<SignIn, SignInError> {
    let mut result = first.await;
    for policy in rest {
        match result {
            Err(error) if error.kind() == SignInErrorKind::NotFound => nobody.add(error),
            result => return result,
        }
        result = match policy.resolve(&claims) {
            Resolution::Ready(result) => result,
            Resolution::Waiting(future) => future.await,
        };
    }
    match result {
        Err(error) if error.kind() == SignInErrorKind::NotFound => {
            nobody.add(error);
            Err(nobody.into_error())
        }
        result => result,
    }
}

/// What each policy said that found nobody: all of it is what the operator has to choose from. Put together only where nobody
/// is found in the end: whom a later policy finds, it finds at every request.
#[derive(Default)]
struct Nobody(SmallVec<[SignInError; 4]>);

impl Nobody {
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
        match &reasons[..] {
            [] => SignInError::not_found("no policy is there"),
            [only] => SignInError::not_found(&**only),
            _ => SignInError::not_found_for(reasons),
        }
    }
}

/// Whether two of them may give the same name to two users.
fn may_meet(policies: &[Policy]) -> bool {
    let naming = || policies.iter().filter(|policy| policy.gives_identities);
    naming()
        .enumerate()
        .any(|(index, one)| naming().skip(index.saturating_add(1)).any(|other| one.may_name_alike(other)))
}

/// The directory of all of them, if it is one.
fn same_directory(policies: &[Policy]) -> Option<String> {
    let first = policies.first()?.directory.clone();
    first.filter(|first| policies.iter().all(|policy| policy.directory.as_ref() == Some(first)))
}
