//! The effect of each key, from the table of settings: for the start-up warnings and for `check`.

use super::{
    keys::Key,
    reader::Warning,
    setting::{Kind, Setting},
    table::SETTINGS,
};
use crate::internal::{KeyAt, Once, PROVIDER_KEYS, closest};

/// Where the keys stand that the layer reads.
const PROVIDER: &str = "auth.providers.awsalb";

/// The effect of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Verdict {
    /// It is read.
    Used,
    /// It concerns other services.
    OfOthers,
    /// It concerns an auth service and has no effect here, which is a warning at start-up.
    NotServed,
}

/// Keys at and below a path, `*` for any name.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Rule {
    section: &'static str,
    name: &'static str,
    pub(super) verdict: Verdict,
    pub(super) why: &'static str,
}

impl Rule {
    fn of(setting: &Setting) -> Self {
        let verdict = match setting.kind {
            Kind::OfOthers => Verdict::OfOthers,
            Kind::NotServed => Verdict::NotServed,
            _ => Verdict::Used,
        };
        Self { section: setting.path.section(), name: setting.path.key(), verdict, why: setting.effect }
    }

    fn all() -> impl Iterator<Item = Self> {
        let of_provider =
            |(name, why): &(&'static str, &'static str)| Self { section: PROVIDER, name, verdict: Verdict::Used, why };
        SETTINGS.iter().map(Self::of).chain(PROVIDER_KEYS.iter().map(of_provider))
    }

    fn names(&self) -> impl Iterator<Item = &'static str> {
        self.section.split('.').filter(|name| !name.is_empty()).chain([self.name])
    }

    fn fits(&self, key: &Key<'_>) -> bool {
        let mut names = key.names();
        self.names().all(|wanted| names.next().is_some_and(|name| wanted == "*" || wanted == name))
    }

    /// The name beside this rule's `*` that is most like the last name of the key.
    fn meant(&self, key: &KeyAt) -> Option<&'static str> {
        if self.name != "*" {
            return None;
        }
        let below = |rule: Self| match rule.section.strip_prefix(self.section)? {
            "" => Some(rule.name),
            rest => rest.strip_prefix('.')?.split('.').next(),
        };
        closest(key.path.rsplit('.').next()?, Self::all().filter_map(below).filter(|name| *name != "*"))
    }
}

/// The rule for a key: the longest that fits, and a name before `*`. There is one for every key below `auth`, `backend` and
/// `discovery`.
pub(super) fn rule_of(key: &Key<'_>) -> Option<Rule> {
    Rule::all().filter(|rule| rule.fits(key)).max_by_key(|rule| (rule.names().count(), rule.name != "*"))
}

