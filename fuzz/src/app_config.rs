//! Files of app-config: JSON as YAML, variables, merging, by the rules of Backstage's own reader; and secrets in messages.
//!
//! The input is a first and a second file, separated by 0xff.

use tower_alb_auth::{
    backstage::settings::BackstageSettings,
    config::AppConfig,
    fuzzing::app_config::{Tree, tree},
};

use crate::reading::Json;

const SECRET: &str = "canary-of-a-secret";

pub(crate) fn run(data: &[u8]) {
    let mut files = data.splitn(2, |byte| *byte == 0xff).map(std::str::from_utf8);
    let Some(Ok(first)) = files.next() else { return };
    let second = files.next().and_then(Result::ok).unwrap_or_default();
    // A file of this machine is not read: neither by `$file` and `$include`, nor for its certificates.
    if [first, second]
        .iter()
        .any(|text| ["$", "root", "pem", "file", "path", "\\u", "\\x"].iter().any(|word| text.contains(word)))
    {
        variables(first);
        return;
    }
    let read = |text: &str| AppConfig::from_text("app-config.yaml", text, |_| None);
    let Ok(one) = read(first) else { return };
    json(first, &one);
    settings(&one);
    if let Ok(two) = read(second) {
        let merged = tree(&two.clone().over(one.clone()));
        let expected = merge(tree(&one), tree(&two));
        assert_eq!(merged, expected, "a later file over an earlier one");
        settings(&two.over(one));
    }
    secrets(first);
}

/// YAML 1.2 has every JSON text.
fn json(text: &str, config: &AppConfig) {
    // Controls, which JSON escapes and YAML does not have, stand in no honest file; the escapes were left out above.
    let Some(json) = Json::read(text.as_bytes()).filter(|json| matches!(json, Json::Object(_))) else { return };
    if json.has_repeated_member() || text.contains('\\') || text.chars().any(|c| c.is_control() && c != '\n') {
        return;
    }
    assert_eq!(tree(config), of(&json));
}

fn of(json: &Json) -> Tree {
    match json {
        Json::Null => Tree::Null,
        Json::Bool(value) => Tree::Bool(*value),
        Json::Number(text) => Tree::Number(number(text)),
        Json::Text(text) => Tree::Text(text.clone()),
        Json::List(items) => Tree::List(items.iter().map(of).collect()),
        Json::Object(members) => Tree::Object(members.iter().map(|(name, value)| (name.clone(), of(value))).collect()),
    }
}

/// As Backstage has it, where 2.0 is the number 2.
fn number(text: &str) -> String {
    let whole = text.parse::<i64>().map(|number| number.to_string());
    whole
        .or_else(|_| text.parse::<u64>().map(|number| number.to_string()))
        .or_else(|_| text.parse::<f64>().map(|number| number.to_string()))
        .expect("a number of JSON")
}

/// Objects member by member, null hides what an earlier file has, and everything else is replaced.
fn merge(earlier: Tree, later: Tree) -> Tree {
    match (earlier, later) {
        (Tree::Object(mut members), Tree::Object(over)) => {
            for (name, value) in over {
                match members.iter_mut().find(|(held, _)| *held == name) {
                    Some((_, held)) => *held = merge(std::mem::replace(held, Tree::Null), value),
                    None => members.push((name, value)),
                }
            }
            Tree::Object(members)
        }
        (earlier, Tree::Unset) => earlier,
        (_, later) => later,
    }
}

/// Readers of settings take any file.
fn settings(config: &AppConfig) {
    let builder = config.alb_auth();
    let _ = BackstageSettings::read(config);
    if let Ok(builder) = builder {
        let text = match builder.build() {
            Ok(config) => config.summary(),
            Err(error) => error.to_string(),
        };
        assert!(!text.is_empty());
    }
}

/// `${NAME}`, `${NAME:-default}` and `$${NAME}` in a text, by the steps of Backstage's reader: one pass from the left.
fn variables(text: &str) {
    if text.len() > 200 || text.contains(['\\', '"', '\r', '\n', '\t']) || text.chars().any(char::is_control) {
        return;
    }
    let environment = |name: &str| match name {
        "A" => Some("a".to_owned()),
        "EMPTY" => Some(String::new()),
        _ => None,
    };
    let yaml = format!("key: \"{text}\"\n");
    let Ok(config) = AppConfig::from_text("app-config.yaml", &yaml, environment) else { return };
    let Tree::Object(members) = tree(&config) else { panic!("an object") };
    let expected = substituted(text, &environment).map_or(Tree::Unset, Tree::Text);
    assert_eq!(members, [("key".to_owned(), expected)]);
}

/// As a regular expression would: `(?<!\$)\$\{([^{}]+)\}`.
fn substituted(text: &str, environment: &dyn Fn(&str) -> Option<String>) -> Option<String> {
    static VARIABLE: std::sync::LazyLock<regex::Regex> =
        std::sync::LazyLock::new(|| regex::Regex::new(r"(\$?)\$\{([^{}]*)\}").expect("a regular expression"));
    let (mut done, mut from) = (String::new(), 0);
    for found in VARIABLE.captures_iter(text) {
        let (all, name) = (found.get(0).expect("all"), &found[2]);
        done.push_str(&text[from..all.start()]);
        from = all.end();
        if !found[1].is_empty() {
            done.push_str(&all.as_str()[1..]);
            continue;
        }
        let trim = |text: &str| {
            text.trim_matches(|c: char| (c.is_whitespace() && c != '\u{85}') || c == '\u{feff}').to_owned()
        };
        let value = match name.split_once(":-") {
            None => environment(&trim(name)),
            Some((name, default)) => environment(&trim(name))
                .filter(|value| !value.is_empty())
                .or_else(|| Some(trim(default)).filter(|default| !default.is_empty())),
        };
        done.push_str(&value?);
    }
    done.push_str(&text[from..]);
    Some(done)
}

/// A value that may be a secret is in no message, wherever the rest of the file is wrong.
fn secrets(text: &str) {
    // The fuzzer learns the secret from comparisons.
    if text.contains("canary") {
        return;
    }
    let indented = text.replace('\n', "\n  ");
    let yaml = format!(
        "backend:\n  auth:\n    keys:\n      - secret: {SECRET}\n  database:\n    client: pg\n    connection:\n      \
         password: {SECRET}\nauth:\n  session:\n    secret: {SECRET}\nx:\n  {indented}\n"
    );
    match AppConfig::from_text("app-config.yaml", &yaml, |_| None) {
        Err(error) => assert!(!format!("{error} {error:?}").contains(SECRET)),
        Ok(config) => {
            for error in [config.alb_auth().err(), BackstageSettings::read(&config).err()].into_iter().flatten() {
                assert!(!format!("{error} {error:?}").contains(SECRET), "{error}");
            }
        }
    }
}
