//! Names and options of resolvers.

use std::sync::Arc;

use crate::{
    settings::{Problem, ProblemKind, Section},
    sign_in::SignInResolver,
};

/// The resolvers of the provider, as Backstage names them, and one of ours.
pub(super) const BY_LOCAL_PART: &str = "emailLocalPartMatchingUserEntityName";
pub(super) const BY_PROFILE_EMAIL: &str = "emailMatchingUserEntityProfileEmail";
const BY_ANNOTATION: &str = "emailMatchingUserEntityAnnotation";
const ALL: [&str; 3] = [BY_LOCAL_PART, BY_PROFILE_EMAIL, BY_ANNOTATION];

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
    pub(super) transitive: bool,
}

/// The resolver's name, if there is a resolver of that name.
pub(super) fn name(resolver: &Section<'_>) -> Option<&'static str> {
    let written = resolver.text("resolver");
    let known = ALL.into_iter().find(|name| Some(*name) == written.as_deref());
    if known.is_none() {
        resolver.problems.add(match written {
            Some(written) => Problem::unknown_value(resolver.at("resolver"), &written, ALL),
            None => Problem::of(ProblemKind::Missing, resolver.place(), "has no key resolver")
                .with_expected(ALL.join(", "))
                .with_fix(format!("there are {}", ALL.join(", "))),
        });
    }
    known
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
            Problem::of(ProblemKind::Insecure, place, predicate).with_fix(format!(
                "add\n            allowedDomains: [<domain>]\nor waive it by {ANY_DOMAIN}: true, where the provider has \
                 addresses of one domain and no guests"
            ))
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
