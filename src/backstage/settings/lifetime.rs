//! Durations: `auth.backstageTokenExpiration`, how long a token of Backstage lives, and `backend.lifecycle.serverShutdownDelay`.
//!
//! Written as Backstage has it: an object (`{ hours: 1 }`), an amount with its unit (`90m`, `2 hours`), or ISO 8601 (`PT1H`).

use std::time::Duration;

use super::reader::{Reader, Warning};
use crate::{
    config::{Problem, ProblemKind},
    internal::{Section, Value},
};

const KEY: &str = "backstageTokenExpiration";

/// The lifetime in stock Backstage.
const DEFAULT: Duration = Duration::from_secs(3600);
const MIN: Duration = Duration::from_secs(600);
const MAX: Duration = Duration::from_secs(24 * 3600);

/// As `--shutdown-delay`.
const MAX_SHUTDOWN_DELAY: Duration = Duration::from_secs(300);

/// Members of the object, with their seconds. Months and years as Backstage counts them.
const MEMBERS: [(&str, f64); 8] = [
    ("years", 365.0 * 86_400.0),
    ("months", 30.0 * 86_400.0),
    ("weeks", 7.0 * 86_400.0),
    ("days", 86_400.0),
    ("hours", 3_600.0),
    ("minutes", 60.0),
    ("seconds", 1.0),
    ("milliseconds", 0.001),
];

/// Units of an amount, with their seconds.
const UNITS: [(&[&str], f64); 7] = [
    (&["ms", "msec", "msecs", "millisecond", "milliseconds"], 0.001),
    (&["s", "sec", "secs", "second", "seconds"], 1.0),
    (&["m", "min", "mins", "minute", "minutes"], 60.0),
    (&["h", "hr", "hrs", "hour", "hours"], 3_600.0),
    (&["d", "day", "days"], 86_400.0),
    (&["w", "week", "weeks"], 7.0 * 86_400.0),
    (&["y", "yr", "yrs", "year", "years"], 365.25 * 86_400.0),
];

/// The lifetime that is written, clamped to 10 min to 24 h. Clamping is a warning.
pub(super) fn read_lifetime(reader: &Reader<'_>, auth: &Section<'_>) -> Duration {
    let Some(seconds) = read_seconds(reader, auth, KEY) else { return DEFAULT };
    let written = Duration::try_from_secs_f64(seconds.round()).unwrap_or(Duration::MAX);
    let kept = written.clamp(MIN, MAX);
    if kept != written {
        let (kept, bound) = if written < MIN { ("10 minutes", "shorter") } else { ("24 hours", "longer") };
        reader.warn(Warning::of(
            auth.at(KEY),
            format!("the value is {bound} than a token may live, so {kept} are used: write a value from 10 minutes to 24 hours"),
        ));
    }
    kept
}

/// `backend.lifecycle.serverShutdownDelay`: how long the service continues after a signal to end.
pub(super) fn read_shutdown_delay(reader: &Reader<'_>) -> Duration {
    const DELAY: &str = "serverShutdownDelay";
    let lifecycle = reader.section("backend.lifecycle");
    let Some(seconds) = read_seconds(reader, &lifecycle, DELAY) else { return Duration::ZERO };
    let written = Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX);
    if written > MAX_SHUTDOWN_DELAY {
        let text = format!("the value is longer than {MAX_SHUTDOWN_DELAY:?}, so {MAX_SHUTDOWN_DELAY:?} are used");
        reader.warn(Warning::of(lifecycle.at(DELAY), text));
    }
    written.min(MAX_SHUTDOWN_DELAY)
}

/// A duration in seconds, if the key is there.
fn read_seconds(reader: &Reader<'_>, section: &Section<'_>, key: &str) -> Option<f64> {
    reader.tell_unset(section, key);
    let node = section.find(key)?;
    match &node.value {
        Value::Object(_) => section.section(key).and_then(|object| members(reader, &object)),
        Value::Text(text) => {
            let seconds = if text.trim().starts_with('P') { iso(text.trim()) } else { amount(text.trim()) };
            if seconds.is_none() {
                let problem = Problem::of(ProblemKind::InvalidValue, section.at(key), "is not a duration");
                reader.problem(problem.with_fix("write it as { hours: 1 }, 1h, 90m or PT1H"));
            }
            seconds
        }
        _ => section.wrong(key, node, "an object such as { hours: 1 }, or a text such as 1h"),
    }
}

