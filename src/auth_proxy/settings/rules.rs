//! Rules and exempt paths.

use http::Method;

use super::claim_uses::ClaimUses;
use crate::{
    RequireLayer,
    auth_proxy::rules::{Access, PathPattern, Rule},
    config::{Problem, ProblemKind},
    internal::Section,
};

/// The exempt paths first, and then the rules in their order; and warnings.
pub(super) fn read(top: &Section<'_>, uses: &ClaimUses) -> (Vec<Rule>, Vec<String>) {
    let mut warnings = Vec::new();
    let mut rules: Vec<Rule> =
        top.text_or_texts("exempt").unwrap_or_default().iter().filter_map(|text| exempt(top, text)).collect();
    for section in top.sections("rules").unwrap_or_default() {
        let Some(rule) = rule(&section, uses) else { continue };
        if rules.iter().any(|earlier| rule.is_hidden_by(earlier)) {
            section.problems.add(
                Problem::of(
                    ProblemKind::Conflict,
                    section.place(),
                    "has no effect: an earlier rule applies to all of its paths",
                )
                .with_fix("put the rule with the narrower path first"),
            );
        }
        if let Some(earlier) = rules.iter().find(|earlier| rule.is_weakened_by(earlier)) {
            warnings.push(format!(
                "{} does not apply where an earlier rule for {} admits requests without a user to its paths: put it first, or give it \
                 a host, if it has to require one there",
                section.path,
                earlier.host.as_ref().map(ToString::to_string).unwrap_or_default()
            ));
        }
        rules.push(rule);
    }
    (rules, warnings)
}

/// `GET /healthz`; without a method, GET and HEAD.
fn exempt(top: &Section<'_>, text: &str) -> Option<Rule> {
    let (method, path) = match text.split_once(' ') {
        Some((method, path)) => (Some(method), path),
        None => (None, text),
    };
    let invalid = |why: &str| {
        let what = format!("has {}, which {why}", crate::internal::quoted(text));
        let problem = Problem::of(ProblemKind::InvalidValue, top.at("exempt"), what);
        top.problems.add(problem.with_fix("write it as GET /healthz"));
    };
    let methods = match method.map(known_method) {
        None => vec![Method::GET, Method::HEAD],
        Some(Some(method)) => vec![method],
        Some(None) => {
            invalid("does not begin with a method in capitals");
            return None;
        }
    };
    match path.parse::<PathPattern>() {
        Ok(path) if path.is_exact() => {
            Some(Rule { host: None, path, access: Access::Exempt, methods, requirements: Vec::new() })
        }
        Ok(_) => {
            invalid("is a pattern; an exempt path is exact, and a rule with access: optional may have one");
            None
        }
        Err(_) => {
            invalid("does not have a path with a slash in front, without %, ;, // and dot segments");
            None
        }
    }
}

fn known_method(text: &str) -> Option<Method> {
    let method: Method = text.parse().ok()?;
    text.bytes().all(|byte| byte.is_ascii_uppercase()).then_some(method)
}

/// Every key that is there must have a value: without one, a rule would apply to more, or require less.
fn only_with_values(section: &Section<'_>) {
    for (name, _) in section.members() {
        if section.is_null(name) || section.is_empty_list(name) || section.is_empty_object(name) {
            let problem = Problem::of(ProblemKind::Missing, section.at(name), "has no value");
            section.problems.add(problem.with_fix("write one, or remove the key"));
        }
    }
}

