//! `--rules` and `--print-rules` of the program.

use serde_json::Value;
use tower_alb_auth::emulator::EmulatorSettings;

use crate::cli::{
    application,
    program::{program, run},
    running::{FREE_PORTS, Running},
};

const TEMPLATE: &str = "\
Parameters:
  Host: { Type: String }
Resources:
  Listener:
    Type: AWS::ElasticLoadBalancingV2::Listener
    Properties:
      LoadBalancerArn: !ImportValue edge
      Port: 443
      Protocol: HTTPS
      DefaultActions: [{ Type: fixed-response, FixedResponseConfig: { StatusCode: '404' } }]
  PlainListener:
    Type: AWS::ElasticLoadBalancingV2::Listener
    Properties:
      LoadBalancerArn: !ImportValue edge
      Port: 80
      Protocol: HTTP
      DefaultActions: [{ Type: redirect, RedirectConfig: { Protocol: HTTPS, Port: '443', StatusCode: HTTP_301 } }]
  Pages:
    Type: AWS::ElasticLoadBalancingV2::ListenerRule
    Properties:
      ListenerArn: !Ref Listener
      Priority: 20
      Conditions: [{ Field: host-header, HostHeaderConfig: { Values: [!Ref Host] } }]
      Actions:
        - Type: authenticate-oidc
          AuthenticateOidcConfig:
            Issuer: https://idp.example.com
            AuthorizationEndpoint: https://idp.example.com/authorize
            TokenEndpoint: https://idp.example.com/token
            UserInfoEndpoint: https://idp.example.com/userinfo
            ClientId: web
            ClientSecret: s3cr3t-of-a-client
            Scope: openid email
            SessionTimeout: '3600'
        - { Type: forward, TargetGroupArn: !Ref Web }
  Health:
    Type: AWS::ElasticLoadBalancingV2::ListenerRule
    Properties:
      ListenerArn: !Ref Listener
      Priority: 10
      Conditions: [{ Field: path-pattern, PathPatternConfig: { Values: [/healthz] } }]
      Actions: [{ Type: forward, TargetGroupArn: !Ref Web }]
";

fn template() -> tempfile::NamedTempFile {
    let file = tempfile::Builder::new().suffix(".yaml").tempfile().unwrap();
    std::fs::write(file.path(), TEMPLATE).unwrap();
    file
}

#[test]
fn rules_are_printed_in_their_order_and_without_the_secret() {
    let file = template();
    let flags = ["--rules", file.path().to_str().unwrap(), "--rules-parameter", "Host=app.localhost"];
    let ended = run(program(&[&flags[..], &["--target", "Web=http://localhost:3000", "--print-rules"]].concat()), "");
    assert_eq!(
        (ended.code, ended.stdout.as_str()),
        (
            0,
            "      10  Health: path /healthz
          forward to Web at localhost:3000
      20  Pages: host app.localhost
          authenticate, scope openid email, session AWSELBAuthSessionCookie of 3600 s; then
          forward to Web at localhost:3000
 default  default rule: all other requests
          respond 404
    note  the listener PlainListener is left out
"
        ),
        "{ended:?}"
    );
    // Without the parameter, the message names what to set.
    let ended = run(program(&["--rules", file.path().to_str().unwrap(), "--print-rules"]), "");
    assert!(ended.code == 2 && ended.stderr.contains("--rules-parameter Host=VALUE"), "{ended:?}");
    assert!(!ended.stderr.contains("s3cr3t"), "{ended:?}");
}

const CDK: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/cdk/template.json");

/// What `ListenerAction.authenticateJwt` synthesises, and the priorities.
#[test]
fn a_template_of_the_cdk_is_printed_with_the_action_of_authenticate_jwt() {
    let ended = run(program(&["--rules", CDK, "--target", "http://localhost:3000", "--print-rules"]), "");
    assert_eq!(ended.code, 0, "{ended:?}");
    insta::assert_snapshot!("cdk_rules", ended.stdout);
}

/// The CDK writes `SessionTimeout` as a text in the default action of a listener, and as a number in a rule.
#[test]
fn a_session_timeout_that_is_a_text_is_read_from_a_listener_of_the_cdk() {
    let mut template: Value = serde_json::from_str(&std::fs::read_to_string(CDK).unwrap()).unwrap();
    let resources = template["Resources"].as_object_mut().unwrap();
    let of_kind = |resources: &serde_json::Map<String, Value>, start: &str| -> String {
        resources.keys().find(|name| name.starts_with(start)).unwrap_or_else(|| panic!("{start}")).clone()
    };
    let (pages, listener) = (of_kind(resources, "PagesRule"), of_kind(resources, "LoadBalancerHttps"));
    let mut actions = resources[&pages]["Properties"]["Actions"].clone();
    assert_eq!(actions[0]["AuthenticateOidcConfig"]["SessionTimeout"], 36000);
    // As `addListener` with `defaultAction: ListenerAction.authenticateOidc({ sessionTimeout: Duration.hours(1), ... })` has it.
    actions[0]["AuthenticateOidcConfig"]["SessionTimeout"] = "3600".into();
    resources[&listener]["Properties"]["DefaultActions"] = actions;
    let file = tempfile::Builder::new().suffix(".json").tempfile().unwrap();
    std::fs::write(file.path(), template.to_string()).unwrap();
    let flags = ["--rules", file.path().to_str().unwrap(), "--target", "http://localhost:3000", "--print-rules"];
    let ended = run(program(&flags), "");
    assert_eq!(ended.code, 0, "{ended:?}");
    let default = ended.stdout.split("default rule:").nth(1).expect("a default rule");
    assert!(default.contains("session AWSELBAuthSessionCookie of 3600 s"), "{ended:?}");
}

#[tokio::test]
async fn an_application_is_started_behind_the_rules_of_a_template() {
    let file = template();
    let mut arguments = program(&FREE_PORTS);
    arguments.args([
        "--as",
        "jane",
        "--rules",
        file.path().to_str().unwrap(),
        "--rules-parameter",
        "Host=app.localhost",
    ]);
    arguments.arg("--").args(application::command()).env(application::TOLD, "1");
    let running = Running::start(arguments);
    assert_eq!(running.get(&running.browser(), "/").await, (200, "user:default/jane.doe".to_owned()));
}

#[test]
fn targets_of_the_command_line_replace_those_of_the_file() {
    let of_file = EmulatorSettings::from_yaml(
        "emulator.yaml",
        "target: { web: 'http://localhost:1', api: 'http://localhost:2' }",
    );
    let flags = EmulatorSettings {
        target: vec!["web=http://localhost:3".parse().unwrap(), "http://localhost:4".parse().unwrap()],
        ..Default::default()
    };
    let targets: Vec<(Option<String>, String)> = flags
        .or(of_file.unwrap())
        .target
        .iter()
        .map(|target| (target.group().map(str::to_owned), target.url().to_owned()))
        .collect();
    let expected =
        [(Some("web"), "http://localhost:3"), (None, "http://localhost:4"), (Some("api"), "http://localhost:2")];
    assert_eq!(targets, expected.map(|(group, url)| (group.map(str::to_owned), url.to_owned())));
    let several = ["http://localhost:3", "http://localhost:4"].map(|url| url.parse().unwrap()).to_vec();
    let error = EmulatorSettings { target: several, ..Default::default() }.to_config().unwrap_err();
    assert!(error.to_string().contains("several targets have no name"), "{error}");
}
