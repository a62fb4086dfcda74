//! The lines printed at start-up: addresses, stores and trust.

use std::fmt;

/// Column at which the texts after the labels begin.
const COLUMN: usize = 13;

/// Labels and their texts.
#[derive(Debug, Default)]
pub struct StartLines(Vec<(&'static str, String)>);

impl StartLines {
    pub fn add(&mut self, label: &'static str, text: impl Into<String>) {
        self.0.push((label, text.into()));
    }
}

impl fmt::Display for StartLines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (label, text) in &self.0 {
            writeln!(f, "  {label:COLUMN$}{text}")?;
        }
        Ok(())
    }
}
