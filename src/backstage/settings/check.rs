//! The effect of each key of the files: used, ignored or refused.

use std::{borrow::Cow, fmt};

use super::{
    BackstageSettings,
    keys::{Key, keys_below},
    read::read_all,
    reader::Warning,
    rules::{Verdict, rule_of},
};
use crate::{
    ConfigError,
    backstage::origins::{allowed_though_insecure, is_insecure, is_public_https},
    config::{AppConfig, Problem, ProblemKind},
    internal::{KeyAt, Once, Positions, Value},
    sign_in::Catalog,
};

/// The parts of the files that concern an auth service, and the one of which only some keys do.
const PARTS: [&str; 4] = ["auth", "backend", "discovery", "app"];

/// The keys of Backstage's files that this service uses, ignores and refuses: every key under `auth`, `backend` and `discovery`,
/// with its place. Values are not shown, except those that a problem quotes, which are never secrets.
///
/// ```
/// use tower_alb_auth::{backstage::settings::Check, config::AppConfig};
///
/// let yaml = "
/// backend:
///   baseUrl: https://backstage.example.com
/// auth:
///   session: { secret: hidden }
///   identityTokenAlgorithm: RS256
/// ";
/// let check = Check::of(&AppConfig::from_text("app-config.yaml", yaml, |_| None)?);
/// let shown = check.to_string();
/// assert!(shown.contains("used     backend.baseUrl (app-config.yaml:3): where browsers find this service"));
/// assert!(shown.contains("ignored  auth.session.secret (app-config.yaml:5): no session is kept here"));
/// assert!(shown.contains("refused  auth.identityTokenAlgorithm (app-config.yaml:6)"));
/// assert!(!check.is_sound() && !shown.contains("hidden"));
/// # Ok::<(), tower_alb_auth::ConfigError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Check {
    lines: Vec<String>,
    problems: Vec<Problem>,
    warnings: Vec<String>,
}

impl Check {
    /// Reads everything that the service reads, `auth.providers.awsalb` included, and opens no connection.
    pub fn of(config: &AppConfig) -> Self {
        let (settings, mut problems, warnings) = read_all(config);
        let of_provider = match provider(config) {
            Ok(warnings) => warnings,
            Err(error) => {
                problems.extend(error.problems().iter().cloned());
                Vec::new()
            }
        };
        let problems = problems.into_iter().collect::<Once<Problem>>().into_list();
        let unknown = problems.iter().filter(|problem| problem.kind() == ProblemKind::UnknownKey);
        let facts = Facts {
            token_at: settings.as_ref().and_then(|settings| settings.catalog.token_at.as_ref()),
            postgres: settings.as_ref().is_none_or(|settings| settings.database.is_some()),
            refused: Found::of(problems.iter().flat_map(with_keys)),
            below_unknown: Found::of(unknown.flat_map(with_keys)),
            ignored: Found::of(warnings.iter().filter_map(|warning| match warning {
                Warning::Ignored { key, why } => Some((key, why.as_str())),
                Warning::Of { .. } | Warning::Other(_) => None,
            })),
        };
        let lines = keys_below(config.root(), &PARTS).iter().filter_map(|key| facts.line(key)).collect();
        let waived = settings.as_ref().map(waived_origins).unwrap_or_default();
        let warnings = warnings.iter().map(ToString::to_string).chain(of_provider).chain(waived);
        let warnings = warnings.collect::<Once<String>>().into_list();
        Self { lines, problems, warnings }
    }

    /// A line for each key: `used     auth.keyStore.provider (app-config.yaml:12): where signing keys come from`.
    pub fn lines(&self) -> &[String] {
        &self.lines
    }

    /// What is missing or wrong. With any problem the service does not start.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// All problems as one error, if there are any.
    pub fn error(&self) -> Option<ConfigError> {
        (!self.is_sound()).then(|| ConfigError::new(self.problems.iter().cloned()))
    }

    /// The settings that have no effect and the checks that are waived, one text each.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// Whether a service starts with these files.
    pub fn is_sound(&self) -> bool {
        self.problems.is_empty()
    }
}

impl fmt::Display for Check {
    /// The keys, then the warnings, then the problems.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.lines.iter().try_for_each(|line| writeln!(f, "{line}"))?;
        list(f, "warnings", &self.warnings)?;
        list(f, "problems", &self.problems)
    }
}

/// A problem with each key that it concerns.
fn with_keys(problem: &Problem) -> impl Iterator<Item = (&KeyAt, &Problem)> {
    problem.keys().iter().map(move |key| (key, problem))
}

fn list(f: &mut fmt::Formatter<'_>, title: &str, items: &[impl fmt::Display]) -> fmt::Result {
    if !items.is_empty() {
        write!(f, "\n{title}\n")?;
    }
    items.iter().try_for_each(|item| writeln!(f, "- {item}"))
}

/// The provider's warnings, or its problems.
fn provider(config: &AppConfig) -> Result<Vec<String>, ConfigError> {
    // Never queried: only the policies that would query it are made.
    let catalog = Catalog::at("https://localhost/api/catalog").token("none").build()?;
    Ok(config.alb_auth_in_catalog(&catalog)?.build()?.warnings().to_vec())
}

