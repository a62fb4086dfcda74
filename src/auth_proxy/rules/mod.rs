//! What a request needs, by its path and host.
//!
//! Two servers may read one path differently: `/public/../admin` is `/admin` to some. So a rule that
//! admits more is compared strictly, and a rule that requires more is compared in every reading:
//!
//! | rule | applies to |
//! |---|---|
//! | `optional`, `exempt` | a path that is plainly written and matches byte for byte; an exempt one for its methods only |
//! | `required`, and every requirement | a path that matches in some reading, in any letter case, and what is below it; also with a format, `/admin.json` |
//!
//! The access is that of the first rule that applies; without one it is `required`. The requirements of
//! all rules that apply add up, in any order, and one of them makes the access `required`. A path with
//! too many readings is rejected.

mod pattern;

use std::sync::Arc;

use http::Method;

pub(super) use self::pattern::{HostPattern, PathPattern};
use crate::{
    RequireLayer,
    internal::{
        HostName,
        path_readings::{is_oddly_written, readings},
    },
};

/// What a request needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    /// A user.
    Required,
    /// No user, or one with a good token.
    Optional,
    /// Nothing; a token is not read.
    Exempt,
}

#[derive(Debug)]
pub(super) struct Rule {
    pub(super) host: Option<HostPattern>,
    pub(super) path: PathPattern,
    pub(super) access: Access,
    /// Of an exempt path.
    pub(super) methods: Vec<Method>,
    pub(super) requirements: Vec<RequireLayer>,
}

/// The rules in their order. Clones share them.
#[derive(Debug, Clone)]
pub(super) struct Rules(Arc<[Rule]>);

/// What one request needs.
#[derive(Debug, Clone)]
pub(super) struct Needs {
    pub(super) access: Access,
    rules: Rules,
    /// The rules whose requirements apply.
    with_requirements: Vec<usize>,
}

/// The path has too many readings.
#[derive(Debug)]
pub(super) struct TooManyReadings;

impl Needs {
    pub(super) fn requirements(&self) -> impl Iterator<Item = &RequireLayer> {
        let rules = self.with_requirements.iter().filter_map(|index| self.rules.0.get(*index));
        rules.flat_map(|rule| &rule.requirements)
    }
}

/// The path of a request target that a gateway describes. `None` if it is no path, or has a number sign: no client sends a fragment,
/// and a server that does not know it takes the rest for a part of the path.
pub(super) fn described_path(target: &str) -> Option<&str> {
    let path = target.split('?').next().filter(|path| path.starts_with('/'));
    path.filter(|_| !target.contains('#'))
}

impl Rules {
    pub(super) fn new(rules: Vec<Rule>) -> Self {
        Self(rules.into())
    }

    pub(super) fn needs(&self, method: &Method, host: Option<&HostName>, path: &str) -> Result<Needs, TooManyReadings> {
        if self.0.is_empty() {
            return Ok(self.needs_of(Access::Required, Vec::new()));
        }
        let is_odd = is_oddly_written(path);
        let read = if is_odd { readings(path).ok_or(TooManyReadings)? } else { vec![path.to_owned()] };
        let applies = |rule: &Rule| match rule.access {
            Access::Required => rule.may_mean(host, &read),
            Access::Optional => !is_odd && rule.is_exactly(host, path),
            Access::Exempt => !is_odd && rule.methods.contains(method) && rule.is_exactly(host, path),
        };
        let access = self.0.iter().find(|rule| applies(rule)).map_or(Access::Required, |rule| rule.access);
        let indexes = self.0.iter().enumerate();
        let with_requirements: Vec<usize> = indexes
            .filter(|(_, rule)| !rule.requirements.is_empty() && rule.may_mean(host, &read))
            .map(|(index, _)| index)
            .collect();
        let access = if with_requirements.is_empty() { access } else { Access::Required };
        Ok(self.needs_of(access, with_requirements))
    }

    /// For a request whose path is unknown: a user who meets every requirement.
    pub(super) fn strictest(&self) -> Needs {
        let indexes = self.0.iter().enumerate().filter(|(_, rule)| !rule.requirements.is_empty());
        self.needs_of(Access::Required, indexes.map(|(index, _)| index).collect())
    }

    fn needs_of(&self, access: Access, with_requirements: Vec<usize>) -> Needs {
        Needs { access, rules: self.clone(), with_requirements }
    }
}

