//! What docs/EMULATOR.md says, held against the program.

use std::collections::BTreeSet;

use tower_alb_auth::{
    emulator::EmulatorSettings,
    test_util::{MockAlb, User},
};

use crate::cli::program::{program, run};

const PAGE: &str = include_str!("../../../docs/EMULATOR.md");

/// The fenced blocks of a language.
fn blocks(language: &str) -> Vec<&'static str> {
    let fence = format!("```{language}\n");
    PAGE.split(&fence).skip(1).map(|rest| rest.split("\n```").next().expect("an end")).collect()
}

/// The keys in the first column of the table that begins behind this text.
fn keys(behind: &str) -> BTreeSet<String> {
    let table = PAGE.split_once(behind).unwrap_or_else(|| panic!("{behind:?}")).1;
    let rows =
        table.lines().skip_while(|line| !line.starts_with("|---")).skip(1).take_while(|line| line.starts_with('|'));
    rows.map(|row| row.split('`').nth(1).expect("a key").to_owned()).collect()
}

/// The keys that the file may have where this stands, as the reader of it names them.
fn fields(yaml: &str) -> BTreeSet<String> {
    let error = EmulatorSettings::from_yaml("emulator.yaml", yaml).expect_err("no such key").to_string();
    let list = error.split_once("expected one of ").map(|(_, list)| list.split(" at line").next().expect("a list"));
    let list = list.unwrap_or_else(|| panic!("no list in: {error}"));
    list.split(',').map(|field| field.trim().trim_matches('`').to_owned()).collect()
}

#[test]
fn every_key_of_the_file_is_explained() {
    assert_eq!(keys("`--config emulator.yaml`"), fields("no_such_key: 1"));
    assert_eq!(keys("\nUnder `demo`:"), fields("demo: { no_such_key: 1 }"));
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
            assert!(read.target.is_some());
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
    let of_others = ["--help", "--version", "--path", "--features", "--bin", "--resolve", "--port"];
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
