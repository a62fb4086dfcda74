//! `signIn.resolvers`: who becomes whom, by Backstage's names.
//!
//! | resolver | options |
//! |---|---|
//! | `emailLocalPartMatchingUserEntityName` | `allowedDomains` or `dangerouslyAllowAnyDomain`, one of which is required; `dangerouslyAllowSignInWithoutUserInCatalog` |
//! | `emailMatchingUserEntityProfileEmail` | `allowedDomains` |
//! | `emailMatchingUserEntityAnnotation` | `annotation`, `allowedDomains` |
//!
//! Without a catalog there is the first alone, for users who need not be in one.

#[cfg(feature = "https")]
mod in_catalog;
mod placed;

use std::{collections::HashSet, sync::Arc};

#[cfg(feature = "https")]
use self::in_catalog::in_catalog;
use self::placed::Placed;
use crate::settings::Section;
#[cfg(feature = "https")]
pub(super) use crate::sign_in::Catalog;
use crate::sign_in::{EmailLocalPart, SignInResolver};

/// The resolvers of the provider, as Backstage names them, and one of ours.
const BY_LOCAL_PART: &str = "emailLocalPartMatchingUserEntityName";
const BY_PROFILE_EMAIL: &str = "emailMatchingUserEntityProfileEmail";
const BY_ANNOTATION: &str = "emailMatchingUserEntityAnnotation";
const ALL: [&str; 3] = [BY_LOCAL_PART, BY_PROFILE_EMAIL, BY_ANNOTATION];

const WITHOUT_USER: &str = "dangerouslyAllowSignInWithoutUserInCatalog";
const ANY_DOMAIN: &str = "dangerouslyAllowAnyDomain";

/// A policy, and what it gives up.
pub(super) type Read = (Arc<dyn SignInResolver>, Vec<String>);

/// Without the client there is no catalog.
#[cfg(not(feature = "https"))]
pub(super) enum Catalog {}

