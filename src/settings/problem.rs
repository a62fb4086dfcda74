//! A problem of a configuration, as a value: its kind, its place, what was found and expected, and the fix.

use std::{
    error::Error,
    fmt,
    hash::{Hash, Hasher},
    sync::Arc,
};

use super::{
    location::{KeyAt, Location},
    method::Method,
    problem_kind::ProblemKind,
};

/// One problem of a configuration. `Display` is a sentence made from its parts: the place, what is wrong, and what to change.
///
/// ```
/// use tower_alb_auth::{AlbAuthSettings, config::ProblemKind};
///
/// let error = AlbAuthSettings::from_vars([("ALB_AUTH_SIGNER", "arn:aws:...")]).unwrap_err();
/// let problem = &error.problems()[0];
/// assert_eq!(problem.kind(), ProblemKind::UnknownKey);
/// assert_eq!(problem.key(), Some("ALB_AUTH_SIGNER"));
/// assert_eq!(problem.suggestion(), Some("ALB_AUTH_SIGNERS"));
/// ```
#[derive(Clone)]
pub struct Problem(pub(super) Box<Parts>);

#[derive(Clone)]
pub(super) struct Parts {
    pub(super) kind: ProblemKind,
    /// The keys that it concerns; the first is the one that the problem is reported for.
    pub(super) keys: Vec<KeyAt>,
    /// Where it is, if it concerns no key.
    pub(super) location: Option<Location>,
    pub(super) text: Text,
    pub(super) found: Option<String>,
    pub(super) expected: Option<String>,
    pub(super) suggestion: Option<String>,
    pub(super) fix: Option<String>,
    /// Where the first clause of the fix ends, if lines to paste follow it.
    pub(super) lines_from: Option<usize>,
    /// The method that it concerns, in place of a key.
    pub(super) of_method: Option<Method>,
    /// The method that waives it.
    pub(super) waiver: Option<Method>,
    pub(super) source: Option<Arc<dyn Error + Send + Sync>>,
}

/// What is wrong, and how it is joined to the place.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) enum Text {
    /// Made from the kind and the values.
    OfKind,
    /// Goes on after the place: `<place> has no client`.
    Predicate(String),
    /// A clause of its own: `<place>: a guest is a user`.
    Clause(String),
    /// Names the place itself.
    Sentence(String),
}

impl Problem {
    /// A problem of this kind. The text is one clause without a full stop; what to change is the [fix](Self::with_fix).
    ///
    /// ```
    /// use tower_alb_auth::config::{Problem, ProblemKind};
    ///
    /// let problem = Problem::new(ProblemKind::Missing, "the directory has no address").with_fix("set LDAP_URL");
    /// assert_eq!(problem.to_string(), "the directory has no address: set LDAP_URL");
    /// ```
    pub fn new(kind: ProblemKind, text: impl Into<String>) -> Self {
        Self::of_parts(kind, Vec::new(), Text::Sentence(text.into()))
    }

    pub(super) fn of_parts(kind: ProblemKind, keys: Vec<KeyAt>, text: Text) -> Self {
        Self(Box::new(Parts {
            kind,
            keys,
            location: None,
            text,
            found: None,
            expected: None,
            suggestion: None,
            fix: None,
            lines_from: None,
            of_method: None,
            waiver: None,
            source: None,
        }))
    }

    /// Adds what was found, if that may be shown.
    #[must_use]
    pub fn with_found(mut self, found: impl Into<String>) -> Self {
        self.0.found = Some(found.into());
        self
    }

    /// Adds what is expected: a type, a range, or the list of what exists.
    #[must_use]
    pub fn with_expected(mut self, expected: impl Into<String>) -> Self {
        self.0.expected = Some(expected.into());
        self
    }

    /// Adds what to change: a clause.
    #[must_use]
    pub fn with_fix(mut self, fix: impl Into<String>) -> Self {
        self.0.fix = Some(fix.into());
        self
    }