/// A warning for each key, or each group of keys, that has no effect here and would have one in a stock auth backend.
pub(super) fn not_served_here(keys: &[Key<'_>]) -> Vec<Warning> {
    let mut ignored: Once<(KeyAt, Rule)> = Once::default();
    for key in keys {
        let Some(rule) = rule_of(key).filter(|rule| rule.verdict == Verdict::NotServed) else { continue };
        ignored.add((key.above(rule.names().count()), rule));
    }
    let warning = |(key, rule): (KeyAt, Rule)| {
        let meant = rule.meant(&key).map(|name| format!("; did you mean {name}?")).unwrap_or_default();
        Warning::ignored(key, format!("{}{meant}", rule.why))
    };
    ignored.into_list().into_iter().map(warning).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::{backstage::settings::Check, config::AppConfig, internal::OF_THE_BACKEND};

    /// Values that no setting accepts: a reader of the key reports at least one of them.
    const WRONG: [&str; 4] = ["[[x]]", "{ nothing: [x] }", r#""\u0001""#, "-1"];

    /// What the rest of the files has: some keys are read only beside others.
    const RESTS: [&str; 2] = [
        "
app: { baseUrl: https://backstage.example.com }
backend:
  baseUrl: https://backstage.example.com
  database:
    client: pg
    connection: { host: db.example.com, user: backstage, password: secret }
auth:
  providers:
    awsalb:
      issuer: https://idp.example.com
      signer: arn:aws:elasticloadbalancing:eu-central-1:123456789012:loadbalancer/app/edge/50dc6c495c0c9188
      clientIds: [backstage]
      signIn:
        resolvers:
          - resolver: emailMatchingUserEntityProfileEmail
",
        "
app: { baseUrl: https://backstage.example.com }
backend: { baseUrl: https://backstage.example.com }
auth: { keyStore: { provider: static } }
",
    ];

    fn path_of(rule: Rule) -> String {
        rule.names().collect::<Vec<_>>().join(".")
    }

    fn used() -> impl Iterator<Item = String> {
        Rule::all().filter(|rule| rule.verdict == Verdict::Used).map(path_of)
    }

    fn config(text: &str) -> AppConfig {
        AppConfig::from_text("app-config.yaml", text, |_| None).expect("YAML")
    }

    /// A file in which the key has this value.
    fn file(path: &str, value: &str) -> String {
        let names: Vec<&str> = path.split('.').collect();
        let lines = names.iter().enumerate().map(|(depth, name)| {
            let value = if depth + 1 == names.len() { format!(" {value}") } else { String::new() };
            format!("{}{name}:{value}\n", "  ".repeat(depth))
        });
        lines.collect()
    }

    #[test]
    fn every_key_that_the_table_calls_used_is_read() {
        let mut unread = Vec::new();
        for path in used() {
            let tries = RESTS.iter().flat_map(|rest| WRONG.iter().map(move |value| (rest, value)));
            let is_reported = tries.into_iter().any(|(rest, value)| {
                let usual = Check::of(&config(rest));
                let check = Check::of(&config(&file(&path, value)).over(config(rest)));
                let mut found = check.problems().iter().filter(|problem| !usual.problems().contains(problem));
                found.any(|problem| {
                    problem.key().is_some_and(|key| key.starts_with(&path)) || problem.to_string().contains(&path)
                })
            });
            if !is_reported {
                unread.push(path);
            }
        }
        assert_eq!(unread, Vec::<String>::new());
    }

    #[test]
    fn a_path_is_declared_once_and_the_longest_that_fits_holds() {
        let paths: Vec<String> = Rule::all().map(path_of).collect();
        assert_eq!(paths.len(), paths.iter().collect::<BTreeSet<_>>().len(), "{paths:?}");
        let rule = |text: &str| {
            let config = config(text);
            let keys = super::super::keys::keys_below(config.root(), &["auth", "backend"]);
            rule_of(&keys[0]).map(path_of).unwrap_or_default()
        };
        for (text, expected) in [
            ("auth: { keyStore: { static: { keys: x } } }", "auth.keyStore.static.keys"),
            ("auth: { keyStore: { static: { other: x } } }", "auth.keyStore.static.*"),
            ("auth: { keyStore: { firestore: { x: x } } }", "auth.keyStore.*"),
            ("auth: { providers: { github: { x: x } } }", "auth.providers.*"),
            ("auth: { providers: { awsalb: { accessToken: true } } }", "auth.providers.awsalb.accessToken"),
            ("backend: { database: { plugin: { catalog: { client: pg } } } }", "backend.database.plugin"),
        ] {
            assert_eq!(rule(text), expected, "{text}");
        }
    }

    /// The layer alone refuses a member that it does not know, so it has a list of the names that the auth backend reads.
    #[test]
    fn the_layer_knows_the_members_of_the_provider_that_the_auth_backend_reads() {
        let declared = SETTINGS.iter().filter(|setting| setting.path.section() == PROVIDER);
        let declared: BTreeSet<&str> = declared.map(|setting| setting.path.key()).collect();
        assert_eq!(declared, OF_THE_BACKEND.into_iter().collect());
    }
}
