//! Settings of the provider beside trust and resolvers: groups from claims, limits, and the identity header.

use crate::{
    config::{
        AccessTokens, AlbAuthConfigBuilder, GroupSettings,
        limit_settings::{Limits, camel_case},
    },
    settings::{Problem, ProblemKind, Section, Value},
    sign_in::{ClaimsOf, GroupFormat},
};

/// Reports a key without a value, which would count as absent: then more users would be admitted, or a user would be another one.
/// Returns whether it is one.
pub(super) fn refuse_null(section: &Section<'_>, key: &str, fix: &str) -> bool {
    let is_null = section.is_null(key);
    if is_null {
        let problem = Problem::of(ProblemKind::WrongType, section.at(key), "is null");
        section.problems.add(problem.with_fix(format!("{fix}, or leave it out")));
    }
    is_null
}

/// `groups`: the claims, their form and the mapping. `None` if there are mistakes, which are reported.
pub(super) fn read_groups(provider: &Section<'_>) -> Option<Option<GroupSettings>> {
    if provider.is_unset("groups") {
        return None;
    }
    if provider.find("groups").is_none() {
        return Some(None);
    }
    let section = provider.section("groups")?;
    section.only(&["claims", "path", "format", "from", "map"]);
    let unset = ["claims", "path", "format", "from", "map"].map(|key| section.is_unset(key)).contains(&true);
    let claims = match section.find("claims") {
        Some(_) => section.text_or_texts("claims")?,
        None => Vec::new(),
    };
    // A text is a path with dots; a list is a path whose parts may have dots.
    let path = match section.written("path") {
        Some(text) => Some(text.split('.').map(str::to_owned).collect()),
        None if section.find("path").is_some() => Some(section.texts("path")?),
        None => None,
    };
    let paths = Vec::from_iter(path);
    if claims.is_empty() && paths.is_empty() && !unset {
        let predicate = "names neither claims nor path";
        let problem = Problem::of(ProblemKind::Missing, section.place(), predicate);
        section.problems.add(problem.with_fix("write the claim with the groups as claims: [groups]"));
    }
    let format = match section.text("format") {
        None => GroupFormat::default(),
        Some(text) => {
            let found = GroupFormat::ALL.into_iter().find(|(name, _)| *name == text);
            if found.is_none() {
                let names = GroupFormat::ALL.map(|(name, _)| name);
                section.problems.add(Problem::unknown_value(section.at("format"), &text, names));
            }
            found?.1
        }
    };
    refuse_null(&section, "from", "write user or accessToken");
    let from = match section.text("from") {
        None => ClaimsOf::default(),
        Some(text) => {
            let found = ClaimsOf::ALL.into_iter().find(|(name, _)| camel_case(name) == text);
            if found.is_none() {
                let names = ClaimsOf::ALL.map(|(name, _)| camel_case(name));
                section.problems.add(Problem::unknown_value(
                    section.at("from"),
                    &text,
                    names.iter().map(String::as_str),
                ));
            }
            found?.1
        }
    };
    let mut settings = GroupSettings { claims, paths, format, from, ..GroupSettings::default() };
    let map = section.section("map").filter(|map| !map.members().is_empty());
    let Some(map) = map else {
        if !section.is_unset("map") {
            let problem = Problem::of(ProblemKind::Missing, section.place(), "has no map");
            section.problems.add(problem.with_fix("write map: { admins: group:default/admins }"));
        }
        return None;
    };
    for (value, _) in map.members() {
        if map.is_unset(value) {
            continue;
        }
        match map.text(value) {
            Some(entity) => drop(settings.map.insert(value.clone(), entity)),
            None if map.find(value).is_none() => {
                map.problems.add(Problem::wrong_type(map.at(value), "an entity ref", "null"));
            }
            None => {}
        }
    }
    Some(Some(settings))
}

/// `accessToken`: `true`, or an object of settings. `None` if there are mistakes, which are reported.
pub(super) fn read_access_token(provider: &Section<'_>) -> Option<Option<AccessTokens>> {
    const KEY: &str = "accessToken";
    if provider.is_unset(KEY) {
        return None;
    }
    // Null would verify nothing, also if an earlier file verifies access tokens.
    if refuse_null(provider, KEY, "write true or false") {
        return None;
    }
    let Some(node) = provider.find(KEY) else { return Some(None) };
    if !matches!(node.value, Value::Object(_)) {
        return Some(provider.flag(KEY).then(AccessTokens::new));
    }
    let section = provider.section(KEY)?;
    let keys = ["issuer", "audiences", "jwksUri", "subjectClaim"];
    section.only(&keys);
    if keys.iter().any(|key| section.is_unset(key)) {
        return None;
    }
    refuse_null(&section, "audiences", "name an audience");
    let mut tokens = AccessTokens::new();
    tokens.issuer = section.text("issuer");
    tokens.audiences = section.text_or_texts("audiences").unwrap_or_default();
    tokens.jwks_uri = section.text("jwksUri");
    tokens.subject_claim = section.text("subjectClaim");
    Some(Some(tokens))
}

/// `limits`, `denyListFile` and `dangerouslyIgnoreIdentityHeader`.
pub(super) fn add_to(section: &Section<'_>, mut builder: AlbAuthConfigBuilder) -> AlbAuthConfigBuilder {
    if section.flag("dangerouslyIgnoreIdentityHeader") {
        builder = builder.dangerously_ignore_identity_header();
    }
    // Null would shut out no user, also if an earlier file names a list.
    refuse_null(section, "denyListFile", "name a file");
    if let Some(path) = section.text("denyListFile") {
        builder = builder.deny_list_file(path);
    }
    let limits = if section.is_unset("limits") { None } else { section.section("limits") };
    let Some(limits) = limits else { return builder };
    for (key, node) in limits.members() {
        let Some(name) = Limits::names().find(|name| camel_case(name) == *key) else {
            let known: Vec<String> = Limits::names().map(camel_case).collect();
            limits.problems.add(Problem::unknown_key(limits.at(key), known.iter().map(String::as_str)));
            continue;
        };
        if limits.is_unset(key) || matches!(node.value, Value::Null) {
            continue;
        }
        let Some(text) = limits.number_or_text(key) else { continue };
        // A problem of the builder would be lost if there are others.
        match Limits::default().set(limits.at(key), name, &text) {
            Ok(()) => builder = builder.limit(limits.at(key), name, &text),
            Err(problem) => limits.problems.add(problem),
        }
    }
    builder
}

/// `requireVerifiedEmail: false` is written for a provider that reports `"false"` for federated users.
pub(super) fn verified_email_warning(section: &Section<'_>, issuer: &str) -> Option<String> {
    const KEY: &str = "requireVerifiedEmail";
    let place = section.place_of(KEY).filter(|_| !section.flag(KEY))?;
    let host = issuer.strip_prefix("https://")?;
    (host.starts_with("cognito-idp.") && !section.flag("dangerouslyAcceptUnverifiedEmail")).then(|| {
        format!(
            "{place} is false, which concerns a missing claim email_verified: Amazon Cognito sends it, and \"false\" for users \
             of a federated provider whose attribute is not mapped; they are refused unless the attribute is mapped or \
             dangerouslyAcceptUnverifiedEmail is true"
        )
    })
}
