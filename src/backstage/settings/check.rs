//! What of the files is used, ignored or refused, key by key.

use std::fmt;

use super::{
    BackstageSettings, CatalogCredentials,
    keys::{Key, keys_below},
    read_all,
    rules::{Verdict, not_served_here, rule_of},
};
use crate::{
    ConfigError,
    backstage::origins::{allowed_though_insecure, is_insecure, is_public_https},
    config::AppConfig,
    internal::{Once, Positions, Value},
    sign_in::Catalog,
};

/// The parts of the files that concern an auth service.
const PARTS: [&str; 3] = ["auth", "backend", "discovery"];

/// What of Backstage's files this service uses, ignores and refuses: every key under `auth`, `backend` and `discovery`, with its
/// place. Values are not shown, but for one that a mistake has to quote and that is no secret.
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
    problems: Vec<String>,
    warnings: Vec<String>,
}

impl Check {
    /// Reads everything that the service reads, `auth.providers.awsalb` included, and asks nobody.
    pub fn of(config: &AppConfig) -> Self {
        let (settings, mut problems, mut warnings) = read_all(config);
        match provider(config) {
            Ok(more) => warnings.extend(more),
            Err(error) => problems.extend(error.problems().iter().cloned()),
        }
        warnings.extend(settings.as_ref().map(waived_origins).unwrap_or_default());
        for list in [&mut problems, &mut warnings] {
            *list = std::mem::take(list).into_iter().collect::<Once>().into_list();
        }
        let facts = Facts {
            token_at: settings.as_ref().and_then(|settings| match &settings.catalog.credentials {
                CatalogCredentials::Static { place, .. } => Some(place.clone()),
                CatalogCredentials::Minted => None,
            }),
            postgres: settings.is_none_or(|settings| settings.database.is_some()),
        };
        let keys = keys_below(config.root(), &[&PARTS[..], &["app"]].concat());
        let (about_problems, about_warnings) = (Sentences::of(&problems), Sentences::of(&warnings));
        let lines = keys.iter().filter_map(|key| facts.line(key, &about_problems, &about_warnings)).collect();
        Self { lines, problems, warnings }
    }

    /// A line for each key: `used     auth.keyStore.provider (app-config.yaml:12): where signing keys come from`.
    pub fn lines(&self) -> &[String] {
        &self.lines
    }

    /// What is missing or wrong, a sentence each: with any of them the service does not start.
    pub fn problems(&self) -> &[String] {
        &self.problems
    }

    /// What is not served or given up, a sentence each.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// Whether a service starts with these files.
    pub fn is_sound(&self) -> bool {
        self.problems.is_empty()
    }
}

impl fmt::Display for Check {
    /// The keys, then what is given up, then what is wrong.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.lines.iter().try_for_each(|line| writeln!(f, "{line}"))?;
        for (title, sentences) in [("warnings", &self.warnings), ("problems", &self.problems)] {
            if !sentences.is_empty() {
                write!(f, "\n{title}\n")?;
                sentences.iter().try_for_each(|sentence| writeln!(f, "- {sentence}"))?;
            }
        }
        Ok(())
    }
}

/// The provider's warnings, or what is wrong with it.
fn provider(config: &AppConfig) -> Result<Vec<String>, ConfigError> {
    // Never asked: only the policies that would ask it are made.
    let catalog = Catalog::at("https://localhost/api/catalog").token("none").build()?;
    Ok(config.alb_auth_in_catalog(&catalog)?.build()?.warnings().to_vec())
}

/// The origins that are insecure beside an address on https and waived: the same sentences as at the start.
fn waived_origins(settings: &BackstageSettings) -> Vec<String> {
    let addresses = [&settings.auth_url, &settings.app_url, &settings.base_url];
    let Some(public) = addresses.into_iter().find(|address| is_public_https(address)) else { return Vec::new() };
    let origins = settings.allowed_origins.iter().filter(|origin| is_insecure(origin));
    origins.map(|origin| allowed_though_insecure(origin, public)).collect()
}

