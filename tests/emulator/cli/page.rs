//! What docs/EMULATOR.md says, held against the program.

use std::collections::{BTreeMap, BTreeSet};

use clap::Args as _;
use tower_alb_auth::{
    config::ProblemKind,
    emulator::EmulatorSettings,
    test_util::{MockAlb, User},
};

use crate::cli::program::{program, run};

/// What stands before the tables of the keys.
const OF_FILE: &str = "`--config emulator.yaml`";
const OF_DEMO: &str = "\nUnder `demo`:";
const PAGE: &str = include_str!("../../../docs/EMULATOR.md");

/// The fenced blocks of a language.
fn blocks(language: &str) -> Vec<&'static str> {
    let fence = format!("```{language}\n");
    PAGE.split(&fence).skip(1).map(|rest| rest.split("\n```").next().expect("an end")).collect()
}

/// The columns of the table that begins behind this text.
fn rows(behind: &str) -> Vec<[&'static str; 4]> {
    let table = PAGE.split_once(behind).unwrap_or_else(|| panic!("{behind:?}")).1;
    let rows =
        table.lines().skip_while(|line| !line.starts_with("|---")).skip(1).take_while(|line| line.starts_with('|'));
    let columns = |row: &'static str| row.split('|').skip(1).take(4).map(str::trim).collect::<Vec<_>>();
    rows.map(|row| columns(row).try_into().unwrap_or_else(|_| panic!("four columns: {row}"))).collect()
}

/// The keys in the first column of such a table.
fn keys(behind: &str) -> BTreeSet<String> {
    rows(behind).into_iter().map(|[key, ..]| key.trim_matches('`').to_owned()).collect()
}

