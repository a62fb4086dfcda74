//! Problems as the crate makes them: each sort with its text, and its place.

use std::fmt;

#[cfg(feature = "app-config")]
use super::location::Location;
use super::{
    location::KeyAt,
    method::Method,
    problem::{Parts, Problem, Text},
    problem_kind::ProblemKind,
    suggest::closest,
};
use crate::error::quoted;

impl Problem {
    /// A problem that is known by its text only.
    pub(crate) fn other(text: impl fmt::Display) -> Self {
        Self::sentence(ProblemKind::Other, text.to_string())
    }

    /// A problem whose text names the place.
    pub(crate) fn sentence(kind: ProblemKind, text: impl Into<String>) -> Self {
        Self::new(kind, text)
    }

    /// A value that is not what its setting needs, with a text that names the place.
    pub(crate) fn invalid(text: impl Into<String>) -> Self {
        Self::sentence(ProblemKind::InvalidValue, text)
    }

    /// A problem of a key, with a predicate: `has no client`.
    pub(crate) fn of(kind: ProblemKind, key: KeyAt, predicate: impl Into<String>) -> Self {
        Self::of_parts(kind, vec![key], Text::Predicate(predicate.into()))
    }

    /// A problem of one or more keys, with a clause: `a guest is a user`.
    pub(crate) fn clause(kind: ProblemKind, keys: impl IntoIterator<Item = KeyAt>, clause: impl Into<String>) -> Self {
        Self::of_parts(kind, keys.into_iter().collect(), Text::Clause(clause.into()))
    }

    /// A problem of what a method sets, with a clause: `create_own_tables(): there is no database`.
    #[cfg_attr(not(feature = "backstage"), allow(dead_code, reason = "only the auth backend has such problems"))]
    pub(crate) fn of_method(
        kind: ProblemKind,
        name: &'static str,
        argument: impl fmt::Display,
        clause: impl Into<String>,
    ) -> Self {
        let mut problem = Self::of_parts(kind, Vec::new(), Text::Clause(clause.into()));
        problem.0.of_method = Some(Method::new(name, argument.to_string()));
        problem
    }

    /// Names the method that waives it, after the fix.
    #[cfg_attr(not(feature = "backstage"), allow(dead_code, reason = "only the auth backend has such problems"))]
    pub(crate) fn with_waiver(mut self, method: &'static str) -> Self {
        self.0.waiver = Some(Method::new(method, String::new()));
        self
    }

    /// Spells the methods in its message as a program does.
    pub(super) fn with_names(mut self, names: impl Fn(&str) -> Option<String>) -> Self {
        let Parts { of_method, waiver, .. } = &mut *self.0;
        for method in [of_method, waiver].into_iter().flatten() {
            method.spelled = names(method.name);
        }
        self
    }

    /// A key that does not exist, with those that do.
    pub(crate) fn unknown_key<'k>(key: KeyAt, known: impl IntoIterator<Item = &'k str>) -> Self {
        let name = key.path.rsplit('.').next().unwrap_or_default().to_owned();
        Self::of_parts(ProblemKind::UnknownKey, vec![key], Text::OfKind).one_of(&name, known)
    }

    /// A value that does not exist, with those that do.
    pub(crate) fn unknown_value<'k>(key: KeyAt, found: &str, known: impl IntoIterator<Item = &'k str>) -> Self {
        let quoted = quoted(found);
        Self::of_parts(ProblemKind::UnknownValue, vec![key], Text::OfKind).with_found(quoted).one_of(found, known)
    }

    /// A value of the wrong type.
    #[cfg(feature = "app-config")]
    pub(crate) fn wrong_type(key: KeyAt, expected: &str, found: &str) -> Self {
        Self::of_parts(ProblemKind::WrongType, vec![key], Text::OfKind).with_expected(expected).with_found(found)
    }

    /// A value outside of its range.
    pub(crate) fn out_of_range(key: &str, found: String, expected: String) -> Self {
        Self::of_parts(ProblemKind::OutOfRange, vec![KeyAt::path(key)], Text::OfKind)
            .with_found(found)
            .with_expected(expected)
    }

    /// A value that comes from this environment variable, which is not set.
    #[cfg(feature = "app-config")]
    pub(crate) fn unset_variable(key: KeyAt, variable: &str) -> Self {
        Self::of_parts(ProblemKind::UnsetVariable, vec![key], Text::OfKind)
            .with_found(variable)
            .with_fix("set it where this process is started")
    }

    /// A problem of a file as a whole.
    #[cfg(feature = "app-config")]
    pub(crate) fn of_file(kind: ProblemKind, location: Location, predicate: impl Into<String>) -> Self {
        let mut problem = Self::of_parts(kind, Vec::new(), Text::Predicate(predicate.into()));
        problem.0.location = Some(location);
        problem
    }

    /// A problem at a line of a file, with a clause.
    #[cfg(feature = "app-config")]
    pub(crate) fn at(kind: ProblemKind, location: Location, clause: impl Into<String>) -> Self {
        let mut problem = Self::of_parts(kind, Vec::new(), Text::Clause(clause.into()));
        problem.0.location = Some(location);
        problem
    }

    /// For a key that the text does not name.
    pub(crate) fn for_key(mut self, key: KeyAt) -> Self {
        self.0.keys.push(key);
        self
    }

    /// Adds the part of a configuration to a problem that names no place.
    pub(crate) fn within(mut self, part: impl fmt::Display) -> Self {
        if let Text::Sentence(text) = &mut self.0.text {
            *text = format!("{part}: {text}");
        }
        self
    }

    /// Adds the key to a problem that names no place.
    #[cfg(feature = "app-config")]
    pub(crate) fn at_key(mut self, key: KeyAt) -> Self {
        if let Text::Sentence(text) = &mut self.0.text {
            self.0.text = Text::Clause(std::mem::take(text));
            self.0.keys.insert(0, key);
        }
        self
    }

    fn one_of<'k>(mut self, name: &str, known: impl IntoIterator<Item = &'k str>) -> Self {
        let known: Vec<&str> = known.into_iter().collect();
        self.0.suggestion = closest(name, known.iter().copied()).map(str::to_owned);
        self.with_expected(known.join(", "))
    }
}