/// The origins that are insecure beside an address on https and waived: the same texts as at the start.
fn waived_origins(settings: &BackstageSettings) -> Vec<String> {
    if !settings.allow_insecure_origins {
        return Vec::new();
    }
    let addresses = [&settings.auth_url, &settings.app_url, &settings.base_url];
    let Some(public) = addresses.into_iter().find(|address| is_public_https(address)) else { return Vec::new() };
    let origins = settings.allowed_origins.iter().filter(|origin| is_insecure(origin));
    origins.map(|origin| allowed_though_insecure(origin, public)).collect()
}

/// Values by the key that they concern, in the order in which they were found.
struct Found<'p, T> {
    values: Vec<T>,
    positions: Positions<'p, KeyAt>,
}

impl<'p, T: Copy> Found<'p, T> {
    fn of(found: impl Iterator<Item = (&'p KeyAt, T)>) -> Self {
        let (mut values, mut positions) = (Vec::new(), Positions::default());
        for (key, value) in found {
            positions.add(Cow::Borrowed(key), values.len());
            values.push(value);
        }
        Self { values, positions }
    }

    /// The first value that concerns one of these keys.
    fn first(&self, keys: &[KeyAt]) -> Option<T> {
        let position = keys.iter().filter_map(|key| self.positions.of(key)).min()?;
        self.values.get(position).copied()
    }
}

/// What the table of rules cannot know.
struct Facts<'p> {
    /// The token for the catalog.
    token_at: Option<&'p KeyAt>,
    postgres: bool,
    refused: Found<'p, &'p Problem>,
    /// The problems of unknown keys, which concern all keys below them.
    below_unknown: Found<'p, &'p Problem>,
    ignored: Found<'p, &'p str>,
}

impl Facts<'_> {
    /// The line of a key; of `app` only for the keys that are used.
    fn line(&self, key: &Key<'_>) -> Option<String> {
        let rule = rule_of(key)?;
        let subjects = key.subjects();
        // Children of an unknown key are reported with it.
        let problem = self.refused.first(&subjects).or_else(|| self.below_unknown.first(&key.parents()));
        let (verdict, why) = if let Some(problem) = problem {
            ("refused", Cow::Owned(problem.reason()))
        } else if let Some(Value::Unset(name)) = key.value() {
            ("ignored", Cow::Owned(format!("the environment variable {name} is not set")))
        } else if let Some(why) = self.ignored.first(&subjects).or_else(|| self.not_used(key)) {
            ("ignored", Cow::Borrowed(why))
        } else {
            (if rule.verdict == Verdict::Used { "used" } else { "ignored" }, Cow::Borrowed(rule.why))
        };
        let whole = subjects.last()?;
        Some(format!("{verdict:<8} {whole}: {why}"))
    }

    /// Why a key that may be used is not.
    fn not_used(&self, key: &Key<'_>) -> Option<&'static str> {
        let path = key.path();
        if path.starts_with("backend.auth.externalAccess[") {
            let entry = path.split_inclusive(']').next()?;
            let used = self.token_at.is_some_and(|token| token.path.starts_with(entry));
            return (!used).then_some("the catalog is not queried with it");
        }
        (path.starts_with("backend.database.") && !self.postgres)
            .then_some("there is no PostgreSQL, so nothing is stored there")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::internal::once::count;

    /// So many keys of each sort: not served, of others, no setting, a list of objects, origins; twice, to be merged.
    fn compared(keys: usize) -> usize {
        let lines = |line: &dyn Fn(usize) -> String| (0..keys).map(line).collect::<String>();
        let text = format!(
            "\
app: {{ baseUrl: 'https://backstage.example.com' }}
backend:
  baseUrl: https://backstage.example.com
  cors: {{ origin: [{}] }}
{}auth:
  providers:
    awsalb:
      issuer: https://idp.example.com
{}{}",
            lines(&|number| format!("'https://{number}.example.com',")),
            lines(&|number| format!("  b{number}: v\n")),
            lines(&|number| format!("      c{number}: v\n")),
            lines(&|number| format!("  a{number}: v\n")),
        );
        let read = || AppConfig::from_text("app-config.yaml", &text, |_| None).expect("YAML");
        let (earlier, later) = (read(), read());
        count::of(|| {
            let check = Check::of(&later.over(earlier));
            let of_each_sort = |part: &str| check.lines().iter().filter(|line| line.contains(part)).count();
            assert_eq!(of_each_sort("ignored  auth.a"), keys);
            assert_eq!(of_each_sort("refused  auth.providers.awsalb.c"), keys);
            assert_eq!(of_each_sort("ignored  backend.b"), keys);
        })
    }

    #[test]
    fn a_key_costs_the_same_however_many_there_are() {
        for keys in [250, 500, 1_000] {
            let compared = compared(keys);
            assert!(compared > keys, "what is compared is counted: {compared} of {keys}");
            // Six to eight as measured, the rest for hashes that meet, which differ from run to run. Each with each would be 125 or more.
            assert!(compared < 20 * keys, "{compared} of {keys}");
        }
    }
}