#[cfg(not(feature = "https"))]
fn in_catalog(_: &[Section<'_>], catalog: &Catalog, _: Options<'_>) -> Option<Read> {
    match *catalog {}
}

/// The policy of the list. `None` where there is none, or a wrong one, which is then among the problems.
pub(super) fn read_resolvers(provider: &Section<'_>, catalog: Option<&Catalog>) -> Option<Read> {
    let sign_in = provider.section("signIn")?;
    // The last is for whoever makes the catalog's client.
    sign_in.only(&["resolvers", "transitiveGroups", "dangerouslyAskCatalogOverPlainHttp"]);
    let transitive = sign_in.flag("transitiveGroups");
    if sign_in.is_unset("resolvers") {
        return None;
    }
    let resolvers = sign_in.sections("resolvers")?;
    if sign_in.is_empty_list("resolvers") {
        sign_in.problems.add(format!("{}.resolvers is empty: nobody could sign in", sign_in.path));
    }
    if repeated(&resolvers) {
        return None;
    }
    let issuer = provider.written("issuer").unwrap_or_default();
    let options = Options { issuer, verified: provider.flag("requireVerifiedEmail"), transitive };
    let Some(catalog) = catalog else {
        // One at most: the others are problems.
        let read: Vec<_> = resolvers.iter().filter_map(|resolver| without_catalog(resolver, options)).collect();
        let (policy, mut warnings) = (read.len() == resolvers.len()).then(|| read.into_iter().next()).flatten()?;
        if transitive {
            warnings.push(format!("{}.transitiveGroups does nothing: no catalog is given", sign_in.path));
        }
        return Some((policy, warnings));
    };
    in_catalog(&resolvers, catalog, options)
}

/// Whether one is there twice, which is then said: the first answers for the emails of its domains and refuses all others.
fn repeated(resolvers: &[Section<'_>]) -> bool {
    let (mut repeated, mut known) = (false, HashSet::new());
    for resolver in resolvers {
        let is_new = known.insert((resolver.written("resolver"), resolver.written("annotation")));
        let Some(name) = resolver.written("resolver").filter(|_| !is_new) else { continue };
        repeated = true;
        resolver.problems.add(format!(
            "{} names {} again: name all domains in the allowedDomains of the first",
            resolver.place(),
            crate::error::quoted(name)
        ));
    }
    repeated
}

/// What holds for the whole list.
#[derive(Clone, Copy)]
#[cfg_attr(not(feature = "https"), allow(dead_code, reason = "two of them concern the catalog alone"))]
struct Options<'a> {
    issuer: &'a str,
    verified: bool,
    transitive: bool,
}

fn without_catalog(resolver: &Section<'_>, options: Options<'_>) -> Option<Read> {
    let place = resolver.place();
    match name(resolver)? {
        BY_LOCAL_PART => {
            resolver.only(&["resolver", "allowedDomains", WITHOUT_USER, ANY_DOMAIN]);
            if !resolver.flag(WITHOUT_USER) {
                resolver.problems.add(format!(
                    "{place}: {BY_LOCAL_PART} asks the catalog whether there is such a user, and none is given: add \
                     {WITHOUT_USER}: true, if whoever has an address of the listed domains may come in, or name the catalog in \
                     code by AppConfig::alb_auth_in_catalog(..)"
                ));
                return None;
            }
            let policy = match required_domains(resolver)? {
                Domains::These(domains) => EmailLocalPart::in_domains(domains),
                Domains::Any => EmailLocalPart::dangerously_in_any_domain(),
            };
            let policy = if options.verified { policy.require_verified_email() } else { policy };
            let warning = format!("{place}: users who are not in the catalog are signed in");
            Some((Arc::new(Placed { policy, place }), vec![warning]))
        }
        name => {
            resolver.problems.add(format!(
                "{place}: {name} asks the catalog, and none is given: name it in code by AppConfig::alb_auth_in_catalog(..)"
            ));
            None
        }
    }
}

/// The resolver's name, if there is one of that name.
fn name(resolver: &Section<'_>) -> Option<&'static str> {
    let written = resolver.text("resolver");
    let known = ALL.into_iter().find(|name| Some(*name) == written.as_deref());
    if known.is_none() {
        let found = written.map_or("has no key resolver".to_owned(), |name| {
            format!("names the resolver {}, which awsalb does not have", crate::error::quoted(&name))
        });
        resolver.problems.add(format!("{} {found}; there are {}", resolver.place(), ALL.join(", ")));
    }
    known
}

enum Domains {
    These(Vec<String>),
    Any,
}

/// The domains of a resolver that makes one name of `x@one.example` and `x@other.example`.
fn required_domains(resolver: &Section<'_>) -> Option<Domains> {
    let place = resolver.place();
    match (allowed_domains(resolver)?, resolver.flag(ANY_DOMAIN)) {
        (Some(domains), false) => Some(Domains::These(domains)),
        (None, true) => Some(Domains::Any),
        (Some(_), true) => {
            resolver
                .problems
                .add(format!("{place} lists allowedDomains and sets {ANY_DOMAIN}: leave one of the two out"));
            None
        }
        (None, false) => {
            resolver.problems.add(format!(
                "{place} has no allowedDomains, so admin@anything would be user:default/admin: add\n            \
                 allowedDomains: [<domain>]\nor waive it by {ANY_DOMAIN}: true, where the provider has addresses of one domain \
                 and no guests"
            ));
            None
        }
    }
}

/// The domains that are listed, if any are; `None` where the list cannot be used, so that what should restrict a resolver never
/// leaves it open.
fn allowed_domains(resolver: &Section<'_>) -> Option<Option<Vec<String>>> {
    const KEY: &str = "allowedDomains";
    if resolver.is_unset(KEY) {
        return None;
    }
    if resolver.is_null(KEY) || resolver.is_empty_list(KEY) {
        resolver
            .problems
            .add(format!("{}: its {KEY} lists no domain: write it as {KEY}: [<domain>]", resolver.place()));
        return None;
    }
    match resolver.find(KEY) {
        None => Some(None),
        Some(_) => resolver.texts(KEY).filter(|domains| !domains.is_empty()).map(Some),
    }
}
