//! What is wrong with a configuration.

use std::fmt;

/// Everything that is wrong with a configuration, a sentence each: what, and what to change.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConfigError {
    problems: Vec<String>,
}

impl ConfigError {
    pub(crate) fn new(problems: Vec<String>) -> Self {
        Self { problems }
    }

    /// One that says this: for the settings of an application, beside those that are found here.
    pub fn message(sentence: impl fmt::Display) -> Self {
        Self { problems: vec![sentence.to_string()] }
    }

    /// The sentences.
    pub fn problems(&self) -> &[String] {
        &self.problems
    }
}

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
