//! Names and options of resolvers.

use std::sync::Arc;

use crate::{
    settings::{Problem, ProblemKind, Section, closest},
    sign_in::{NamedClaim, SignInResolver},
};

/// The resolvers of the provider, as Backstage names them, and two of ours.
pub(super) const BY_LOCAL_PART: &str = "emailLocalPartMatchingUserEntityName";
pub(super) const BY_PROFILE_EMAIL: &str = "emailMatchingUserEntityProfileEmail";
const BY_ANNOTATION: &str = "emailMatchingUserEntityAnnotation";
/// Users are named by a claim, and the catalog is not queried.
pub(super) const BY_CLAIM: &str = "claimAsUserEntityName";
const ALL: [&str; 4] = [BY_LOCAL_PART, BY_PROFILE_EMAIL, BY_ANNOTATION, BY_CLAIM];

pub(super) const ADDRESSES: &str = "allowedAddresses";
pub(super) const STRIP_PLUS: &str = "stripPlusSuffix";

pub(super) const WITHOUT_USER: &str = "dangerouslyAllowSignInWithoutUserInCatalog";
pub(super) const ANY_DOMAIN: &str = "dangerouslyAllowAnyDomain";

/// A policy, and the warnings about the checks that it waives.
pub(super) type Read = (Arc<dyn SignInResolver>, Vec<String>);

/// Options of the whole list.
#[derive(Clone, Copy)]
#[cfg_attr(not(feature = "https"), allow(dead_code, reason = "two of them concern the catalog only"))]
pub(super) struct Options<'a> {
    pub(super) issuer: &'a str,
    pub(super) verified: bool,
    /// An email that is reported as not verified is accepted.
    pub(super) waived: bool,
    pub(super) email_claim: Option<&'a str>,
    pub(super) transitive: bool,
}

/// The resolver's name. Of an unknown one, which is a problem, the name that was most likely meant: its options are then checked
/// too, so that all mistakes are reported at once.
pub(super) fn name(resolver: &Section<'_>) -> Option<&'static str> {
    let written = resolver.text("resolver");
    let known = ALL.into_iter().find(|name| Some(*name) == written.as_deref());
    if known.is_none() {
        resolver.problems.add(match &written {
            Some(written) => Problem::unknown_value(resolver.at("resolver"), written, ALL),
            None => Problem::of(ProblemKind::Missing, resolver.place(), "has no key resolver")
                .with_expected(ALL.join(", "))
                .with_fix(format!("there are {}", ALL.join(", "))),
        });
    }
    known.or_else(|| closest(&written?, ALL))
}

/// Single addresses that are accepted too. `None` if they cannot be used.
pub(super) fn addresses(resolver: &Section<'_>) -> Option<Vec<String>> {
    if resolver.is_unset(ADDRESSES) {
        return None;
    }
    // A list that should restrict is never left open.
    if resolver.is_null(ADDRESSES) || resolver.is_empty_list(ADDRESSES) {
        let clause = format!("its {ADDRESSES} lists no address");
        let problem = Problem::clause(ProblemKind::Missing, [resolver.place()], clause);
        resolver
            .problems
            .add(problem.with_fix(format!("write it as {ADDRESSES}: [guest@example.com], or leave it out")));
        return None;
    }
    match resolver.find(ADDRESSES) {
        None => Some(Vec::new()),
        Some(_) => resolver.texts(ADDRESSES),
    }
}

/// The policy of [`BY_CLAIM`], which signs in users who are not in the catalog.
pub(super) fn by_claim(resolver: &Section<'_>, issuer: &str) -> Option<NamedClaim> {
    resolver.only(&["resolver", "claim", "ignoreCase", WITHOUT_USER]);
    let ignore_case = resolver.flag("ignoreCase");
    if !resolver.flag(WITHOUT_USER) {
        let predicate =
            format!("names users by a claim, and does not query the catalog for them; {WITHOUT_USER} is not true");
        let problem = Problem::of(ProblemKind::Insecure, resolver.place(), predicate);
        resolver
            .problems
            .add(problem.with_fix(format!("add {WITHOUT_USER}: true, if every user with the claim may sign in")));
    }
    if !resolver.is_unset("claim") && resolver.find("claim").is_none() {
        let problem = Problem::of(ProblemKind::Missing, resolver.place(), "has no key claim");
        resolver
            .problems
            .add(problem.with_fix("name the claim with the name of the user, such as claim: custom:username"));
    }
    let policy = NamedClaim::new(resolver.text("claim")?);
    let policy = if ignore_case { policy.ignoring_case() } else { policy };
    for problem in policy.check(issuer) {
        resolver.problems.add(problem.at_key(resolver.place()));
    }
    Some(policy)
}

pub(super) enum Domains {
    These(Vec<String>),
    Any,
}

/// The domains of a resolver that makes one name of `x@one.example` and `x@other.example`.
pub(super) fn required_domains(resolver: &Section<'_>) -> Option<Domains> {
    let place = resolver.place();
    let problem = match (allowed_domains(resolver)?, resolver.flag(ANY_DOMAIN)) {
        (Some(domains), false) => return Some(Domains::These(domains)),
        (None, true) => return Some(Domains::Any),
        (Some(_), true) => {
            let predicate = format!("lists allowedDomains and sets {ANY_DOMAIN}");
            Problem::of(ProblemKind::Conflict, place, predicate).with_fix("leave one of the two out")
        }
        (None, false) => {
            let predicate = "has no allowedDomains, so admin@anything would be user:default/admin";
            Problem::of(ProblemKind::Insecure, place, predicate).with_lines(
                "add",
                &format!(
                    "            allowedDomains: [<domain>]\nor waive it by {ANY_DOMAIN}: true, where the provider has \
                     addresses of one domain and no guests"
                ),
            )
        }
    };
    resolver.problems.add(problem);
    None
}

/// The domains that are listed, if any are. `None` if the list cannot be used, so that a resolver that should be restricted is
/// never left open.
pub(super) fn allowed_domains(resolver: &Section<'_>) -> Option<Option<Vec<String>>> {
    const KEY: &str = "allowedDomains";
    if resolver.is_unset(KEY) {
        return None;
    }
    if resolver.is_null(KEY) || resolver.is_empty_list(KEY) {
        let problem = Problem::clause(ProblemKind::Missing, [resolver.place()], format!("its {KEY} lists no domain"));
        resolver.problems.add(problem.with_fix(format!("write it as {KEY}: [<domain>]")));
        return None;
    }
    match resolver.find(KEY) {
        None => Some(None),
        Some(_) => resolver.texts(KEY).filter(|domains| !domains.is_empty()).map(Some),
    }
}
