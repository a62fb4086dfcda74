//! Durations, written as Backstage has it: an object (`{ hours: 1 }`), an amount with its unit (`90m`, `2 hours`), or ISO 8601
//! (`PT1H`).

use std::{fmt, ops::RangeInclusive, time::Duration};

use super::reader::{Path, Reader, Warning};
use crate::{
    config::{Problem, ProblemKind},
    internal::{Section, Value},
};

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

/// The duration that is written, clamped to its range, in whole steps. Clamping is a warning.
pub(super) fn read_duration(
    reader: &Reader<'_>,
    path: Path,
    range: &RangeInclusive<Duration>,
    step: Duration,
) -> Option<Duration> {
    let section = reader.section(path.section());
    let steps = read_seconds(reader, &section, path.key())? / step.as_secs_f64();
    let written = Duration::try_from_secs_f64(steps.round() * step.as_secs_f64()).unwrap_or(Duration::MAX);
    let kept = written.clamp(*range.start(), *range.end());
    if kept != written {
        let bound = if written < kept { "shorter" } else { "longer" };
        let (kept, range) = (Words(kept), RangeInWords(range));
        let text = format!("the value is {bound} than {kept}, so {kept} are used: write a value from {range}");
        reader.warn(Warning::of(section.at(path.key()), text));
    }
    Some(kept)
}

/// A duration as the pages write it: `10 minutes`, `24 hours`.
pub(super) struct Words(pub(super) Duration);

impl fmt::Display for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs();
        let units = [(3600, "hour"), (60, "minute"), (1, "second")];
        let (unit, name) =
            units.into_iter().find(|(unit, _)| seconds >= *unit && seconds.is_multiple_of(*unit)).unwrap_or(units[2]);
        let count = seconds.checked_div(unit).unwrap_or_default();
        write!(f, "{count} {name}{}", if count == 1 { "" } else { "s" })
    }
}

/// A range as the pages write it: `10 minutes to 24 hours`.
pub(super) struct RangeInWords<'a>(pub(super) &'a RangeInclusive<Duration>);

impl fmt::Display for RangeInWords<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} to {}", Words(*self.0.start()), Words(*self.0.end()))
    }
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
    // Digits may be missing before the point, and not after it.
    let number = number.trim_end();
    let number = number.strip_prefix('.').map_or_else(|| decimal(number), |digits| decimal(&format!("0.{digits}")));
    sound(number? * seconds)
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
    // Of seconds, a comma may stand for the point (ISO 8601).
    let time = match time.rsplit_once(',') {
        Some((before, after)) if after.ends_with('S') && !before.contains(',') => format!("{before}.{after}"),
        _ => time.to_owned(),
    };
    sound(date + designated(&time, &[('H', 3_600.0), ('M', 60.0), ('S', 1.0)])?)
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

/// Digits, perhaps with a point between them: nothing else that a float may be.
fn decimal(text: &str) -> Option<f64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    (is_number(whole) && is_number(fraction)).then(|| text.parse().ok()).flatten()
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
            (".5h", Some(1800.0)),
            ("1.h", None),
            (".h", None),
            ("1.2.3h", None),
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
            ("PT1800,5S", Some(1800.5)),
            ("PT1M0,5S", Some(60.5)),
            ("PT0,5H", None),
            ("PT1,5,5S", None),
            ("PT.5H", None),
            ("PT1.H", None),
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
