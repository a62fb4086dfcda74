//! Files that are no settings, or that an attacker made to do harm.

use proptest::prelude::*;
use tower_alb_auth::config::AppConfig;

use crate::app_config::{environment, outcome, read};

fn said(text: &str) -> String {
    let error = read(text).map(|_| ()).expect_err("a mistake");
    error.to_string().replace("the configuration cannot be used\n- ", "")
}

#[test]
fn what_is_no_yaml_is_named_with_its_line_and_not_shown() {
    let cases = [
        "a: 1\nb: [canary-value\n",
        "a: 1\na: canary-value\n",
        "a: canary-value\n  b: canary-value\n",
        "- canary-value\n",
        "canary-value",
        "a: *nowhere\n",
        "a: \"canary-value\n",
        "a: !!binary canary-value\n",
        "\u{0}",
    ];
    let all: Vec<String> = cases.iter().map(|case| said(case)).collect();
    for one in &all {
        assert!(!one.contains("canary"), "{one}");
        assert!(one.starts_with("app-config.yaml"), "{one}");
    }
    assert!(all[1].contains("app-config.yaml:2"), "{}", all[1]);
}

#[test]
fn files_that_grow_when_they_are_read_are_refused() {
    let mut bomb = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n".to_owned();
    for level in 1..12 {
        let before = format!("*a{}", level - 1);
        bomb.push_str(&format!("a{level}: &a{level} [{}]\n", vec![before; 10].join(",")));
    }
    assert!(said(&bomb).contains("app-config.yaml"));
    let deep = format!("a: {}{}\n", "[".repeat(100_000), "]".repeat(100_000));
    assert!(said(&deep).contains("app-config.yaml"));
    let long = format!("a: {}\n", "x".repeat(1024 * 1024));
    assert!(said(&long).contains("more than 1048576 bytes"));
}

#[test]
fn secrets_of_the_environment_are_in_no_message() {
    for text in [
        "auth:\n  providers:\n    awsalb:\n      issuer: { a: \"${SECRET}\" }\n",
        "auth:\n  providers:\n    awsalb: \"${SECRET}\"\n",
        "auth:\n  providers:\n    awsalb:\n      clientIds: true\n      issuer: { $env: SECRET }\n",
    ] {
        let said = outcome(text);
        assert!(said.contains("app-config.yaml:"), "{said}");
        assert!(!said.contains("canary"), "{said}");
    }
    for text in [
        "a: { $file: \"${SECRET}\" }\n",
        "a: { $include: \"${SECRET}\" }\n",
        "a: { $include: \"${SECRET}.yaml\" }\n",
        "a: { $include: \"missing.yaml#${SECRET}\" }\n",
    ] {
        let said = said(text);
        assert!(said.contains("app-config.yaml:") && !said.contains("canary"), "{said}");
    }
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("other.yaml"), "b: 1\n").expect("written");
    let file = folder.path().join("app-config.yaml");
    std::fs::write(&file, "a: { $include: \"other.yaml#${SECRET}\" }\n").expect("written");
    let said = AppConfig::load_with([&file], environment).map(drop).expect_err("no such key").to_string();
    assert!(said.contains("${SECRET}") && !said.contains("canary"), "{said}");
}

proptest! {
    #[test]
    fn s_71_no_text_makes_the_reader_panic(text in "[ -~\n\t{}\\[\\]:&*$#!|>'\"-]{0,200}") {
        let _ = AppConfig::from_text("app-config.yaml", &text, environment).map(|config| config.alb_auth().map(drop));
    }

    #[test]
    fn s_71_no_value_makes_the_provider_panic(key in "(issuer|signer|signers|region|clientIds|keyEndpoint|signIn|x)", value in "[ -~]{0,80}") {
        let text = format!("auth:\n  providers:\n    awsalb:\n      {key}: {value}\n");
        let _ = read(&text).map(|config| config.alb_auth().map(drop));
    }
}