fn members(reader: &Reader<'_>, object: &Section<'_>) -> Option<f64> {
    object.only(&MEMBERS.map(|(name, _)| name));
    let amounts = MEMBERS.iter().filter_map(|(name, seconds)| {
        let amount: f64 = reader.number(object, name, "a number")?;
        Some(amount * seconds)
    });
    let amounts: Vec<f64> = amounts.collect();
    if amounts.is_empty() && object.members().is_empty() {
        let problem = Problem::of(ProblemKind::Missing, object.place(), "has no duration");
        reader.problem(problem.with_fix("write it as { hours: 1 }"));
    }
    (!amounts.is_empty()).then(|| amounts.into_iter().sum()).and_then(sound)
}

/// `90m`, `2 hours`.
fn amount(text: &str) -> Option<f64> {
    let start = text.find(|c: char| c.is_ascii_alphabetic())?;
    let (number, unit) = text.split_at_checked(start)?;
    let unit = unit.to_ascii_lowercase();
    let (_, seconds) = UNITS.iter().find(|(names, _)| names.contains(&unit.as_str()))?;
    sound(decimal(number.trim_end())? * seconds)
}

/// `PT1H30M`, `P1D`.
fn iso(text: &str) -> Option<f64> {
    let (date, time) = match text.strip_prefix('P')?.split_once('T') {
        Some((_, "")) => return None,
        Some((date, time)) => (date, time),
        None => (text.strip_prefix('P')?, ""),
    };
    if date.is_empty() && time.is_empty() {
        return None;
    }
    let date =
        designated(date, &[('Y', 365.0 * 86_400.0), ('M', 30.0 * 86_400.0), ('W', 7.0 * 86_400.0), ('D', 86_400.0)])?;
    sound(date + designated(time, &[('H', 3_600.0), ('M', 60.0), ('S', 1.0)])?)
}

/// Numbers with these letters behind them, each once at most and in this order.
fn designated(mut text: &str, letters: &[(char, f64)]) -> Option<f64> {
    let mut total = 0.0;
    for (letter, seconds) in letters {
        if let Some((number, rest)) = text.split_once(*letter)
            && let Some(number) = decimal(number)
        {
            total += number * seconds;
            text = rest;
        }
    }
    text.is_empty().then_some(total)
}

/// Digits with a point among them: nothing else that a float may be.
fn decimal(text: &str) -> Option<f64> {
    text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.').then(|| text.parse().ok()).flatten()
}

fn sound(seconds: f64) -> Option<f64> {
    (seconds.is_finite() && seconds >= 0.0).then_some(seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_durations_or_nothing() {
        for (text, seconds) in [
            ("1h", Some(3600.0)),
            ("90m", Some(5400.0)),
            ("2 hours", Some(7200.0)),
            ("1.5 Hours", Some(5400.0)),
            ("250ms", Some(0.25)),
            ("1y", Some(31_557_600.0)),
            ("3600", None),
            ("-1h", None),
            ("h", None),
            ("1 fortnight", None),
            ("1e3h", None),
            ("", None),
        ] {
            assert_eq!(amount(text), seconds, "{text}");
        }
        for (text, seconds) in [
            ("PT1H", Some(3600.0)),
            ("PT1H30M", Some(5400.0)),
            ("P1D", Some(86_400.0)),
            ("P1M", Some(30.0 * 86_400.0)),
            ("PT1M", Some(60.0)),
            ("P1DT0.5H", Some(88_200.0)),
            ("P", None),
            ("PT", None),
            ("PT1H1H", None),
            ("PT1M1H", None),
            ("PT-1H", None),
            ("P1H", None),
        ] {
            assert_eq!(iso(text), seconds, "{text}");
        }
    }
}
