//! The file of a deny list: one JSON object a line.

use std::{
    fs::File,
    io::{self, Read},
    path::Path,
    time::SystemTime,
};

use serde::Deserialize;

use super::entry::{Denied, Entry};
use crate::{
    settings::{ConfigError, Problem},
    sync::timestamp,
};

/// A longer file is refused, not cut off: the entries beyond the cut would be accepted users.
const MAX_BYTES: u64 = 16 * 1024 * 1024;

/// The bytes of the file.
pub(super) fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(MAX_BYTES.saturating_add(1)).read_to_end(&mut bytes)?;
    match u64::try_from(bytes.len()).is_ok_and(|length| length <= MAX_BYTES) {
        true => Ok(bytes),
        false => Err(io::Error::new(io::ErrorKind::FileTooLarge, "it is longer than 16 MiB")),
    }
}

/// # Errors
/// Every line that is not an entry; otherwise that the file is cut off, as far as it shows.
pub(super) fn parse(path: &Path, bytes: &[u8]) -> Result<Vec<Entry>, ConfigError> {
    let mut problems = Vec::new();
    let mut entries = Vec::new();
    let mut count = None;
    let mut lines = 0_usize;
    for (line, number) in bytes.split_inclusive(|byte| *byte == b'\n').zip(1_usize..) {
        lines = number;
        let place = format!("{}:{number}", path.display());
        let line = line.trim_ascii();
        if line.is_empty() || line.starts_with(b"#") {
            continue;
        }
        match read_line(line) {
            Ok(Line::Denied(denied)) => entries.push(Entry::new(denied, place)),
            Ok(Line::Count(number)) if count.is_none() && entries.is_empty() => count = Some(number),
            Ok(Line::Count(_)) => problems.push(sentence(&format!(
                "{place}: the number of entries is not the first line, where a file that is cut off keeps it: write it there, once"
            ))),
            Err(problem) => problems.push(sentence(&format!("{place}: {problem}"))),
        }
    }
    if bytes.last().is_some_and(|byte| *byte != b'\n') {
        problems.push(sentence(&format!(
            "{}:{lines}: the last line has no line end, so the file may be half written: end it with one",
            path.display()
        )));
    }
    // Wrong lines are not entries, so with them the number is wrong too.
    if problems.is_empty() {
        problems
            .extend(cut_off(count, entries.len()).map(|problem| sentence(&format!("{}: {problem}", path.display()))));
    }
    if problems.is_empty() { Ok(entries) } else { Err(ConfigError::new(problems)) }
}

/// A file that is cut off at a line end has no wrong line. It would end the denial of every user beyond the cut.
fn cut_off(count: Option<usize>, entries: usize) -> Option<String> {
    match count {
        None if entries == 0 => Some(
            r#"the file has no entry, so it may be half written: write the line {"entries": 0} if no user is shut out"#
                .to_owned(),
        ),
        Some(count) if count != entries => Some(format!(
            "the file has {entries} entries and its first line says {count}, so it may be half written: write all entries, or \
             correct the number"
        )),
        _ => None,
    }
}

fn sentence(text: &str) -> Problem {
    Problem::invalid(text)
}

