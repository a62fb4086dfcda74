//! The variables: names and values.

use crate::{
    config::limit_settings::Limits,
    settings::{KeyAt, Problem, ProblemKind},
};

pub(super) const PREFIX: &str = "ALB_AUTH_";
/// Followed by the name of a limit in upper case.
pub(super) const LIMIT: &str = "ALB_AUTH_LIMIT_";

/// Declares the variables, and the list of all of them.
macro_rules! variables {
    ($($name:ident = $variable:literal;)*) => {
        $( pub(super) const $name: &str = $variable; )*
        pub(super) const ALL: &[&str] = &[$($variable),*];
    };
}

variables! {
    SIGNERS = "ALB_AUTH_SIGNERS";
    ISSUER = "ALB_AUTH_ISSUER";
    CLIENT_IDS = "ALB_AUTH_CLIENT_IDS";
    ANY_CLIENT = "ALB_AUTH_DANGEROUSLY_ACCEPT_ANY_CLIENT";
    SIGN_IN = "ALB_AUTH_SIGN_IN";
    SIGN_IN_CLAIM = "ALB_AUTH_SIGN_IN_CLAIM";
    IGNORE_CASE = "ALB_AUTH_IGNORE_CASE";
    NAMESPACE = "ALB_AUTH_NAMESPACE";
    EMAIL_DOMAINS = "ALB_AUTH_EMAIL_DOMAINS";
    ANY_DOMAIN = "ALB_AUTH_DANGEROUSLY_ALLOW_ANY_DOMAIN";
    ALLOWED_ADDRESSES = "ALB_AUTH_ALLOWED_ADDRESSES";
    EMAIL_CLAIM = "ALB_AUTH_EMAIL_CLAIM";
    STRIP_PLUS_SUFFIX = "ALB_AUTH_STRIP_PLUS_SUFFIX";
    VERIFIED_EMAIL = "ALB_AUTH_REQUIRE_VERIFIED_EMAIL";
    MISSING_ACCEPTED = "ALB_AUTH_ACCEPT_MISSING_EMAIL_VERIFIED";
    UNVERIFIED_ACCEPTED = "ALB_AUTH_DANGEROUSLY_ACCEPT_UNVERIFIED_EMAIL";
    GROUPS_CLAIM = "ALB_AUTH_GROUPS_CLAIM";
    GROUPS_PATH = "ALB_AUTH_GROUPS_PATH";
    GROUPS_FORMAT = "ALB_AUTH_GROUPS_FORMAT";
    GROUPS_MAP = "ALB_AUTH_GROUPS_MAP";
    GROUPS_FROM = "ALB_AUTH_GROUPS_FROM";
    ACCESS_TOKEN = "ALB_AUTH_VERIFY_ACCESS_TOKEN";
    ACCESS_TOKEN_ISSUER = "ALB_AUTH_ACCESS_TOKEN_ISSUER";
    ACCESS_TOKEN_AUDIENCES = "ALB_AUTH_ACCESS_TOKEN_AUDIENCES";
    ACCESS_TOKEN_JWKS_URI = "ALB_AUTH_ACCESS_TOKEN_JWKS_URI";
    ACCESS_TOKEN_SUBJECT_CLAIM = "ALB_AUTH_ACCESS_TOKEN_SUBJECT_CLAIM";
    IDENTITY_HEADER_IGNORED = "ALB_AUTH_DANGEROUSLY_IGNORE_IDENTITY_HEADER";
    KEY_ENDPOINT = "ALB_AUTH_KEY_ENDPOINT";
    PLAIN_HTTP_FROM = "ALB_AUTH_DANGEROUSLY_FETCH_KEYS_OVER_HTTP_FROM";
    EMULATOR_CA_FILE = "ALB_AUTH_EMULATOR_CA_FILE";
    DENY_LIST_FILE = "ALB_AUTH_DENY_LIST_FILE";
}

/// The variables of sign-in policies and their groups.
pub(super) const OF_POLICIES: [&str; 16] = [
    SIGN_IN,
    SIGN_IN_CLAIM,
    IGNORE_CASE,
    NAMESPACE,
    EMAIL_DOMAINS,
    ANY_DOMAIN,
    ALLOWED_ADDRESSES,
    EMAIL_CLAIM,
    STRIP_PLUS_SUFFIX,
    VERIFIED_EMAIL,
    UNVERIFIED_ACCEPTED,
    GROUPS_CLAIM,
    GROUPS_FROM,
    GROUPS_PATH,
    GROUPS_FORMAT,
    GROUPS_MAP,
];

