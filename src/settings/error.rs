//! What is wrong with a configuration.

use std::{error::Error, fmt};

use super::{FilesRead, Problem, ProblemKind};

/// Everything that is wrong with a configuration, as a list of [`Problem`](crate::config::Problem)s.
#[derive(Clone)]
#[non_exhaustive]
pub struct ConfigError {
    problems: Vec<Problem>,
    /// The files that were read, so that a change of one of them is noticed.
    files: FilesRead,
}

impl ConfigError {
    pub(crate) fn new(problems: impl IntoIterator<Item = impl Into<Problem>>) -> Self {
        Self { problems: problems.into_iter().map(Into::into).collect(), files: FilesRead::default() }
    }

    /// One problem that is known by its text only: for the settings of an application, beside those that are found here.
    pub fn message(text: impl fmt::Display) -> Self {
        Self::new([Problem::other(text)])
    }

    /// One problem of this kind.
    pub(crate) fn of(kind: ProblemKind, text: impl Into<String>) -> Self {
        Self::new([Problem::sentence(kind, text)])
    }

    /// Values that are not what their settings need.
    pub(crate) fn invalid(texts: impl IntoIterator<Item = String>) -> Self {
        Self::new(texts.into_iter().map(Problem::invalid))
    }

    /// With another problem that is known by its text only: of the same settings, or a hint that the application adds.
    #[must_use]
    pub fn and(mut self, text: impl fmt::Display) -> Self {
        self.problems.push(Problem::other(text));
        self
    }

    /// With another problem of the same settings.
    #[cfg(feature = "backstage")]
    pub(crate) fn and_problem(mut self, problem: Problem) -> Self {
        self.problems.push(problem);
        self
    }

    /// With the names that a program has for methods, such as its flag `--create-tables` for the method `create_own_tables`, in the
    /// messages. A method without such a name keeps its own.
    ///
    /// ```
    /// # #[cfg(feature = "backstage")] {
    /// use tower_alb_auth::backstage::Upstream;
    ///
    /// let error = Upstream::at("http://auth.internal.example.com").build().unwrap_err();
    /// assert!(error.to_string().ends_with("or waive it by dangerously_over_plain_http()"));
    /// let error = error.with_names(|method| (method == "dangerously_over_plain_http").then(|| "--plain-http".to_owned()));
    /// assert!(error.to_string().ends_with("or waive it by --plain-http"));
    /// # }
    /// ```
    #[must_use]
    pub fn with_names(mut self, names: impl Fn(&str) -> Option<String>) -> Self {
        self.problems = self.problems.into_iter().map(|problem| problem.with_names(&names)).collect();
        self
    }

    pub(crate) fn read_from(mut self, files: &FilesRead) -> Self {
        self.files.extend(files);
        self
    }

    pub(crate) fn files(&self) -> &FilesRead {
        &self.files
    }

    /// The problems, in the order in which they were found.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// The problems for a line of a log: what searches or collects lines sees the first one of several alone.
    pub(crate) fn in_one_line(&self) -> String {
        let problems: Vec<String> =
            self.problems.iter().map(|problem| problem.to_string().replace('\n', " ")).collect();
        problems.join("; ")
    }
}

impl PartialEq for ConfigError {
    fn eq(&self, other: &Self) -> bool {
        self.problems == other.problems
    }
}

impl Eq for ConfigError {}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the configuration cannot be used")?;
        self.problems.iter().try_for_each(|problem| write!(f, "\n- {problem}"))
    }
}

impl fmt::Debug for ConfigError {
    /// As `Display`: `main` prints the error it returns by `Debug`, and the messages are for people.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Error for ConfigError {
    /// The error behind the first problem that has one.
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.problems.iter().find_map(Problem::source)
    }
}