/// What a line says.
enum Line {
    Denied(Denied),
    /// How many entries the file has.
    Count(usize),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Members {
    entries: Option<usize>,
    user: Option<String>,
    email: Option<String>,
    issuer: Option<String>,
    subject: Option<String>,
    until: Option<String>,
    /// For readers of the file.
    #[serde(rename = "note")]
    _note: Option<String>,
}

/// The message never shows a value: it names a user.
fn read_line(line: &[u8]) -> Result<Line, String> {
    const EXPECTED: &str = r#"expected one of {"user": ".."}, {"email": ".."} and {"issuer": "..", "subject": ".."}, with "until" and "note" if needed; or, as the first line, {"entries": <their number>}"#;
    // serde accepts an array for a struct.
    if !line.starts_with(b"{") {
        return Err(format!("not a JSON object: {EXPECTED}"));
    }
    let members: Members = serde_json::from_slice(line).map_err(|error| match error.classify() {
        serde_json::error::Category::Data => format!("a member is unknown, twice or of the wrong type: {EXPECTED}"),
        _ => format!("not JSON from column {} on: {EXPECTED}", error.column()),
    })?;
    let denied = match members {
        Members { entries: Some(count), user: None, email: None, issuer: None, subject: None, until: None, .. } => {
            return Ok(Line::Count(count));
        }
        Members { entries: None, user: Some(user), email: None, issuer: None, subject: None, .. } => {
            Denied::from_user_text(&user)?
        }
        Members { entries: None, user: None, email: Some(email), issuer: None, subject: None, .. } => {
            first(Denied::email(&email))?
        }
        Members { entries: None, user: None, email: None, issuer: Some(issuer), subject: Some(subject), .. } => {
            first(Denied::subject(&issuer, &subject))?
        }
        _ => return Err(format!("it names no user, or a user in two ways: {EXPECTED}")),
    };
    Ok(Line::Denied(match members.until {
        Some(until) => denied.until(time(&until).ok_or(r#"until is not a time such as "2026-12-01T00:00:00Z""#)?),
        None => denied,
    }))
}

fn first(denied: Result<Denied, ConfigError>) -> Result<Denied, String> {
    denied.map_err(|error| error.problems().iter().map(ToString::to_string).collect())
}

/// `2026-12-01T00:00:00Z`, with or without milliseconds.
fn time(text: &str) -> Option<SystemTime> {
    let whole_seconds = text.strip_suffix('Z').filter(|text| !text.contains('.'));
    whole_seconds.map_or_else(|| timestamp::read(text), |text| timestamp::read(&format!("{text}.000Z")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_wrong_line_is_named_and_no_value_is_shown() {
        let text = "# comment\n\n{\"user\": \"user:default/canary\"}\n\
            {\"user\": \"canary\"}\n{\"user\": \"group:default/canary\"}\n[\"canary\"]\n{\"mail\": \"canary@example.com\"}\n\
            {\"email\": \"canary\"}\n{\"email\": 7}\n{\"subject\": \"canary\"}\n{\"issuer\": \"https://canary\", \"subject\": \"\"}\n\
            {\"user\": \"user:default/canary\", \"email\": \"canary@example.com\"}\n{}\n{\"email\": \"canary@example.com\", \"until\": \"tomorrow\"}\n\
            {\"email\": \"canary@example.com\", \"email\": \"x@example.com\"}\n{\"email\": \"canary@exam";
        let error = parse(Path::new("denied.jsonl"), text.as_bytes()).err().unwrap();
        let lines: Vec<String> = error.problems().iter().map(ToString::to_string).collect();
        assert_eq!(lines.len(), 14, "{error}");
        for (line, number) in lines.iter().zip((4..=16).chain([16])) {
            assert!(line.starts_with(&format!("denied.jsonl:{number}: ")), "{number}: {line}");
            assert!(!line.contains("canary"), "{line}");
        }
    }

    #[test]
    fn a_file_that_may_be_cut_off_is_refused() {
        let jane = "{\"user\": \"user:default/jane\"}\n";
        for (text, expected) in [
            (String::new(), Err("x: the file has no entry")),
            ("# comment\n\n".to_owned(), Err("x: the file has no entry")),
            ("{\"entries\": 0}\n".to_owned(), Ok(0)),
            ("# comment\n{\"entries\": 0, \"note\": \"none yet\"}\n".to_owned(), Ok(0)),
            (format!("{{\"entries\": 2}}\n{jane}{jane}"), Ok(2)),
            (format!("{{\"entries\": 2}}\n{jane}"), Err("x: the file has 1 entries and its first line says 2")),
            ("{\"entries\": 2}\n".to_owned(), Err("x: the file has 0 entries and its first line says 2")),
            (format!("{{\"entries\": 0}}\n{jane}"), Err("x: the file has 1 entries and its first line says 0")),
            (format!("{jane}{{\"entries\": 1}}\n"), Err("x:2: the number of entries is not the first line")),
            (format!("{{\"entries\": 1}}\n{{\"entries\": 1}}\n{jane}"), Err("x:2: the number of entries is not")),
            ("{\"entries\": -1}\n".to_owned(), Err("x:1: a member is")),
            ("{\"entries\": 1, \"user\": \"user:default/jane\"}\n".to_owned(), Err("x:1: it names no user, or")),
            (jane.to_owned(), Ok(1)),
        ] {
            match (parse(Path::new("x"), text.as_bytes()), expected) {
                (Ok(entries), Ok(expected)) => assert_eq!(entries.len(), expected, "{text}"),
                (Err(error), Err(expected)) => {
                    let [problem] = error.problems() else { panic!("{text}: {error}") };
                    assert!(problem.to_string().starts_with(expected), "{text}: {error}");
                }
                (found, expected) => panic!("{text}: {:?}, expected {expected:?}", found.map(|entries| entries.len())),
            }
        }
    }

    #[test]
    fn entries_are_read_with_their_end_and_their_place() {
        let text = "{\"email\": \"Jane+x@Example.com\", \"until\": \"2026-12-01T00:00:00Z\", \"note\": \"x\"}\r\n\
            {\"issuer\": \"https://idp.example.com/\", \"subject\": \"7\"}\n";
        let entries = parse(Path::new("denied.jsonl"), text.as_bytes()).unwrap();
        let end = timestamp::read("2026-12-01T00:00:00.000Z").unwrap();
        assert_eq!(entries[0].denied, Denied::email("jane@example.com").unwrap().until(end));
        assert_eq!(entries[1].denied, Denied::subject("https://idp.example.com", "7").unwrap());
        assert_eq!(&*entries[1].place, "denied.jsonl:2");
        let now = end.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
        for (now, denies) in [(Some(now - 1), true), (Some(now), false), (None, true)] {
            assert_eq!(entries[0].denied.is_in_force(now), denies, "{now:?}");
        }
    }
}