/// Without one of these, more users are admitted, or a user is another one: named by another claim, in another namespace, or with the
/// token of another service. So one that is set to nothing, perhaps because the variable that it is made from is unset, is a problem.
const DECIDES_WHO: [&str; 8] = [
    DENY_LIST_FILE,
    VERIFIED_EMAIL,
    ACCESS_TOKEN,
    ACCESS_TOKEN_AUDIENCES,
    SIGN_IN,
    EMAIL_CLAIM,
    NAMESPACE,
    GROUPS_FROM,
];

/// Variables, and the problems that were found while they were read.
pub(super) struct Vars {
    vars: Vec<(String, String)>,
    pub(super) problems: Vec<Problem>,
}

impl Vars {
    pub(super) fn new(vars: impl Iterator<Item = (String, String)>) -> Self {
        let mut vars = Self::of(vars, PREFIX, ALL, |name| name.starts_with(LIMIT));
        let blank = vars.vars.iter().filter(|(_, value)| value.trim().is_empty());
        for (name, _) in blank.filter(|(name, _)| DECIDES_WHO.contains(&name.as_str())) {
            let problem = Problem::of(ProblemKind::Missing, KeyAt::path(name), "is set to nothing");
            vars.problems.push(problem.with_fix("give it a value, or unset it"));
        }
        vars
    }

    /// Those with this prefix. Others than the known ones, and the further ones, are problems.
    pub(super) fn of(
        vars: impl Iterator<Item = (String, String)>,
        prefix: &str,
        known: &[&str],
        is_further: impl Fn(&str) -> bool,
    ) -> Self {
        let vars: Vec<_> = vars.filter(|(name, _)| name.starts_with(prefix)).collect();
        let unknown = vars.iter().filter(|(name, _)| !known.contains(&name.as_str()) && !is_further(name));
        let problems =
            unknown.map(|(name, _)| Problem::unknown_key(KeyAt::path(name), known.iter().copied())).collect();
        Self { vars, problems }
    }

    /// The value without white space around it. A variable that is set to nothing counts as unset.
    pub(super) fn one(&self, name: &str) -> Option<String> {
        let value = self.vars.iter().find(|(held, _)| held == name).map(|(_, value)| value.trim());
        value.filter(|value| !value.is_empty()).map(str::to_owned)
    }

    /// Values with commas or white space between them.
    pub(super) fn list(&self, name: &str) -> Vec<String> {
        let value = self.one(name).unwrap_or_default();
        value.split([',', ' ', '\n', '\t']).filter(|part| !part.is_empty()).map(str::to_owned).collect()
    }

    pub(super) fn flag(&mut self, name: &str) -> bool {
        match self.one(name).as_deref() {
            Some("true") => true,
            Some("false") | None => false,
            Some(other) => {
                self.problems.push(Problem::unknown_value(KeyAt::path(name), other, ["true", "false"]));
                false
            }
        }
    }

    /// Limits by name, checked to have a value of the right kind.
    pub(super) fn limits(&mut self) -> Vec<(String, String)> {
        let mut limits = Vec::new();
        for (variable, value) in &self.vars {
            let Some(name) = variable.strip_prefix(LIMIT) else { continue };
            let (name, value) = (name.to_ascii_lowercase(), value.trim());
            if value.is_empty() {
                continue;
            }
            let at = KeyAt::path(variable);
            if !Limits::names().any(|known| known == name) {
                let known: Vec<String> =
                    Limits::names().map(|known| format!("{LIMIT}{}", known.to_ascii_uppercase())).collect();
                self.problems.push(Problem::unknown_key(at, known.iter().map(String::as_str)));
                continue;
            }
            match Limits::default().set(at, &name, value) {
                Ok(()) => limits.push((name, value.to_owned())),
                Err(problem) => self.problems.push(problem),
            }
        }
        limits
    }

    pub(super) fn missing(&mut self, name: &str, fix: String) {
        self.problems.push(Problem::of(ProblemKind::Missing, KeyAt::path(name), "is not set").with_fix(fix));
    }

    /// Two variables that contradict each other.
    pub(super) fn contradict(&mut self, one: &str, other: &str, why: &str) {
        let text = format!("{one} and {other} {why}");
        let problem = Problem::sentence(ProblemKind::Conflict, text).with_fix("unset one of the two");
        self.problems.push(problem.for_key(KeyAt::path(one)).for_key(KeyAt::path(other)));
    }
}
