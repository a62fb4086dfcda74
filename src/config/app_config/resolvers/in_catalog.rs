//! Resolvers that query the catalog.

use std::sync::Arc;

use super::{
    located::Located,
    options::{
        ADDRESSES, ANY_DOMAIN, BY_CLAIM, BY_LOCAL_PART, BY_PROFILE_EMAIL, Domains, Options, Read, STRIP_PLUS,
        WITHOUT_USER, addresses, allowed_domains, by_claim, name, required_domains,
    },
};
use crate::{
    settings::{KeyAt, Problem, ProblemKind, Section},
    sign_in::{Catalog, CatalogSignIn, FirstMatch, SignInResolver},
};

/// The annotation of catalogs that are filled from Microsoft Graph.
const MICROSOFT_EMAIL: &str = "microsoft.com/email";

/// All resolvers of the list, tried in order.
pub(super) fn in_catalog(resolvers: &[Section<'_>], catalog: &Catalog, options: Options<'_>) -> Option<Read> {
    let mut warnings = Vec::new();
    // A resolver that signs in every user that it gets, so that later ones are never used.
    let mut last: Option<KeyAt> = None;
    let mut policies = Vec::new();
    for resolver in resolvers {
        if let Some(last) = &last {
            warnings.push(format!("{} is never used: {last} signs in every user that it gets", resolver.place()));
        }
        if name(resolver) == Some(BY_LOCAL_PART) && resolver.flag(WITHOUT_USER) {
            last.get_or_insert_with(|| resolver.place());
        }
        if name(resolver) == Some(BY_CLAIM) {
            let Some(policy) = by_claim(resolver, options.issuer) else { continue };
            warnings.push(format!("{}: users who are not in the catalog are signed in", resolver.place()));
            let policy: Arc<dyn SignInResolver> = Arc::new(policy);
            policies.push(Located { policy, place: resolver.place() });
            continue;
        }
        let Some(mut policy) = read_resolver(resolver, catalog) else { continue };
        if let Some(claim) = options.email_claim {
            policy = policy.email_claim(claim);
        }
        if options.waived {
            policy = policy.dangerously_accept_unverified_email();
        }
        let policy = if options.verified { policy.require_verified_email() } else { policy };
        let policy = if options.transitive { policy.transitive_groups() } else { policy };
        for problem in policy.check(options.issuer) {
            resolver.problems.add(problem.at_key(resolver.place()));
        }
        policies.push(Located { policy: Arc::new(policy), place: resolver.place() });
    }
    if policies.len() != resolvers.len() {
        return None;
    }
    let mut policies = policies.into_iter();
    let first = FirstMatch::of(policies.next()?);
    Some((Arc::new(policies.fold(first, FirstMatch::or)), warnings))
}

fn read_resolver(resolver: &Section<'_>, catalog: &Catalog) -> Option<CatalogSignIn> {
    let restrict = |policy: CatalogSignIn| {
        let addresses = addresses(resolver);
        let policy = match allowed_domains(resolver)? {
            Some(domains) => policy.in_domains(domains),
            // Without domains all are allowed, and addresses would restrict nothing.
            None if addresses.as_ref().is_some_and(|addresses| !addresses.is_empty()) => {
                policy.in_domains(Vec::<String>::new())
            }
            None => policy,
        };
        Some(addresses?.into_iter().fold(policy, CatalogSignIn::allow_address))
    };
    match name(resolver)? {
        BY_LOCAL_PART => {
            resolver.only(&["resolver", "allowedDomains", ADDRESSES, STRIP_PLUS, WITHOUT_USER, ANY_DOMAIN]);
            let (addresses, strip_plus) = (addresses(resolver), resolver.flag(STRIP_PLUS));
            let policy = match required_domains(resolver)? {
                Domains::These(domains) => catalog.by_email_local_part(domains),
                Domains::Any => catalog.dangerously_by_local_part_of_any_domain(),
            };
            let policy = addresses?.into_iter().fold(policy, CatalogSignIn::allow_address);
            let policy = if strip_plus { policy.strip_plus_suffix() } else { policy };
            let without_user = resolver.flag(WITHOUT_USER);
            Some(if without_user { policy.dangerously_sign_in_without_catalog_user() } else { policy })
        }
        BY_PROFILE_EMAIL => {
            // Backstage has the waiver here too, and makes a name that no entity may have.
            resolver.only(&["resolver", "allowedDomains", ADDRESSES, WITHOUT_USER]);
            if resolver.flag(WITHOUT_USER) {
                let clause =
                    format!("{WITHOUT_USER} would name users by their whole email, which is not a valid entity name");
                let problem = Problem::clause(ProblemKind::InvalidValue, [resolver.place()], clause);
                resolver.problems.add(problem.with_fix(format!("list {BY_LOCAL_PART} after it, with that option")));
                return None;
            }
            restrict(catalog.by_profile_email())
        }
        _ => {
            resolver.only(&["resolver", "annotation", "allowedDomains", ADDRESSES]);
            let written = resolver.text("annotation");
            if resolver.is_unset("annotation") || (written.is_none() && resolver.find("annotation").is_some()) {
                return None;
            }
            restrict(catalog.by_annotation(written.unwrap_or_else(|| MICROSOFT_EMAIL.to_owned())))
        }
    }
}
