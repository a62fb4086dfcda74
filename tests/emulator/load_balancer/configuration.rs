//! Messages about a configuration that cannot be started, and what a YAML file may contain.

use std::{net::SocketAddr, time::Duration};

use tower_alb_auth::{
    config::ProblemKind,
    emulator::{Emulator, EmulatorConfig, EmulatorSettings, IdentityProvider, Rule, RuleAction},
};

async fn said(config: EmulatorConfig) -> String {
    Emulator::start(config).await.expect_err("a mistake").to_string()
}

#[tokio::test]
async fn every_mistake_is_found_before_anything_is_opened() {
    let everywhere: SocketAddr = ([0, 0, 0, 0], 0).into();
    let wrong = EmulatorConfig::on_free_ports()
        .target("https://app.example.com/path")
        .keys_listen(everywhere)
        .session_timeout(Duration::ZERO)
        .rotate_every(Duration::from_millis(10))
        .public_host("app localhost")
        .cookie_name("a b")
        .scope("email")
        .rule(Rule::new("api", RuleAction::Deny))
        .post_logout_path("bye")
        .signer("arn:aws:elasticloadbalancing:eu-central-1:123456789012:loadbalancer/app/edge/50dc6c495c0c9188")
        .provider(IdentityProvider::discover("http://idp.example.com"));
    insta::assert_snapshot!(said(wrong).await, @r#"
    the configuration cannot be used
    - the target "https://app.example.com/path" must be a URL without a path: http://localhost:3000
    - the signer's account is 123456789012; the emulator must sign with the account 000000000000, which no AWS customer has
    - the keys cannot be served at 0.0.0.0:0: plain http proves nothing on a network; listen on 127.0.0.1, or name the host by which other containers of a private network reach them
    - the session timeout must be at least 1 s
    - the rotation interval must be at least 1 s
    - "app localhost" is not a host name: write app.localhost
    - "a b" is not the name of a cookie: take SessionCookieName of the listener rule's authenticate action
    - the scope "email" has no openid, so the provider would issue no ID token
    - the rule for "api" matches no path: a path begins with /
    - "bye" is not a path: it begins with /
    - the provider's issuer "http://idp.example.com" must begin with https:// (http:// only on this machine)
    - the client has no secret: set the one that the provider issued
    "#);
    insta::assert_snapshot!(said(EmulatorConfig::on_free_ports().signer("arn:aws:elasticloadbalancing:eu-central-1:000000000000:listener/app/a/b/c")).await, @r#"
    the configuration cannot be used
    - the signer: "arn:aws:elasticloadbalancing:eu-central-1:000000000000:listener/app/a/b/c" is the ARN of a listener, but the signer of a token is the load balancer: its ARN has loadbalancer instead of listener or listener-rule and ends after the first id of 16 digits
    "#);
}

#[tokio::test]
async fn a_port_that_is_taken_is_named() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let taken = listener.local_addr().expect("an address");
    let said = said(EmulatorConfig::on_free_ports().listen(taken)).await;
    assert!(said.contains(&format!("the load balancer cannot listen at {taken}")), "{said}");
    assert!(said.contains("name another port, or 0 for a free one"), "{said}");
}

#[tokio::test]
async fn an_unknown_demo_user_is_answered_with_those_there_are() {
    let demo = IdentityProvider::demo(([127, 0, 0, 1], 0).into()).sign_in_as("nobody");
    let said = said(EmulatorConfig::on_free_ports().provider(demo)).await;
    assert!(said.contains("has no user \"nobody\"") && said.contains("jane"), "{said}");
}

#[test]
fn a_yaml_file_says_all_that_code_can() {
    let yaml = "
target: http://localhost:3000
wait_for_target_seconds: 5
listen: 127.0.0.1:0
public_host: app.localhost
more_hosts: [other.localhost]
keys_listen: 127.0.0.1:0
demo: { listen: 127.0.0.1:0, sign_in_as: jane, access_token_seconds: 60 }
client_id: me
client_secret: canary-secret
client_authentication: form
scope: openid email
authorize_parameters: { prompt: login }
cookie_name: team
session_timeout_seconds: 60
on_unauthenticated: deny
rules:
  - { path: /api/*, action: deny }
  - { path: /public/*, action: forward }
signer: arn:aws:elasticloadbalancing:eu-central-1:000000000000:loadbalancer/app/x/0000000000000002
rotate_every_seconds: 60
post_logout_paths: [/bye]
";
    let settings = EmulatorSettings::from_yaml("emulator.yaml", yaml).expect("sound");
    assert_eq!(settings.rules.len(), 2);
    assert!(settings.to_config().is_ok());
    assert!(!format!("{settings:?}").contains("canary"), "{settings:?}");
    assert_eq!(
        EmulatorSettings::from_yaml("emulator.yaml", "# nothing\n").expect("sound"),
        EmulatorSettings::default()
    );
}

#[test]
fn mistakes_in_a_yaml_file_are_named_with_their_line() {
    for (text, lines, kind) in [
        ("target: a\nrulez: []\n", 2..=2, ProblemKind::UnknownKey),
        ("rules:\n  - { path: /a, action: refuse }\n", 2..=2, ProblemKind::UnknownValue),
        ("listen: nine\n", 1..=1, ProblemKind::Syntax),
        ("demo: [\n", 1..=2, ProblemKind::Syntax),
        ("scope: {}\n", 1..=1, ProblemKind::Syntax),
    ] {
        let error = EmulatorSettings::from_yaml("emulator.yaml", text).expect_err("a mistake");
        let [problem] = error.problems() else { panic!("{error}") };
        let location = problem.location().expect("a place");
        assert_eq!(location.file(), "emulator.yaml", "{error}");
        assert!(location.line().is_some_and(|line| lines.contains(&line)), "{error}");
        assert_eq!(problem.kind(), kind, "{error}");
    }
    let two =
        EmulatorSettings::from_yaml("emulator.yaml", "demo: {}\nissuer: https://idp.example.com\n").expect("sound");
    assert!(two.to_config().expect_err("a mistake").to_string().contains("more than one provider is configured"));
    let secret = EmulatorSettings::from_yaml("emulator.yaml", "client_secret_file: /nowhere/secret\n").expect("sound");
    assert!(
        secret
            .to_config()
            .expect_err("a mistake")
            .to_string()
            .contains("client_secret_file /nowhere/secret cannot be read")
    );
}

/// Credentials in an address would be shown with it, and a parameter of the load balancer's own would stand there twice.
#[tokio::test]
async fn addresses_with_credentials_and_parameters_of_its_own_are_refused() {
    for name in ["client_id", "redirect_uri", "response_type", "scope", "state"] {
        let said = said(EmulatorConfig::on_free_ports().authorize_parameter(name, "x")).await;
        assert!(said.contains(&format!("the parameter \"{name}\" is set by the load balancer itself")), "{said}");
    }
    for url in ["https://user:canary@idp.example.com", "https://canary@idp.example.com", "http://canary@localhost:1"] {
        let config = EmulatorConfig::on_free_ports().provider(IdentityProvider::discover(url)).client("a", "b");
        let said = said(config).await;
        assert!(said.contains("without user name and password") && !said.contains("canary"), "{said}");
    }
}

/// A secret in a wrong place or form is not shown with what is wrong.
#[tokio::test]
async fn s_61_mistakes_show_no_secret() {
    for text in [
        "client_secret: [canary]\n",
        "client_secret: { value: canary }\n",
        "client_secret: \"canary\n",
        "client_secret: canary\nclient_secret: canary\n",
        "client_secret: *canary\n",
        "client_secret: !!int canary\n",
        "endpoints: { client_secret: canary }\n",
        "clientsecret: canary\n",
    ] {
        let said = match EmulatorSettings::from_yaml("emulator.yaml", text) {
            Err(error) => format!("{error} {error:?}"),
            Ok(settings) => panic!("{settings:?}"),
        };
        assert!(said.starts_with("the configuration cannot be used") && !said.contains("canary"), "{said}");
    }
    let said = said(EmulatorConfig::on_free_ports().target("http://user:canary@localhost:3000")).await;
    assert!(said.contains("the target") && !said.contains("canary"), "{said}");
}

/// Cookies ignore ports: on one host, application and provider would have each other's.
#[tokio::test]
async fn application_and_demo_provider_have_different_hosts() {
    for config in [
        EmulatorConfig::on_free_ports().public_host("idp.localhost"),
        EmulatorConfig::on_free_ports().also_host("IDP.localhost"),
    ] {
        let said = said(config).await;
        assert!(
            said.contains("the demo provider is at idp.localhost") && said.contains("cookies ignore ports"),
            "{said}"
        );
    }
}