fn rule(section: &Section<'_>, uses: &ClaimUses) -> Option<Rule> {
    section.only(&["path", "host", "access", "methods", "require"]);
    only_with_values(section);
    let text = section.text("path").unwrap_or_else(|| "/*".to_owned());
    let invalid = |key: &str, why: &str| {
        section.problems.add(Problem::of(ProblemKind::InvalidValue, section.at(key), why));
    };
    let path = text.parse::<PathPattern>().map_err(|why| invalid("path", why)).ok()?;
    let host = match section.text("host").map(|host| host.parse()) {
        Some(Err(why)) => {
            invalid("host", why);
            return None;
        }
        Some(Ok(host)) => Some(host),
        None => None,
    };
    let access = match section.text("access").as_deref() {
        None | Some("required") => Access::Required,
        Some("optional") => Access::Optional,
        Some("exempt") => Access::Exempt,
        Some(other) => {
            section.problems.add(Problem::unknown_value(
                section.at("access"),
                other,
                ["required", "optional", "exempt"],
            ));
            return None;
        }
    };
    // A path that was forgotten, or that a dash has made a rule of its own, would open everything.
    if access != Access::Required && ["path", "host"].iter().all(|key| section.find(key).is_none()) {
        let what = "names no path and no host, so it would admit requests without a user to everything";
        let problem = Problem::of(ProblemKind::Missing, section.place(), what);
        section.problems.add(problem.with_fix("add the path; for every path, write path: /*"));
    }
    let methods = methods(section, access);
    let requirements = section.section("require").map(|section| requirements(&section, uses)).unwrap_or_default();
    if access == Access::Exempt && !path.is_exact() {
        invalid("path", "is a pattern; an exempt path is exact, and a rule with access: optional may have a pattern");
    }
    if access != Access::Required && !requirements.is_empty() {
        invalid("access", "contradicts require: a requirement needs a user; remove one of the two");
    }
    Some(Rule { host, path, access, methods, requirements })
}

fn methods(section: &Section<'_>, access: Access) -> Vec<Method> {
    let Some(texts) = section.text_or_texts("methods") else {
        return if access == Access::Exempt { vec![Method::GET, Method::HEAD] } else { Vec::new() };
    };
    if access != Access::Exempt {
        let problem = Problem::of(ProblemKind::Conflict, section.at("methods"), "belongs to access: exempt");
        section.problems.add(problem.with_fix("remove it: other rules apply to all methods"));
    }
    let mut methods = Vec::new();
    for text in texts {
        match known_method(&text) {
            Some(method) => methods.push(method),
            None => section.problems.add(
                Problem::of(
                    ProblemKind::InvalidValue,
                    section.at("methods"),
                    format!("{} is no method", crate::internal::quoted(&text)),
                )
                .with_fix("write methods in capitals, such as POST"),
            ),
        }
    }
    methods
}

/// `issuer`, `owner_of_any`, `owner_of_all`, `claim_equals`, `claim_contains`, `claim_present`.
fn requirements(section: &Section<'_>, uses: &ClaimUses) -> Vec<RequireLayer> {
    section.only(&["issuer", "owner_of_any", "owner_of_all", "claim_equals", "claim_contains", "claim_present"]);
    only_with_values(section);
    let issuer = section.text("issuer");
    if let Some(issuer) = &issuer {
        uses.issuer(section, issuer);
    }
    let mut layers: Vec<_> = issuer.iter().map(|issuer| RequireLayer::signed_in().of_issuer(issuer.as_str())).collect();
    let of_one_issuer = issuer.is_some();
    for (key, make) in [
        ("owner_of_any", RequireLayer::owner_of_any as fn(Vec<String>) -> _),
        ("owner_of_all", RequireLayer::owner_of_all),
    ] {
        match section.text_or_texts(key).map(make) {
            Some(Ok(layer)) => layers.push(layer),
            Some(Err(error)) => error.problems().iter().for_each(|problem| section.problems.add(problem.clone())),
            None => {}
        }
    }
    for claim in section.text_or_texts("claim_present").unwrap_or_default() {
        uses.requirement(section, section.at("claim_present"), None, of_one_issuer);
        layers.push(RequireLayer::claim_present(claim));
    }
    for (key, make) in [
        ("claim_equals", RequireLayer::claim_equals as fn(String, String) -> _),
        ("claim_contains", RequireLayer::claim_contains),
    ] {
        let Some(claims) = section.section(key) else { continue };
        only_with_values(&claims);
        for (claim, _) in claims.members() {
            uses.requirement(&claims, claims.at(claim), Some(claim), of_one_issuer);
            for text in claims.text_or_texts(claim).unwrap_or_default() {
                layers.push(make(claim.clone(), text));
            }
        }
    }
    if layers.is_empty() {
        let problem = Problem::of(ProblemKind::Missing, section.place(), "names no requirement");
        section.problems.add(problem.with_fix("name one, such as owner_of_any: [group:default/admins]"));
    }
    layers
}
