//! The sign-in policy and its groups.

use super::vars::{
    ALLOWED_ADDRESSES, ANY_DOMAIN, EMAIL_CLAIM, EMAIL_DOMAINS, GROUPS_CLAIM, GROUPS_FORMAT, GROUPS_FROM, GROUPS_MAP,
    GROUPS_PATH, IGNORE_CASE, NAMESPACE, SIGN_IN, SIGN_IN_CLAIM, STRIP_PLUS_SUFFIX, UNVERIFIED_ACCEPTED,
    VERIFIED_EMAIL, Vars,
};
use crate::{
    config::{EmailSettings, GroupSettings, SignInSettings},
    settings::{KeyAt, Problem, ProblemKind},
    sign_in::{ClaimsOf, GroupFormat},
};

/// The values of `ALB_AUTH_SIGN_IN`.
const POLICIES: [&str; 5] = ["email_local_part", "whole_email", "subject", "claim", "claims_only"];

/// Variables of policies by email; the first list is of those whose value is a text.
const OF_EMAILS: [(&str, &str); 7] = [
    (EMAIL_DOMAINS, "set"),
    (ALLOWED_ADDRESSES, "set"),
    (EMAIL_CLAIM, "set"),
    (VERIFIED_EMAIL, "true"),
    (UNVERIFIED_ACCEPTED, "true"),
    (STRIP_PLUS_SUFFIX, "true"),
    (ANY_DOMAIN, "true"),
];

pub(super) fn policy(vars: &mut Vars) -> Option<SignInSettings> {
    let name = vars.one(SIGN_IN);
    let name = name.as_deref();
    let email = EmailSettings {
        domains: vars.list(EMAIL_DOMAINS),
        dangerously_allow_any_domain: vars.flag(ANY_DOMAIN),
        allowed_addresses: vars.list(ALLOWED_ADDRESSES),
        email_claim: vars.one(EMAIL_CLAIM),
        namespace: vars.one(NAMESPACE),
        require_verified_email: vars.flag(VERIFIED_EMAIL),
        dangerously_accept_unverified_email: vars.flag(UNVERIFIED_ACCEPTED),
        strip_plus_suffix: vars.flag(STRIP_PLUS_SUFFIX),
    };
    let (claim, ignore_case) = (vars.one(SIGN_IN_CLAIM), vars.flag(IGNORE_CASE));
    let by_email = matches!(name, None | Some("email_local_part" | "whole_email"));
    if by_email && email.domains.is_empty() && email.allowed_addresses.is_empty() && !email.dangerously_allow_any_domain
    {
        let fix = format!(
            "the domains whose users are signed in, such as example.com; or set {SIGN_IN} to subject or claims_only"
        );
        vars.missing(EMAIL_DOMAINS, fix);
    }
    if email.dangerously_allow_any_domain && !email.domains.is_empty() {
        vars.contradict(EMAIL_DOMAINS, ANY_DOMAIN, "are both set");
    }
    if email.require_verified_email && email.dangerously_accept_unverified_email {
        vars.contradict(VERIFIED_EMAIL, UNVERIFIED_ACCEPTED, "are both true");
    }
    if !by_email {
        for (variable, is) in OF_EMAILS {
            no_effect(vars, variable, is, "is not a policy that reads emails");
        }
    }
    if name != Some("claim") {
        no_effect(vars, SIGN_IN_CLAIM, "set", "is not claim");
        no_effect(vars, IGNORE_CASE, "true", "is not claim");
    }
    if name == Some("claims_only") {
        no_effect(vars, NAMESPACE, "set", "names no users");
    }
    match name {
        None | Some("email_local_part") => Some(SignInSettings::EmailLocalPart(email)),
        Some("whole_email") => Some(SignInSettings::WholeEmail(email)),
        Some("subject") => Some(SignInSettings::Subject { namespace: email.namespace }),
        Some("claim") => {
            if claim.is_none() {
                vars.missing(SIGN_IN_CLAIM, "the claim with the name of the user, such as custom:username".to_owned());
            }
            claim.map(|name| SignInSettings::Claim { name, namespace: email.namespace, ignore_case })
        }
        Some("claims_only") => Some(SignInSettings::ClaimsOnly),
        Some(other) => {
            vars.problems.push(Problem::unknown_value(KeyAt::path(SIGN_IN), other, POLICIES));
            None
        }
    }
}

/// A variable that is set, and has no effect with this policy.
fn no_effect(vars: &mut Vars, variable: &str, is: &str, why: &str) {
    if vars.one(variable).is_some_and(|value| is == "set" || value == is) {
        let why = format!("is {is}, but {SIGN_IN} {why}");
        let problem = Problem::of(ProblemKind::Conflict, KeyAt::path(variable), why);
        vars.problems.push(problem.with_fix("unset one of the two"));
    }
}

pub(super) fn groups(vars: &mut Vars) -> Option<GroupSettings> {
    let path = vars.one(GROUPS_PATH).map(|path| path.split('.').map(str::to_owned).collect());
    let (claims, paths) = (vars.list(GROUPS_CLAIM), Vec::from_iter(path));
    let (format, map) = (vars.one(GROUPS_FORMAT), vars.one(GROUPS_MAP));
    let from = vars.one(GROUPS_FROM);
    if claims.is_empty() && paths.is_empty() && format.is_none() && map.is_none() && from.is_none() {
        return None;
    }
    if claims.is_empty() && paths.is_empty() {
        let fix = format!("the claim with the groups, such as groups, or the path to it in {GROUPS_PATH}");
        vars.missing(GROUPS_CLAIM, fix);
    }
    let known = GroupFormat::ALL;
    let format = format.map_or(Some(GroupFormat::default()), |text| {
        let found = known.iter().find(|(name, _)| *name == text).map(|(_, format)| *format);
        if found.is_none() {
            let names = known.iter().map(|(name, _)| *name);
            vars.problems.push(Problem::unknown_value(KeyAt::path(GROUPS_FORMAT), &text, names));
        }
        found
    })?;
    let from = from.map_or(Some(ClaimsOf::default()), |text| {
        let found = ClaimsOf::ALL.iter().find(|(name, _)| *name == text).map(|(_, of)| *of);
        if found.is_none() {
            let names = ClaimsOf::ALL.iter().map(|(name, _)| *name);
            vars.problems.push(Problem::unknown_value(KeyAt::path(GROUPS_FROM), &text, names));
        }
        found
    })?;
    let Some(map) = map else {
        vars.missing(
            GROUPS_MAP,
            "groups at the provider and their entities, such as admins=group:default/admins".to_owned(),
        );
        return None;
    };
    let mut settings = GroupSettings { claims, paths, format, from, ..GroupSettings::default() };
    for pair in map.split([',', '\n']).map(str::trim).filter(|pair| !pair.is_empty()) {
        // An entity ref has no '='.
        match pair.rsplit_once('=').map(|(value, entity)| (value.trim(), entity.trim())) {
            Some((value, entity)) if !value.is_empty() && !entity.is_empty() => {
                settings.map.insert(value.to_owned(), entity.to_owned());
            }
            _ => {
                let found = crate::error::quoted(pair);
                let problem = Problem::of(ProblemKind::InvalidValue, KeyAt::path(GROUPS_MAP), format!("has {found}"));
                let fix = "write pairs as admins=group:default/admins, with commas or line feeds between them";
                vars.problems.push(problem.with_found(found).with_fix(fix));
            }
        }
    }
    Some(settings)
}