/// The page's rows with the path of each key, in the file and under `demo`.
fn rows_by_path() -> BTreeMap<String, [&'static str; 4]> {
    let path = |prefix: &str, row: [&'static str; 4]| (format!("{prefix}{}", row[0].trim_matches('`')), row);
    let of_file = rows(OF_FILE).into_iter().map(|row| path("", row));
    of_file.chain(rows(OF_DEMO).into_iter().map(|row| path("demo.", row))).collect()
}

#[test]
fn flags_and_defaults_of_the_page_are_those_of_the_settings() {
    let settings = EmulatorSettings::augment_args(clap::Command::new("alb-emulator"));
    let mut rows = rows_by_path();
    for argument in settings.get_arguments().filter(|argument| !argument.get_id().as_str().starts_with("endpoints.")) {
        let [_, flags, _, default] = rows.remove(argument.get_id().as_str()).unwrap_or_else(|| panic!("{argument:?}"));
        let long = argument.get_long().expect("a flag");
        assert_eq!(flags.split(", ").next(), Some(format!("`--{long}`").as_str()), "{}", argument.get_id());
        let help = argument.get_help().expect("help").to_string();
        if let Some(default) = default.strip_prefix('`').and_then(|default| default.strip_suffix('`')) {
            assert!(
                help.contains(&format!(" {default}]")) || help.contains(&format!("{default:?}]")),
                "{default}: {help}"
            );
        }
    }
    // These two flags are no values of one key.
    let others =
        rows.into_iter().filter(|(key, [_, flags, ..])| !flags.is_empty() && key != "demo" && key != "endpoints");
    assert_eq!(
        others.map(|(key, _)| key).collect::<Vec<_>>(),
        Vec::<String>::new(),
        "the page names a flag that does not exist"
    );
}

/// The keys that the file may have where this stands, as the reader of it names them.
fn fields(yaml: &str) -> BTreeSet<String> {
    let error = EmulatorSettings::from_yaml("emulator.yaml", yaml).expect_err("no such key");
    let [problem] = error.problems() else { panic!("{error}") };
    assert_eq!((problem.kind(), problem.key()), (ProblemKind::UnknownKey, Some("no_such_key")));
    problem.expected().expect("a list").split(", ").map(str::to_owned).collect()
}

#[test]
fn every_key_of_the_file_is_explained() {
    assert_eq!(keys(OF_FILE), fields("no_such_key: 1"));
    assert_eq!(keys(OF_DEMO), fields("demo: { no_such_key: 1 }"));
    let endpoints = PAGE.lines().find_map(|line| line.strip_prefix("Under `endpoints`, all of them required: "));
    let named: BTreeSet<String> = endpoints.expect("a line").split('`').skip(1).step_by(2).map(str::to_owned).collect();
    assert_eq!(named, fields("endpoints: { no_such_key: 1 }"));
}

#[test]
fn every_file_on_the_page_is_sound() {
    let (mut settings, mut users) = (0, 0);
    for yaml in blocks("yaml") {
        if yaml.contains("claims:") {
            let file = tempfile::NamedTempFile::new().unwrap();
            std::fs::write(file.path(), yaml).unwrap();
            let provider = tower_alb_auth::emulator::provider::DemoProvider::builder()
                .issuer("http://idp.localhost:9001")
                .users_file(file.path())
                .build()
                .unwrap();
            assert_eq!(provider.user_ids(), ["amy"]);
            users += 1;
        } else {
            let read = EmulatorSettings::from_yaml("emulator.yaml", yaml).unwrap_or_else(|error| panic!("{error}"));
            assert!(!read.target.is_empty());
            settings += 1;
        }
    }
    assert_eq!((settings, users), (2, 1));
}

#[test]
fn every_flag_is_on_the_page_and_every_flag_on_the_page_is_one() {
    let help = ["--help"].map(|flag| [run(program(&[flag]), ""), run(program(&["inspect", flag]), "")]);
    let help: String = help.into_iter().flatten().map(|ended| ended.stdout).collect();
    let flags = |text: &str| -> BTreeSet<String> {
        let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-'));
        words
            .filter(|word| word.starts_with("--") && word.contains(|c: char| c.is_ascii_alphabetic()))
            .map(str::to_owned)
            .collect()
    };
    let of_others =
        ["--help", "--version", "--path", "--locked", "--features", "--bin", "--resolve", "--port", "--listener-arn"];
    let described: BTreeSet<String> =
        flags(PAGE).into_iter().filter(|flag| !of_others.contains(&flag.as_str())).collect();
    let known: BTreeSet<String> = flags(&help).into_iter().filter(|flag| !of_others.contains(&flag.as_str())).collect();
    assert!(known.len() > 30, "{known:?}");
    assert_eq!(described, known);
}

#[test]
fn the_explanation_of_a_refused_header_is_a_real_one() {
    let shown = blocks("text").into_iter().find(|block| block.starts_with("Checks")).expect("an explanation");
    let arn = shown.split_whitespace().find(|word| word.starts_with("arn:")).expect("an ARN");
    let alb = MockAlb::new().with_client_id("backstage");
    // Jane's claims, of a length that base64 pads.
    let token =
        alb.token(&User::jane().claim("locale", "en")).header("signer", arn).header("client", "Backstage").sign();
    assert!(token.contains("=."), "there is padding to lose: {token}");
    let key = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(key.path(), alb.public_key_pem()).unwrap();

    let mut arguments = program(&["inspect", "--signer", arn, "--issuer", alb.issuer(), "--client-id", "backstage"]);
    arguments.arg("--key").arg(key.path());
    let ended = run(arguments, &token.replace('=', ""));
    assert!(ended.stdout.contains(shown), "{}", ended.stdout);
}

#[test]
fn the_start_lines_on_the_page_name_what_is_printed() {
    let shown = blocks("text").into_iter().find(|block| block.starts_with("alb-emulator ")).expect("start lines");
    let printed = run(program(&["--demo", "--print-config", "env"]), "").stdout;
    let settings: Vec<&str> = printed.lines().filter(|line| !line.starts_with('#')).collect();
    assert_eq!(settings.len(), 5);
    for line in settings {
        assert!(shown.contains(line), "{line:?} is not in: {shown}");
    }
}