impl Rule {
    fn is_exactly(&self, host: Option<&HostName>, path: &str) -> bool {
        let host_is = self.host.as_ref().is_none_or(|pattern| host.is_some_and(|host| pattern.matches(host)));
        host_is && self.path.matches(path)
    }

    /// A request without a host may mean every host.
    fn may_mean(&self, host: Option<&HostName>, readings: &[String]) -> bool {
        let host_is = self.host.as_ref().is_none_or(|pattern| host.is_none_or(|host| pattern.matches(host)));
        host_is && readings.iter().any(|reading| self.path.may_mean(reading))
    }

    /// Whether every request that this rule applies to is one that the earlier rule applies to, so that
    /// the access of this rule never counts.
    pub(super) fn is_hidden_by(&self, earlier: &Self) -> bool {
        let host_is = match (&earlier.host, &self.host) {
            (None, _) => true,
            (Some(earlier), Some(host)) => earlier.covers(host),
            (Some(_), None) => false,
        };
        let path_is = match earlier.access {
            Access::Required => earlier.path.may_mean(&self.path.to_string()),
            Access::Optional => earlier.path.covers(&self.path),
            Access::Exempt => false,
        };
        earlier.access != self.access && host_is && path_is
    }

    /// Whether the rule is there for a user on a part of the paths of the earlier one, which needs none on a part of the hosts. One
    /// with a requirement applies there all the same.
    pub(super) fn is_weakened_by(&self, earlier: &Self) -> bool {
        let on_more_hosts = match (&earlier.host, &self.host) {
            (Some(_), None) => true,
            (Some(earlier), Some(host)) => earlier != host && host.covers(earlier),
            (None, _) => false,
        };
        let on_less_paths = earlier.path != self.path && earlier.path.covers(&self.path);
        let is_weaker =
            earlier.access == Access::Optional && self.access == Access::Required && self.requirements.is_empty();
        is_weaker && on_more_hosts && on_less_paths
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(path: &str, access: Access, requirements: Vec<RequireLayer>) -> Rule {
        let methods = if access == Access::Exempt { vec![Method::GET] } else { Vec::new() };
        Rule { host: None, path: path.parse().expect("a pattern"), access, methods, requirements }
    }

    fn admin() -> Vec<RequireLayer> {
        vec![RequireLayer::claim_equals("role", "admin")]
    }

    #[test]
    fn a_weaker_rule_needs_the_plain_path_and_a_requirement_applies_in_every_reading() {
        let rules = Rules::new(vec![
            rule("/healthz", Access::Exempt, Vec::new()),
            rule("/admin/*", Access::Required, admin()),
            rule("/public/*", Access::Optional, Vec::new()),
        ]);
        let needs = |path: &str| {
            let needs =
                rules.needs(&Method::GET, HostName::read("app.example.com").as_ref(), path).expect("few readings");
            (needs.access, needs.requirements().count())
        };
        assert_eq!(needs("/healthz"), (Access::Exempt, 0));
        assert_eq!(needs("/public/a.css"), (Access::Optional, 0));
        assert_eq!(needs("/other"), (Access::Required, 0));
        for path in
            ["/healthz/", "//healthz", "/health%7a", "/HEALTHZ", "/public", "/Public/a", "/public/%61", "/public//a"]
        {
            assert_eq!(needs(path), (Access::Required, 0), "{path}");
        }
        for path in [
            "/admin",
            "/admin/",
            "/admin/x",
            "/ADMIN/x",
            "//admin/x",
            "/%61dmin/x",
            "/public/../admin/x",
            "/public/%2e%2e/admin",
            "/public/..%2fadmin",
            "/public/..;/admin",
            "/public\\..\\admin",
            "/./admin",
            "/admin;x/y",
            "/%2561dmin/x",
            "/admin%2fx",
        ] {
            assert_eq!(needs(path), (Access::Required, 1), "{path}");
        }
        let post = rules.needs(&Method::POST, None, "/healthz").expect("few readings");
        assert_eq!(post.access, Access::Required);
    }

    #[test]
    fn hosts_are_compared_without_case_port_and_final_dot() {
        let on_host = |host: &str, access, requirements| Rule {
            host: Some(host.parse().expect("a host")),
            ..rule("/*", access, requirements)
        };
        let rules = Rules::new(vec![
            on_host("open.example.com", Access::Optional, Vec::new()),
            on_host("*.admin.example.com", Access::Required, admin()),
        ]);
        let needs = |host: Option<&str>| {
            let host = host.map(|host| HostName::read(host).expect("a host"));
            let needs = rules.needs(&Method::GET, host.as_ref(), "/").expect("few readings");
            (needs.access, needs.requirements().count())
        };
        for host in ["open.example.com", "OPEN.example.com:443", "open.example.com."] {
            assert_eq!(needs(Some(host)), (Access::Optional, 0), "{host}");
        }
        for host in ["a.admin.example.com", "A.ADMIN.EXAMPLE.COM.:8443"] {
            assert_eq!(needs(Some(host)), (Access::Required, 1), "{host}");
        }
        for host in ["xopen.example.com", "open.example.com.evil", "admin.example.com"] {
            assert_eq!(needs(Some(host)), (Access::Required, 0), "{host}");
        }
        assert_eq!(needs(None), (Access::Required, 1), "no host may mean every host");
    }

    #[test]
    fn a_rule_is_hidden_by_an_earlier_one_on_the_same_hosts_and_paths_alone() {
        let on = |host: Option<&str>, path: &str, access| Rule {
            host: host.map(|host| host.parse().expect("a host")),
            ..rule(path, access, Vec::new())
        };
        let (one, all) = (Some("a.example.com"), Some("*.example.com"));
        for (case, earlier, later, hidden) in [
            ("the same host", (one, "/x/*"), (one, "/x/y"), true),
            ("another host", (Some("b.example.com"), "/x/*"), (one, "/x/y"), false),
            ("one of the hosts below", (all, "/x/*"), (one, "/x/y"), true),
            ("hosts below one of them", (all, "/x/*"), (Some("*.a.example.com"), "/x/y"), true),
            ("hosts below another one", (all, "/x/*"), (Some("*.example.org"), "/x/y"), false),
            ("a host and those below it", (one, "/x/*"), (Some("*.a.example.com"), "/x/y"), false),
            ("a host above", (one, "/x/*"), (all, "/x/y"), false),
            ("every host", (None, "/x/*"), (one, "/x/y"), true),
            ("one of every host", (one, "/x/*"), (None, "/x/y"), false),
            ("another path", (None, "/x/*"), (None, "/y"), false),
            ("a path above", (None, "/x/y"), (None, "/x/*"), false),
        ] {
            let [open, closed] = [(earlier, Access::Optional), (later, Access::Required)]
                .map(|((host, path), access)| on(host, path, access));
            assert_eq!(closed.is_hidden_by(&open), hidden, "{case}");
            assert!(!on(later.0, later.1, Access::Optional).is_hidden_by(&open), "{case}: the same access");
        }
    }

    #[test]
    fn what_is_no_path_or_host_is_no_pattern() {
        let path = |text: &str| text.parse::<PathPattern>().is_ok();
        for text in ["/", "/*", "/healthz", "/public/*", "/a/b"] {
            assert!(path(text), "{text}");
            let shown = text.parse::<PathPattern>().expect("a pattern").to_string();
            assert_eq!(shown, text.trim_end_matches("/*"), "{text}");
        }
        for text in [
            "", "healthz", "public/*", "/a b", "/a?b", "/a#b", "/a*", "/*/a", "/a//*", "/a%20", "/a;b", "/./a", "//a",
            "/\u{e4}",
        ] {
            assert!(!path(text), "{text}");
        }
        let host = |text: &str| text.parse::<HostPattern>().is_ok();
        for text in ["app", "app.example.com", "*.example.com", "10.0.0.1"] {
            assert!(host(text), "{text}");
        }
        for text in ["", "*.", "*", ".example.com", "*..example.com", "app:80", "app/x", "a_b", "a.*.b"] {
            assert!(!host(text), "{text}");
        }
    }

    #[test]
    fn a_path_with_too_many_readings_is_rejected_where_there_are_rules() {
        let path = "/%2525/..;a\\b//%255c.%2e;".repeat(300);
        let rules = Rules::new(vec![rule("/public/*", Access::Optional, Vec::new())]);
        assert!(rules.needs(&Method::GET, None, &path).is_err());
        assert!(Rules::new(Vec::new()).needs(&Method::GET, None, &path).is_ok());
    }
}