/// What is said of keys, found by the keys: their path and place, with which each sentence about one begins.
struct Sentences<'s> {
    list: &'s [String],
    about: Positions<'s>,
    /// Of those that say that there is no such setting.
    no_setting: Positions<'s>,
}

impl<'s> Sentences<'s> {
    fn of(list: &'s [String]) -> Self {
        let (mut about, mut no_setting) = (Positions::default(), Positions::default());
        for (position, sentence) in list.iter().enumerate() {
            let line = sentence.lines().next().unwrap_or_default();
            // A path may have parentheses too, so each may be the place's last.
            for (end, _) in line.match_indices(')') {
                let Some((subject, rest)) = line.split_at_checked(end.saturating_add(1)) else { continue };
                about.add(subject, position);
                if rest.starts_with(" is no setting") {
                    no_setting.add(subject, position);
                }
            }
        }
        Self { list, about, no_setting }
    }

    /// What the first sentence that is about one of these subjects, or says that one of these parents is no setting, goes on to
    /// say in its first line. What has lines to paste ends its first line with "add" or "by": the line says where they are.
    fn first_about(&self, subjects: &[String], parents: &[String]) -> Option<String> {
        let about = subjects.iter().filter_map(|subject| Some((self.about.of(subject)?, subject)));
        let below = parents.iter().filter_map(|parent| Some((self.no_setting.of(parent)?, parent)));
        let (position, subject) = about.chain(below).min_by_key(|(position, _)| *position)?;
        let rest = self.list.get(position)?.strip_prefix(subject.as_str())?;
        Some(match rest.split_once('\n') {
            Some((first, _)) => format!("{first} the lines that stand under \"problems\""),
            None => rest.to_owned(),
        })
    }
}

/// What a table cannot know.
struct Facts {
    /// Where the token stands that the catalog is asked with.
    token_at: Option<String>,
    postgres: bool,
}

impl Facts {
    /// Its line; of `app` only what is used.
    fn line(&self, key: &Key<'_>, problems: &Sentences<'_>, warnings: &Sentences<'_>) -> Option<String> {
        let rule = rule_of(key)?;
        let subjects = key.subjects();
        // What stands below a key that is none is refused with it.
        let parents = key.parents();
        let said = |sentences: &Sentences<'_>| sentences.first_about(&subjects, &parents);
        let (verdict, why) = if let Some(problem) = said(problems) {
            ("refused", problem.trim_start_matches(':').trim_start().to_owned())
        } else if let Some(Value::Unset(name)) = key.value() {
            ("ignored", format!("the environment variable {name} is not set"))
        } else if let Some(why) = said(warnings).and_then(|rest| rest.strip_prefix(" is ignored: ").map(str::to_owned))
        {
            ("ignored", why)
        } else if let Some(why) = self.not_used(key) {
            ("ignored", why.to_owned())
        } else {
            (if rule.verdict == Verdict::Used { "used" } else { "ignored" }, rule.why.to_owned())
        };
        let whole = subjects.last()?;
        Some(format!("{verdict:<8} {whole}: {why}"))
    }

    /// Why a key that may be used is not.
    fn not_used(&self, key: &Key<'_>) -> Option<&'static str> {
        let path = key.path();
        if path.starts_with("backend.auth.externalAccess[") {
            let entry = path.split_inclusive(']').next()?;
            let used = self.token_at.as_ref().is_some_and(|token| token.starts_with(entry));
            return (!used).then_some("the catalog is not asked with it");
        }
        (path.starts_with("backend.database.") && !self.postgres)
            .then_some("there is no PostgreSQL, so nothing is kept there")
    }
}

/// What the table says of keys that do nothing here.
pub(super) fn told(config: &AppConfig) -> Vec<String> {
    not_served_here(&keys_below(config.root(), &PARTS))
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
    fn twice_as_many_keys_are_twice_as_much_work() {
        let (some, twice, four_times) = (compared(250), compared(500), compared(1_000));
        assert!(some > 250, "what is compared is counted: {some}");
        // With room for hashes that meet.
        assert!(twice < some * 5 / 2 && four_times < twice * 5 / 2, "{some}, {twice}, {four_times}");
        assert!(four_times < 20 * 1_000, "{four_times}");
    }
}
