//! Times in a readable form.

use cookie::time::OffsetDateTime;

/// `2026-11-25 19:46:40 UTC`, or the number itself if it is not a date.
pub(super) fn date(unix: u64) -> String {
    let date = i64::try_from(unix).ok().and_then(|unix| OffsetDateTime::from_unix_timestamp(unix).ok());
    date.map_or_else(
        || format!("{unix} s after 1970"),
        |date| {
            let (year, month, day) = (date.year(), u8::from(date.month()), date.day());
            let (hour, minute, second) = (date.hour(), date.minute(), date.second());
            format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02} UTC")
        },
    )
}

/// `45 s`, `3 min 5 s`, `3 h 12 min`, `2 d 4 h`.
pub(super) fn span(seconds: u64) -> String {
    let parts = [(seconds / 86_400, "d"), (seconds / 3600 % 24, "h"), (seconds / 60 % 60, "min"), (seconds % 60, "s")];
    let from = parts.iter().position(|(count, _)| *count > 0).unwrap_or(3);
    let shown = parts.iter().skip(from).take(2).filter(|(count, _)| *count > 0);
    let shown: Vec<String> = shown.map(|(count, name)| format!("{count} {name}")).collect();
    if shown.is_empty() { "0 s".to_owned() } else { shown.join(" ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_in_universal_time() {
        assert_eq!(date(0), "1970-01-01 00:00:00 UTC");
        assert_eq!(date(1_764_099_900), "2025-11-25 19:45:00 UTC");
        assert_eq!(date(951_782_400), "2000-02-29 00:00:00 UTC");
        assert_eq!(date(u64::MAX), "18446744073709551615 s after 1970");
    }

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
            assert_eq!(span(seconds), text);
        }
    }
}
