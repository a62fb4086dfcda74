//! What is printed at the start: where everything is, in plain words.

use std::fmt;

/// Where texts begin, behind their labels.
const COLUMN: usize = 13;

/// Labels and what stands behind them.
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
