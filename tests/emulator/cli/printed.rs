//! `--print-config`: what is printed is read, or compiled, again.

use tower_alb_auth::{AlbAuthSettings, config::AppConfig};

use crate::cli::program::{program, run};

/// What is printed as Rust with the default settings, compiled with these tests.
#[path = "printed/alb_auth.rs"]
mod compiled;

const SUMMARY: &str = "arn:aws:elasticloadbalancing:eu-central-1:000000000000:loadbalancer/app/emulator/0000000000000001 with \
                       issuer http://idp.localhost:9001, client alb-emulator, keys at http://127.0.0.1:9002; sign-in by email's local part in example.com";

fn printed(form: &str, more: &[&str]) -> String {
    let ended = run(program(&[&["--demo", "--print-config", form], more].concat()), "");
    assert_eq!((ended.code, ended.stderr.as_str()), (0, ""), "{ended:?}");
    ended.stdout
}

/// As whatever reads `.env` files does.
fn variables(text: &str) -> Vec<(&str, &str)> {
    text.lines().filter(|line| !line.starts_with('#')).map(|line| line.split_once('=').expect("a variable")).collect()
}

#[test]
fn the_environment_is_read_again() {
    let text = printed("env", &[]);
    let settings = AlbAuthSettings::from_vars(variables(&text)).expect("settings");
    let config = settings.to_builder().build().expect("a sound configuration");
    assert_eq!(config.summary(), SUMMARY);
    assert_eq!(config.key_endpoints()[0].as_str(), "http://127.0.0.1:9002");
}

#[test]
fn app_config_is_read_again() {
    let text = printed("app-config", &[]);
    let config = AppConfig::from_text("app-config.yaml", &text, |_| None).expect("YAML").alb_auth().expect("settings");
    let config = config.build().expect("a sound configuration");
    assert_eq!(config.summary(), SUMMARY);
    assert_eq!(config.key_endpoints()[0].as_str(), "http://127.0.0.1:9002");
}

#[test]
fn rust_is_compiled() {
    assert_eq!(printed("rust", &[]), include_str!("printed/alb_auth.rs"));
    let config = compiled::alb_auth().expect("a sound configuration");
    assert_eq!(config.summary(), SUMMARY);
    assert_eq!(config.key_endpoints()[0].as_str(), "http://127.0.0.1:9002");
}

#[test]
fn domains_and_addresses_are_those_that_are_given() {
    let more = ["--email-domain", "example.org", "--email-domain", "example.net", "--keys-listen", "9102"];
    let text = printed("env", &[&more[..], &["--provider-listen", "9101"]].concat());
    for part in ["DOMAINS=example.org,example.net\n", "http://127.0.0.1:9102\n", "http://idp.localhost:9101\n"] {
        assert!(text.contains(part), "{part:?} is not in: {text}");
    }
    for form in ["app-config", "rust"] {
        let text = printed(form, &more);
        assert!(text.contains("[\"example.org\", \"example.net\"]"), "{text}");
    }
}