    /// Adds what to change: a clause that ends with "add" or "by", and behind it the lines to paste.
    #[cfg_attr(not(feature = "app-config"), allow(dead_code, reason = "lines of a file"))]
    pub(crate) fn with_lines(mut self, clause: &str, lines: &str) -> Self {
        self.0.lines_from = Some(clause.len());
        self.with_fix(format!("{clause}\n{lines}"))
    }

    /// Sets the error behind it.
    #[must_use]
    pub fn caused_by(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.0.source = Some(Arc::from(source.into()));
        self
    }

    #[cfg(feature = "app-config")]
    pub(crate) fn maybe_caused_by(self, source: Option<std::io::Error>) -> Self {
        match source {
            Some(source) => self.caused_by(source),
            None => self,
        }
    }

    /// What kind of problem it is.
    pub fn kind(&self) -> ProblemKind {
        self.0.kind
    }

    /// The file and the line, if it comes from a file.
    pub fn location(&self) -> Option<&Location> {
        let of_key = self.0.keys.first().and_then(|key| key.location.as_ref());
        of_key.or(self.0.location.as_ref())
    }

    /// The path of the key, `auth.providers.awsalb.issuer`, or the name of the variable or limit.
    pub fn key(&self) -> Option<&str> {
        self.0.keys.first().map(|key| key.path.as_str())
    }

    /// What was found, if that may be shown.
    pub fn found(&self) -> Option<&str> {
        self.0.found.as_deref()
    }

    /// What is expected: a type, a range, or the list of what exists.
    pub fn expected(&self) -> Option<&str> {
        self.0.expected.as_deref()
    }

    /// The name that was most likely meant.
    pub fn suggestion(&self) -> Option<&str> {
        self.0.suggestion.as_deref()
    }

    /// What to change: a clause, or lines to add.
    pub fn fix(&self) -> Option<&str> {
        self.0.fix.as_deref()
    }

    /// The error behind it: of the operating system, of a reader.
    pub fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }

    /// The keys that it concerns, with their places.
    #[cfg(feature = "backstage")]
    pub(crate) fn keys(&self) -> &[KeyAt] {
        &self.0.keys
    }

    /// The message without the place, in one line: it says where the lines to paste are.
    #[cfg_attr(not(feature = "backstage"), allow(dead_code, reason = "for the check of the auth backend"))]
    pub(crate) fn reason(&self) -> String {
        let Parts { fix, lines_from, .. } = &*self.0;
        match (fix, lines_from) {
            (Some(fix), Some(end)) => {
                let clause = fix.get(..*end).unwrap_or_default();
                self.rest(Some(&format!("{clause} the lines that stand under \"problems\"")))
            }
            _ => self.rest(fix.as_deref()),
        }
    }

    /// The message without the place, with this fix.
    fn rest(&self, fix: Option<&str>) -> String {
        let Parts { kind, text, found, expected, suggestion, waiver, .. } = &*self.0;
        let value = |value: &Option<String>| value.clone().unwrap_or_default();
        let (found, expected) = (value(found), value(expected));
        let meant = suggestion.as_ref().map(|name| format!(" Did you mean {name}?")).unwrap_or_default();
        let mut rest = match (text, kind) {
            (Text::Predicate(text) | Text::Clause(text) | Text::Sentence(text), _) => text.clone(),
            (Text::OfKind, ProblemKind::UnknownKey) => {
                format!("is not a known setting.{meant} Known settings are {expected}")
            }
            (Text::OfKind, ProblemKind::UnknownValue) => {
                format!("is {found}, which is not one of {expected}.{meant}").trim_end_matches('.').to_owned()
            }
            (Text::OfKind, ProblemKind::UnsetVariable) => {
                format!("takes its value from the environment variable {found}, which is not set")
            }
            (Text::OfKind, ProblemKind::OutOfRange) => format!("is {found}; set it to {expected}"),
            (Text::OfKind, _) => format!("must be {expected}, and is {found}"),
        };
        if let Some(fix) = fix {
            rest.push_str(": ");
            rest.push_str(fix);
        }
        if let Some(waiver) = waiver {
            rest.push_str(&format!(", or waive it by {waiver}"));
        }
        rest
    }
}

