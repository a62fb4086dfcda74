//! `signIn.resolvers`: the sign-in policy, by Backstage's names.
//!
//! | resolver | options |
//! |---|---|
//! | `emailLocalPartMatchingUserEntityName` | `allowedDomains` or `dangerouslyAllowAnyDomain`, one of which is required; `allowedAddresses`, `stripPlusSuffix`, `dangerouslyAllowSignInWithoutUserInCatalog` |
//! | `emailMatchingUserEntityProfileEmail` | `allowedDomains`, `allowedAddresses` |
//! | `emailMatchingUserEntityAnnotation` | `annotation`, `allowedDomains`, `allowedAddresses` |
//! | `claimAsUserEntityName` | `claim`, `ignoreCase`; `dangerouslyAllowSignInWithoutUserInCatalog: true` is required |
//!
//! Without a catalog there are only the first and the last, for users who need not be in a catalog.

#[cfg(feature = "https")]
mod in_catalog;
mod located;
mod options;

use std::{collections::HashSet, sync::Arc};

#[cfg(feature = "https")]
use self::in_catalog::in_catalog;
use self::{
    located::Located,
    options::{
        ADDRESSES, ANY_DOMAIN, BY_CLAIM, BY_LOCAL_PART, Domains, Options, Read, STRIP_PLUS, WITHOUT_USER, addresses,
        by_claim, name, required_domains,
    },
};
use crate::settings::{Problem, ProblemKind, Section};
#[cfg(feature = "https")]
pub(super) use crate::sign_in::Catalog;
use crate::sign_in::{EmailLocalPart, EmailSignIn};

/// Without the client there is no catalog.
#[cfg(not(feature = "https"))]
pub(super) enum Catalog {}

#[cfg(not(feature = "https"))]
fn in_catalog(_: &[Section<'_>], catalog: &Catalog, _: Options<'_>) -> Option<Read> {
    match *catalog {}
}

/// The policy of the list. `None` if there is no list, or it has problems, which are then reported.
pub(super) fn read_resolvers(provider: &Section<'_>, catalog: Option<&Catalog>) -> Option<Read> {
    let sign_in = provider.section("signIn")?;
    // The caller reads the last one for the catalog's client.
    sign_in.only(&["resolvers", "transitiveGroups", "dangerouslyAskCatalogOverPlainHttp"]);
    let transitive = sign_in.flag("transitiveGroups");
    if sign_in.is_unset("resolvers") {
        return None;
    }
    let resolvers = sign_in.sections("resolvers")?;
    if sign_in.is_empty_list("resolvers") {
        let problem = Problem::of(ProblemKind::Missing, sign_in.at("resolvers"), "is empty");
        sign_in.problems.add(problem.with_fix("no user could sign in, so list a resolver"));
    }
    if repeated(&resolvers) {
        return None;
    }
    let issuer = provider.written("issuer").unwrap_or_default();
    // A claim that is not set would be the claim email instead.
    let unset = provider.is_unset("emailClaim");
    let email_claim = provider.text("emailClaim");
    let options = Options {
        issuer,
        verified: provider.flag("requireVerifiedEmail"),
        waived: provider.flag("dangerouslyAcceptUnverifiedEmail"),
        email_claim: email_claim.as_deref(),
        transitive,
    };
    if unset {
        return None;
    }
    let Some(catalog) = catalog else {
        // At most one: the others are problems.
        let read: Vec<_> = resolvers.iter().filter_map(|resolver| without_catalog(resolver, options)).collect();
        let (policy, mut warnings) = (read.len() == resolvers.len()).then(|| read.into_iter().next()).flatten()?;
        if transitive {
            warnings.push(format!("{}.transitiveGroups does nothing: no catalog is given", sign_in.path));
        }
        return Some((policy, warnings));
    };
    in_catalog(&resolvers, catalog, options)
}

/// Whether a resolver is listed twice, which is a problem: the first one decides for the emails of its domains and refuses all
/// others.
fn repeated(resolvers: &[Section<'_>]) -> bool {
    let (mut repeated, mut known) = (false, HashSet::new());
    for resolver in resolvers {
        let is_new = known.insert(["resolver", "annotation", "claim"].map(|key| resolver.written(key)));
        let Some(name) = resolver.written("resolver").filter(|_| !is_new) else { continue };
        repeated = true;
        let predicate = format!("names {} again", crate::error::quoted(name));
        let problem = Problem::of(ProblemKind::Conflict, resolver.place(), predicate);
        resolver.problems.add(problem.with_fix("name all domains in the allowedDomains of the first"));
    }
    repeated
}

fn without_catalog(resolver: &Section<'_>, options: Options<'_>) -> Option<Read> {
    let place = resolver.place();
    match name(resolver)? {
        BY_LOCAL_PART => {
            resolver.only(&["resolver", "allowedDomains", ADDRESSES, STRIP_PLUS, WITHOUT_USER, ANY_DOMAIN]);
            let (addresses, strip_plus) = (addresses(resolver), resolver.flag(STRIP_PLUS));
            if !resolver.flag(WITHOUT_USER) {
                let clause =
                    format!("{BY_LOCAL_PART} asks the catalog whether the user exists, and no catalog is given");
                let fix = format!(
                    "add {WITHOUT_USER}: true, if everyone with an address of the listed domains may sign in, or name the \
                     catalog in code by AppConfig::alb_auth_in_catalog(..)"
                );
                let problem = Problem::clause(ProblemKind::CatalogMissing, [place], clause);
                resolver.problems.add(problem.with_fix(fix));
                return None;
            }
            let policy = match required_domains(resolver)? {
                Domains::These(domains) => EmailLocalPart::in_domains(domains),
                Domains::Any => EmailLocalPart::dangerously_in_any_domain(),
            };
            let mut policy = addresses?.into_iter().fold(policy, EmailSignIn::allow_address);
            if let Some(claim) = options.email_claim {
                policy = policy.email_claim(claim);
            }
            if options.waived {
                policy = policy.dangerously_accept_unverified_email();
            }
            let policy = if options.verified { policy.require_verified_email() } else { policy };
            let policy = if strip_plus { policy.strip_plus_suffix() } else { policy };
            let warning = format!("{place}: users who are not in the catalog are signed in");
            Some((Arc::new(Located { policy, place }), vec![warning]))
        }
        BY_CLAIM => {
            let policy = by_claim(resolver, options.issuer)?;
            let warning = format!("{place}: users who are not in the catalog are signed in");
            Some((Arc::new(Located { policy, place }), vec![warning]))
        }
        name => {
            let clause = format!("{name} asks the catalog, and no catalog is given");
            let problem = Problem::clause(ProblemKind::CatalogMissing, [place], clause);
            resolver.problems.add(problem.with_fix("name it in code by AppConfig::alb_auth_in_catalog(..)"));
            None
        }
    }
}
