//! The threats, faults and limits in docs/THREATS.md, against tests and code.

use std::{collections::BTreeSet, path::Path};

use crate::pages::{
    configuration::{expression, fixed_limits, quantity},
    page::{files, read, rows, section, sources},
    security::test_names,
};

const PAGE: &str = "docs/THREATS.md";

/// The ids that a function is named after: `s_02_s_07_header_lines` is named after `s_02` and `s_07`.
fn ids(function: &str) -> Vec<String> {
    let mut ids = Vec::new();
    let mut rest = function;
    while let Some((kind, after)) = rest.split_once('_').filter(|(kind, _)| ["s", "f"].contains(kind)) {
        let Some((number, after)) = after.split_once('_') else { break };
        if number.is_empty() || !number.bytes().all(|byte| byte.is_ascii_digit()) {
            break;
        }
        ids.push(format!("{kind}_{number}"));
        rest = after;
    }
    ids
}

/// The ids of all functions, including ignored tests and functions without a test attribute.
fn ids_of_functions(source: &str) -> BTreeSet<String> {
    let functions = source.lines().filter_map(|line| {
        let line = line.trim();
        line.strip_prefix("async ").unwrap_or(line).strip_prefix("fn ")
    });
    functions.flat_map(ids).collect()
}

/// The mistakes in the rows of a table (id, threat or fault, what the product does), given these sources.
fn mistakes(kind: &str, table: &[Vec<String>], source: &str) -> Vec<String> {
    let tested: BTreeSet<String> = test_names(source).into_iter().flat_map(ids).collect();
    let mut mistakes = Vec::new();
    let mut described: Vec<String> = Vec::new();
    for row in table {
        let [id, what, response] = &row[..] else {
            mistakes.push(format!("{row:?} has not three cells"));
            continue;
        };
        // Two digits, and three from 100 on.
        let is_number = |number: &&str| {
            let width = number.len() == 2 || (number.len() == 3 && !number.starts_with('0'));
            width && number.bytes().all(|byte| byte.is_ascii_digit())
        };
        let number = id.strip_prefix(&format!("{kind}-")).filter(is_number);
        let Some(number) = number else {
            mistakes.push(format!("{id:?} is not an id such as {kind}-24"));
            continue;
        };
        let test = format!("{}_{number}", kind.to_ascii_lowercase());
        if described.last().is_some_and(|last| (last.len(), last) >= (test.len(), &test)) {
            mistakes.push(format!("{id} is not in order"));
        }
        if what.is_empty() || response.is_empty() {
            mistakes.push(format!("{id} has an empty cell"));
        }
        if !tested.contains(&test) {
            mistakes.push(format!("{id} has no test {test}_... that runs"));
        }
        described.push(test);
    }
    let prefix = format!("{}_", kind.to_ascii_lowercase());
    let without = ids_of_functions(source).into_iter().filter(|id| id.starts_with(&prefix) && !described.contains(id));
    mistakes.extend(without.map(|id| format!("{id} has no row")));
    mistakes
}

#[test]
fn every_threat_has_a_test_and_every_test_of_one_has_a_row() {
    let threats = rows(&section(&read(PAGE), "## Threats"));
    assert!(threats.len() > 50, "{}", threats.len());
    assert_eq!(mistakes("S", &threats, &sources(&["src", "tests"])), Vec::<String>::new());
}

#[test]
fn every_fault_has_a_test_and_every_test_of_one_has_a_row() {
    let faults = rows(&section(&read(PAGE), "## Faults"));
    assert!(faults.len() > 20, "{}", faults.len());
    assert_eq!(mistakes("F", &faults, &sources(&["src", "tests"])), Vec::<String>::new());
}

