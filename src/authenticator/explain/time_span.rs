//! Spans of time in a readable form.

use std::fmt;

/// A span of time in whole seconds. `Display` shows its two largest units: `45 s`, `3 min 5 s`,
/// `3 h 12 min`, `2 d 4 h`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TimeSpan(u64);

impl TimeSpan {
    /// A span of this many seconds.
    pub fn from_secs(seconds: u64) -> Self {
        Self(seconds)
    }

    /// Its length in seconds.
    pub fn as_secs(self) -> u64 {
        self.0
    }
}

impl fmt::Display for TimeSpan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(seconds) = *self;
        let units =
            [(seconds / 86_400, "d"), (seconds / 3600 % 24, "h"), (seconds / 60 % 60, "min"), (seconds % 60, "s")];
        let from = units.iter().position(|(count, _)| *count > 0).unwrap_or(3);
        let shown = units.iter().skip(from).take(2).filter(|(count, _)| *count > 0);
        let shown: Vec<String> = shown.map(|(count, name)| format!("{count} {name}")).collect();
        if shown.is_empty() { f.write_str("0 s") } else { f.write_str(&shown.join(" ")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_have_two_units_at_most() {
        for (seconds, text) in [
            (0, "0 s"),
            (59, "59 s"),
            (60, "1 min"),
            (185, "3 min 5 s"),
            (3 * 3600 + 12 * 60 + 5, "3 h 12 min"),
            (3 * 3600 + 5, "3 h"),
            (52 * 3600, "2 d 4 h"),
        ] {
            assert_eq!(TimeSpan::from_secs(seconds).to_string(), text);
        }
    }
}