impl From<String> for Problem {
    /// A problem that is known by its text only.
    fn from(text: String) -> Self {
        Self::other(text)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Parts { keys, location, text, of_method, .. } = &*self.0;
        if !matches!(text, Text::Sentence(_)) {
            for (index, key) in keys.iter().enumerate() {
                write!(f, "{}{key}", if index == 0 { "" } else { " and " })?;
            }
            if let (true, Some(location)) = (keys.is_empty(), location) {
                write!(f, "{location}")?;
            }
            if let (true, Some(method)) = (keys.is_empty(), of_method) {
                write!(f, "{method}")?;
            }
            f.write_str(if matches!(text, Text::Clause(_)) { ": " } else { " " })?;
        }
        f.write_str(&self.rest(self.fix()))
    }
}

impl fmt::Debug for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Problem").field("kind", &self.kind()).field("message", &self.to_string()).finish()
    }
}

impl Parts {
    /// All that makes two problems the same: the error behind it is part of the text.
    fn compared(&self) -> impl Eq + Hash + '_ {
        let place = (&self.keys, &self.location, &self.of_method, &self.waiver);
        (self.kind, place, &self.text, &self.found, &self.expected, &self.fix)
    }
}

impl PartialEq for Problem {
    fn eq(&self, other: &Self) -> bool {
        self.0.compared() == other.0.compared()
    }
}

impl Eq for Problem {}

impl Hash for Problem {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.compared().hash(state);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_message_is_made_from_the_parts() {
        let file: Arc<str> = "app-config.yaml".into();
        let key =
            || KeyAt { path: "a.signr".to_owned(), location: Some(Location { file: Arc::clone(&file), line: 7 }) };
        let unknown = Problem::unknown_key(key(), ["issuer", "signer"]);
        assert_eq!(
            unknown.to_string(),
            "a.signr (app-config.yaml:7) is not a known setting. Did you mean signer? Known settings are issuer, signer"
        );
        assert_eq!((unknown.key(), unknown.suggestion()), (Some("a.signr"), Some("signer")));
        assert_eq!(unknown.location().and_then(Location::line), Some(7));
        let value = Problem::unknown_value(KeyAt::path("V"), "x", ["one", "two"]);
        assert_eq!(value.to_string(), "V is \"x\", which is not one of one, two");
        let clause =
            Problem::clause(ProblemKind::Conflict, [key(), KeyAt::path("b")], "both are true").with_fix("unset one");
        assert_eq!(clause.to_string(), "a.signr (app-config.yaml:7) and b: both are true: unset one");
        assert_eq!(Problem::out_of_range("leeway", "9s".into(), "1s".into()).to_string(), "leeway is 9s; set it to 1s");
        assert_ne!(unknown, value);
    }

    #[test]
    fn a_program_has_its_own_names_for_methods() {
        let plain = Problem::new(ProblemKind::Insecure, "the address is plain http").with_fix("use https");
        let plain = plain.with_waiver("dangerously_over_plain_http");
        assert_eq!(
            plain.to_string(),
            "the address is plain http: use https, or waive it by dangerously_over_plain_http()"
        );
        let replicas = Problem::of_method(ProblemKind::Conflict, "replicas", 3, "there is no database");
        assert_eq!(replicas.to_string(), "replicas(3): there is no database");
        let flags = |method: &str| (method == "replicas").then(|| "--replicas".to_owned());
        assert_eq!(replicas.with_names(flags).to_string(), "--replicas 3: there is no database");
        assert_eq!(plain.clone().with_names(flags), plain);
    }
}
