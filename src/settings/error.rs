//! What is wrong with a configuration.

use std::fmt;

use super::FilesRead;

/// Everything that is wrong with a configuration, a sentence each: what, and what to change.
#[derive(Clone)]
#[non_exhaustive]
pub struct ConfigError {
    problems: Vec<String>,
    /// The files that were read, so that a change of one of them is noticed.
    files: FilesRead,
}

impl ConfigError {
    pub(crate) fn new(problems: Vec<String>) -> Self {
        Self { problems, files: FilesRead::default() }
    }

    /// One that says this: for the settings of an application, beside those that are found here.
    pub fn message(sentence: impl fmt::Display) -> Self {
        Self::new(vec![sentence.to_string()])
    }

    /// With another problem: of the same settings, or a hint that the application adds.
    #[must_use]
    pub fn and(mut self, sentence: impl fmt::Display) -> Self {
        self.problems.push(sentence.to_string());
        self
    }

    pub(crate) fn read_from(mut self, files: &FilesRead) -> Self {
        self.files.extend(files);
        self
    }

    pub(crate) fn files(&self) -> &FilesRead {
        &self.files
    }

    /// The sentences.
    pub fn problems(&self) -> &[String] {
        &self.problems
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
    /// As `Display`: what `main` prints of the error it returns is `Debug`, and the sentences are for people.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for ConfigError {}