#[test]
fn a_row_without_a_test_and_a_test_without_a_row_are_found() {
    let source = "#[test]\nfn s_01_runs() {}\n#[tokio::test]\nasync fn s_02_f_01_runs() {}\n#[test]\n#[ignore = \"peer\"]\nfn s_03_ignored() {}\nfn s_04_helps() {}\nfn s_x_y() {}\nfn s_() {}\n";
    let of = |kind: &str, lines: &str| mistakes(kind, &rows(lines), source);
    let good = "| S-01 | a | b |\n| S-02 | a | b |\n";
    assert_eq!(of("F", "| F-01 | a | b |\n"), Vec::<String>::new());
    assert_eq!(of("F", ""), ["f_01 has no row"]);
    assert_eq!(of("S", good), ["s_03 has no row", "s_04 has no row"]);
    let rest = "| S-03 | a | b |\n| S-04 | a | b |\n";
    let untested = ["S-03 has no test s_03_... that runs", "S-04 has no test s_04_... that runs"];
    assert_eq!(of("S", &format!("{good}{rest}")), untested);
    for (line, expected) in [
        ("| S-05 | a | b |\n", "S-05 has no test s_05_... that runs"),
        ("| S-04 | a | b |\n", "S-04 is not in order"),
        ("| S-5 | a | b |\n", "\"S-5\" is not an id such as S-24"),
        ("| S-005 | a | b |\n", "\"S-005\" is not an id such as S-24"),
        ("| S-100 | a | b |\n", "S-100 has no test s_100_... that runs"),
        ("| S-100 | a | b |\n| S-99 | a | b |\n", "S-99 is not in order"),
        ("| F-01 | a | b |\n", "\"F-01\" is not an id such as S-24"),
        ("| S-05 | a |\n", "has not three cells"),
        ("| S-05 | | b |\n", "S-05 has an empty cell"),
    ] {
        let found = of("S", &format!("{good}{rest}{line}"));
        assert!(found.iter().any(|mistake| mistake.contains(expected)), "{line}: {found:?}");
    }
    assert_eq!(ids("s_53_s_54_f_07_no_unusual_address"), ["s_53", "s_54", "f_07"]);
    assert_eq!(ids("s_7_x"), ["s_7"], "has no row, whatever the rows");
}

/// The names in backquotes in a text.
fn quoted(text: &str) -> BTreeSet<String> {
    text.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

#[test]
fn every_limit_that_can_be_set_is_referred_to() {
    let (page, configuration) = (read(PAGE), read("docs/CONFIGURATION.md"));
    let limits = section(&page, "## Limits");
    for group in ["TokenLimits", "KeyLimits", "CacheLimits"] {
        let declared: BTreeSet<String> =
            rows(&section(&configuration, &format!("## {group}"))).iter().flat_map(|row| quoted(&row[0])).collect();
        let link = format!("[{group}][CONFIGURATION.md#{}]", group.to_lowercase());
        let places = rows(&limits).into_iter().filter(|row| row[1].starts_with(&link));
        let referred: Vec<String> = places.flat_map(|row| quoted(&row[1])).collect();
        assert_eq!(referred.iter().cloned().collect::<BTreeSet<_>>(), declared, "{group}");
        assert_eq!(referred.len(), declared.len(), "{group}: a limit is referred to twice");
    }
}

/// The module of a file, and a constant's name and value in it: `const NAME: type = value;`.
fn constants<'t>(path: &Path, text: &'t str) -> Vec<(String, &'t str)> {
    let stem = |path: &Path| path.file_stem().expect("a name").to_string_lossy().into_owned();
    let module = match stem(path).as_str() {
        "mod" => stem(path.parent().expect("a folder")),
        module => module.to_owned(),
    };
    let declared = text.lines().filter_map(|line| {
        let (visibility, rest) = line.trim().split_once("const ")?;
        let (name, rest) = rest.split_once(": ")?;
        let (_, value) = rest.strip_suffix(';')?.split_once(" = ")?;
        let is_visibility = visibility.is_empty() || visibility.starts_with("pub");
        is_visibility.then(|| (format!("{module}::{name}"), value))
    });
    declared.collect()
}

#[test]
fn every_fixed_limit_is_there_with_its_value() {
    let sources = files(&["src"]);
    let constants: Vec<(String, &str)> = sources.iter().flat_map(|(path, text)| constants(path, text)).collect();
    let fixed = rows(&section(&read(PAGE), "### Fixed limits"));
    assert!(fixed.len() >= 33, "{fixed:?}");
    let mut of_groups = fixed_limits(&read("src/limits.rs"));
    assert!(of_groups.len() >= 19, "{of_groups:?}");
    for row in fixed {
        let name = row[2].trim_matches('`');
        if let Some(index) = of_groups.iter().position(|(limit, _)| limit == name) {
            assert_eq!(quantity(&row[1]), of_groups.remove(index).1, "{name}");
            continue;
        }
        let found: Vec<&str> =
            constants.iter().filter(|(constant, _)| constant == name).map(|(_, value)| *value).collect();
        let [value] = found[..] else { panic!("not one constant {name}: {found:?}") };
        assert_eq!(quantity(&row[1]), expression(value), "{name}");
    }
    assert!(of_groups.is_empty(), "these have no row: {of_groups:?}");
}
