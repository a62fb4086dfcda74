//! The place of a setting: a file, a line, and the path of the key.

use std::{fmt, sync::Arc};

/// A file, and the line if it is known.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Location {
    pub(super) file: Arc<str>,
    /// 0 if it is not known.
    pub(super) line: u64,
}

impl Location {
    #[cfg(feature = "app-config")]
    pub(crate) fn new(file: &Arc<str>, line: u64) -> Self {
        Self { file: Arc::clone(file), line }
    }

    /// The file, as it was named.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// The line, counted from 1.
    pub fn line(&self) -> Option<u64> {
        Some(self.line).filter(|line| *line > 0)
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => f.write_str(&self.file),
            line => write!(f, "{}:{line}", self.file),
        }
    }
}

/// The path of a key, and where the key is written: `auth.keyStore.provider (app-config.yaml:12)`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct KeyAt {
    pub(crate) path: String,
    pub(crate) location: Option<Location>,
}

impl KeyAt {
    /// A key that no file has: an environment variable, an option in code, or a key that is missing.
    pub(crate) fn path(path: impl Into<String>) -> Self {
        Self { path: path.into(), location: None }
    }

    #[cfg(feature = "app-config")]
    pub(crate) fn new(path: impl Into<String>, location: &Location) -> Self {
        Self { path: path.into(), location: Some(location.clone()) }
    }
}

impl fmt::Display for KeyAt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.location {
            Some(location) => write!(f, "{} ({location})", self.path),
            None => f.write_str(&self.path),
        }
    }
}
