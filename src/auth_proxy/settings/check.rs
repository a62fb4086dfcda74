//! What becomes of every setting, for the subcommand `check`.

use std::{fmt, path::Path};

use super::{KEYS, Override, Settings, WATCHED, assertion, read, sources, trust};
use crate::{
    ConfigError,
    config::Problem,
    internal::{Node, Problems, Section, Value},
};

/// What becomes of every key.
#[derive(Debug)]
pub struct Check {
    settings: Result<Settings, ConfigError>,
    uses: Vec<Use>,
    /// What is trusted, and the checks that are waived.
    trusts: Option<(String, Vec<String>)>,
}

/// A key, where it is, and what becomes of it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Use {
    key: String,
    place: String,
    effect: String,
}

impl Check {
    /// Reads everything, the files that settings name included; see [`Settings::read`]. Opens no connection.
    pub fn of(file: Option<&Path>, overrides: &[Override], variables: &[(String, String)]) -> Self {
        let node = match file.map(sources::read_file).transpose() {
            Ok(node) => node.unwrap_or_else(Node::empty),
            Err(error) => return Self { settings: Err(error), uses: Vec::new(), trusts: None },
        };
        let of_alb_auth = trust::from_variables(variables);
        let mut uses = Use::all(&node, overrides, of_alb_auth.is_some());
        let mut names: Vec<&str> = trust::names(variables).collect();
        names.sort_unstable();
        uses.extend(names.into_iter().map(Use::of_variable));
        let merged = sources::overridden(node, overrides);
        let (settings, mut problems) = read::settings(&merged, of_alb_auth, variables);
        let places = Problems::default();
        let top = Section { path: String::new(), node: &merged, problems: &places };
        problems.extend(settings.unusable_files(|key| top.at(key)));
        let limits: Vec<&str> = settings.alb_auth.limits.keys().map(String::as_str).collect();
        uses.iter_mut().for_each(|entry| entry.mark(&problems, &limits));
        let trusts = settings.config_builder().build().ok();
        let trusts = trusts.map(|config| (config.summary(), config.warnings().to_vec()));
        let settings = if problems.is_empty() { Ok(settings) } else { Err(ConfigError::new(problems)) };
        Self { settings, uses, trusts }
    }

    /// Whether the proxy starts with these settings.
    pub fn is_sound(&self) -> bool {
        self.settings.is_ok()
    }
}

impl Use {
    /// A variable `ALB_AUTH_...`.
    fn of_variable(name: &str) -> Self {
        Self { key: name.to_owned(), place: "environment".to_owned(), effect: "used".to_owned() }
    }

    /// Marks the entry if a problem concerns this key or a part of it. A limit out of its range is named without the key above it.
    fn mark(&mut self, problems: &[Problem], limits: &[&str]) {
        let concerns = |path: &str| {
            path.strip_prefix(&*self.key).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
                || (self.key == "limits" && limits.contains(&path))
        };
        if self.effect.starts_with("used") && problems.iter().filter_map(Problem::key).any(concerns) {
            self.effect = "refused: see below".to_owned();
        }
    }

    fn all(file: &Node, overrides: &[Override], has_alb_auth: bool) -> Vec<Self> {
        let names = |key: &str| file.member(key).is_some() || overrides.iter().any(|over| over.key == key);
        let mut uses = Vec::new();
        let members = match &file.value {
            Value::Object(members) => members.as_slice(),
            _ => &[],
        };
        for (key, node) in members {
            let replaced = overrides.iter().find(|over| over.key == *key).map(|over| over.source.clone());
            let by_variables = (has_alb_auth && trust::KEYS.contains(&key.as_str())).then(|| "ALB_AUTH_...".to_owned());
            let effect = match replaced.or(by_variables) {
                _ if !KEYS.contains(&key.as_str()) => "refused: there is no such key".to_owned(),
                Some(source) => format!("replaced by {source}"),
                None => effect(key, &names).to_owned(),
            };
            uses.push(Self { key: key.clone(), place: node.origin.to_string(), effect });
        }
        for over in overrides {
            let effect = effect(&over.key, &names).to_owned();
            uses.push(Self { key: over.key.clone(), place: over.source.clone(), effect });
        }
        uses
    }
}

/// What a key that is there does.
fn effect(key: &str, names: &impl Fn(&str) -> bool) -> &'static str {
    match key {
        "listen"
        | "upstream_protocol"
        | "upstream_ca"
        | "dangerously_upstream_over_plain_http"
        | "response_timeout_seconds"
        | "max_body_bytes"
        | "end_streams_with_token"
            if !names("upstream") =>
        {
            "no effect: there is no upstream"
        }
        "forward_auth_by_original_request" if !names("forward_auth_listen") => {
            "no effect: there is no forward_auth_listen"
        }
        _ if assertion::KEYS.contains(&key) && !names("assertion_issuer") => "no effect: there is no assertion_issuer",
        "audit_with_profile" if !names("audit_log") && !names("audit_file") => {
            "no effect: there is neither audit_log nor audit_file"
        }
        "groups" if !names("sign_in") => "no effect: there is no sign_in",
        "profile" if names("headers") => "used, with headers added",
        _ if WATCHED.contains(&key) => "used; the file is watched",
        _ => "used",
    }
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = |of: fn(&Use) -> &str| self.uses.iter().map(|entry| of(entry).chars().count()).max().unwrap_or(0);
        let (keys, places) = (width(|entry| &entry.key), width(|entry| &entry.place));
        for Use { key, place, effect } in &self.uses {
            writeln!(f, "{key:keys$}  {place:places$}  {effect}")?;
        }
        if !self.uses.is_empty() {
            writeln!(
                f,
                "A change of these settings needs a restart. Files that are watched may change: {}.",
                WATCHED.join(", ")
            )?;
        }
        if let Some((summary, warnings)) = &self.trusts {
            writeln!(f, "trusts {summary}")?;
            warnings.iter().try_for_each(|warning| writeln!(f, "warning: {warning}"))?;
        }
        match &self.settings {
            Ok(settings) => {
                for (name, _) in &settings.headers {
                    writeln!(f, "sets {name}, and removes it from what clients send")?;
                }
                if let Some(assertion) = &settings.assertion {
                    let (name, issuer) = (&assertion.header, &assertion.issuer);
                    writeln!(f, "sets {name} to an assertion of {issuer}, and removes it from what clients send")?;
                }
                match settings.profile {
                    Some(profile) => writeln!(f, "{} needs: {}", profile.name, profile.service_setting),
                    None => Ok(()),
                }
            }
            Err(error) => writeln!(f, "\n{error}"),
        }
    }
}
