//! `signIn.resolvers`: who becomes whom, by Backstage's names.

use std::sync::Arc;

use super::section::Section;
use crate::sign_in::{EmailLocalPart, SignInResolver};

/// The resolvers of the provider, as Backstage names them, and one of ours.
const BY_LOCAL_PART: &str = "emailLocalPartMatchingUserEntityName";
const ASKING_THE_CATALOG: [&str; 2] = ["emailMatchingUserEntityProfileEmail", "emailMatchingUserEntityAnnotation"];

/// A policy, and what it gives up.
pub(super) type Read = (Arc<dyn SignInResolver>, Vec<String>);

/// The policy of the list, which without a catalog has one resolver at most. `None` where there is none, or a wrong one,
/// which is then among the problems.
pub(super) fn read_resolvers(provider: &Section<'_>) -> Option<Read> {
    let sign_in = provider.section("signIn")?;
    sign_in.only(&["resolvers"]);
    if sign_in.is_unset("resolvers") {
        return None;
    }
    let resolvers = sign_in.sections("resolvers")?;
    if resolvers.is_empty() {
        sign_in.problems.add(format!("{}.resolvers is empty: nobody could sign in", sign_in.path));
    }
    let verified = provider.flag("requireVerifiedEmail");
    let mut read: Vec<Read> = resolvers.iter().filter_map(|resolver| read_resolver(resolver, verified)).collect();
    if resolvers.len() > 1 && read.len() == resolvers.len() {
        // Each of them answers for every email of its domains, so a later one would be for the others' domains.
        sign_in.problems.add(format!(
            "{}.resolvers names {BY_LOCAL_PART} {} times: name all domains in one allowedDomains",
            sign_in.path,
            resolvers.len()
        ));
        return None;
    }
    if read.len() == 1 && resolvers.len() == 1 { read.pop() } else { None }
}

fn read_resolver(resolver: &Section<'_>, verified: bool) -> Option<Read> {
    let name = resolver.text("resolver");
    match name.as_deref() {
        Some(BY_LOCAL_PART) => read_local_part(resolver, verified),
        Some(name) if ASKING_THE_CATALOG.contains(&name) => {
            resolver.problems.add(format!(
                "{} ({}): {name} asks the catalog, which is not done from these files: give the policy in code by \
                 AppConfig::alb_auth_with(..)",
                resolver.path, resolver.node.origin
            ));
            None
        }
        _ => {
            let found = name.map_or("has no key resolver".to_owned(), |name| {
                format!("names the resolver {}, which awsalb does not have", crate::error::quoted(&name))
            });
            resolver.problems.add(format!(
                "{} ({}) {found}; there are {BY_LOCAL_PART}, {}",
                resolver.path,
                resolver.node.origin,
                ASKING_THE_CATALOG.join(", ")
            ));
            None
        }
    }
}

fn read_local_part(resolver: &Section<'_>, verified: bool) -> Option<Read> {
    resolver.only(&[
        "resolver",
        "allowedDomains",
        "dangerouslyAllowSignInWithoutUserInCatalog",
        "dangerouslyAllowAnyDomain",
    ]);
    let place = format!("{} ({})", resolver.path, resolver.node.origin);
    if !resolver.flag("dangerouslyAllowSignInWithoutUserInCatalog") {
        resolver.problems.add(format!(
            "{place}: {BY_LOCAL_PART} asks the catalog whether there is such a user, which is not done from these files: \
             add dangerouslyAllowSignInWithoutUserInCatalog: true, if whoever has an address of the listed domains may come \
             in, or give the policy in code by AppConfig::alb_auth_with(..)"
        ));
        return None;
    }
    // Else the waiver beside a list whose variable is not set would hold.
    if resolver.is_unset("allowedDomains") {
        return None;
    }
    let domains = resolver.texts("allowedDomains");
    let policy = match (domains, resolver.flag("dangerouslyAllowAnyDomain")) {
        (Some(domains), false) => EmailLocalPart::in_domains(domains),
        (None, true) => EmailLocalPart::dangerously_in_any_domain(),
        (Some(_), true) => {
            resolver.problems.add(format!(
                "{place} lists allowedDomains and sets dangerouslyAllowAnyDomain: leave one of the two out"
            ));
            return None;
        }
        (None, false) => {
            resolver.problems.add(format!(
                "{place} has no allowedDomains, so admin@anything would be user:default/admin: add\n            \
                 allowedDomains: [<domain>]\nor waive it by dangerouslyAllowAnyDomain: true, where the provider has addresses \
                 of one domain and no guests"
            ));
            return None;
        }
    };
    let policy = if verified { policy.require_verified_email() } else { policy };
    let warning = format!("{place}: users who are not in the catalog are signed in");
    Some((Arc::new(policy), vec![warning]))
}
