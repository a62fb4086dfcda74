//! Each error type has a `source()`, or stands here with the reason why it needs none.

use std::{collections::BTreeSet, fs, path::Path};

/// Error types without an error behind them.
const WITHOUT_CAUSE: [(&str, &str); 6] = [
    ("ArnError", "the first rule that the text breaks"),
    ("ClaimError", "the types that were found and expected"),
    ("Ended", "the decision to end a stream"),
    ("EntityRefError", "the first rule that the text breaks"),
    ("KeyEndpointError", "the first rule that the address breaks"),
    (
        "PublicKeyError",
        "the first rule that the key breaks; the type of the cryptography library is not part of the API",
    ),
];

#[test]
fn each_error_type_has_a_source_or_needs_none() {
    let mut paths = Vec::new();
    super::collect(&super::source(), &mut paths);
    let found: Vec<(String, bool)> = paths.iter().flat_map(|path| errors(path)).collect();
    assert!(found.len() >= 12, "{found:?}: is this the source?");
    assert!(found.iter().any(|(name, gives)| name == "ConfigError" && *gives), "{found:?}");
    let without: BTreeSet<&str> = found.iter().filter(|(_, gives)| !gives).map(|(name, _)| name.as_str()).collect();
    let listed: BTreeSet<&str> = WITHOUT_CAUSE.iter().map(|(name, _)| *name).collect();
    assert_eq!(without, listed, "give it a source(), or the reason why it has no cause");
}

/// The types of a file that implement `Error`, and whether each has a `source`.
fn errors(path: &Path) -> Vec<(String, bool)> {
    let text = fs::read_to_string(path).expect("UTF-8");
    let mut found = Vec::new();
    let mut lines = text.lines().skip_while(|line| line.starts_with("//"));
    while let Some(line) = lines.next() {
        let Some((before, name)) = line.split_once("Error for ") else { continue };
        if !before.starts_with("impl") || !before.trim_end_matches("std::error::").ends_with(' ') {
            continue;
        }
        let name = name.trim_end_matches(['{', '}', ' ']).to_owned();
        let is_empty = line.ends_with("{}");
        let gives = !is_empty && lines.by_ref().take_while(|line| *line != "}").any(|line| line.contains("fn source("));
        found.push((name, gives));
    }
    found
}
