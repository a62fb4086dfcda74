//! Rules as other tools accept and write them: templates that cfn-lint checks and moto creates, and rules that moto describes.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;
use tower_alb_auth::emulator::EmulatorConfig;

const HEAD: &str = "\
AWSTemplateFormatVersion: '2010-09-09'
Parameters:
  Host: { Type: String, Default: app.example.com }
  Open: { Type: String }
Conditions:
  IsApp: !Equals [!Ref Host, app.example.com]
Mappings:
  Hosts: { eu: { name: eu.example.com } }
Resources:
  Group: { Type: 'AWS::ElasticLoadBalancingV2::TargetGroup', Properties: { Port: 80, Protocol: HTTP, VpcId: vpc-0123456789abcdef0 } }
  Rule:
    Type: AWS::ElasticLoadBalancingV2::ListenerRule
    Properties:
      ListenerArn: !ImportValue edge
      Priority: 10
";
const PATH: &str = "{ Field: path-pattern, PathPatternConfig: { Values: [/a/*] } }";
const FORWARD: &str = "{ Type: forward, TargetGroupArn: !Ref Group }";
const OIDC: &str = "{ Type: authenticate-oidc, Order: 1, AuthenticateOidcConfig: { Issuer: https://i.example.com, \
    AuthorizationEndpoint: https://i.example.com/a, TokenEndpoint: https://i.example.com/t, UserInfoEndpoint: https://i.example.com/u, \
    ClientId: c, ClientSecret: '{{resolve:secretsmanager:s}}', SessionTimeout: 3600 } }, { Type: forward, Order: 2, TargetGroupArn: !Ref Group }";
const COGNITO: &str = "{ Type: authenticate-cognito, Order: 1, AuthenticateCognitoConfig: { UserPoolArn: \
    'arn:aws:cognito-idp:eu-central-1:123456789012:userpool/eu-central-1_abc', UserPoolClientId: c, UserPoolDomain: d } }, \
    { Type: forward, Order: 2, TargetGroupArn: !Ref Group }";
const JWT: &str = "{ Type: jwt-validation, Order: 1, JwtValidationConfig: { Issuer: https://i.example.com, \
    JwksEndpoint: https://i.example.com/j } }, { Type: forward, Order: 2, TargetGroupArn: !Ref Group }";

fn host(value: &str) -> String {
    format!("{{ Field: host-header, HostHeaderConfig: {{ Values: [{value}] }} }}")
}

/// Name, condition, actions, whether cfn-lint accepts it, and what the emulator makes of it: a part of the table, or of the reason.
type Template = (&'static str, String, &'static str, bool, Result<&'static str, &'static str>);

fn templates() -> Vec<Template> {
    let with = |name, condition: &str, lint, ours| (name, condition.to_owned(), FORWARD, lint, ours);
    let acts = |name, actions, lint, ours| (name, PATH.to_owned(), actions, lint, ours);
    vec![
        with("path", PATH, true, Ok("path /a/*")),
        with("old path", "{ Field: path-pattern, Values: [/a/*] }", true, Ok("path /a/*")),
        with("ref", &host("!Ref Host"), true, Ok("host app.example.com")),
        with("sub", &host("!Sub 'www.${Host}'"), true, Ok("host www.app.example.com")),
        with("join", &host("!Join ['.', [a, !Ref Host]]"), true, Ok("host a.app.example.com")),
        with("map", &host("!FindInMap [Hosts, eu, name]"), true, Ok("host eu.example.com")),
        with("if", &host("!If [IsApp, !Ref Host, '*.example.org']"), true, Ok("host app.example.com")),
        with("no default", &host("!Ref Open"), true, Err("--rules-parameter Open=VALUE")),
        with(
            "method",
            "{ Field: http-request-method, HttpRequestMethodConfig: { Values: [GET, HEAD] } }",
            true,
            Ok("method GET, HEAD"),
        ),
        with(
            "header",
            "{ Field: http-header, HttpHeaderConfig: { HttpHeaderName: X-Kind, Values: ['a*'] } }",
            true,
            Ok("header x-kind a*"),
        ),
        with(
            "query",
            "{ Field: query-string, QueryStringConfig: { Values: [{ Key: v, Value: '1' }, { Value: x }] } }",
            true,
            Ok("query v=1, x"),
        ),
        with(
            "source",
            "{ Field: source-ip, SourceIpConfig: { Values: [10.0.0.0/8, '2001:db8::/32'] } }",
            true,
            Ok("source 10.0.0.0/8, 2001:db8::/32"),
        ),
        with(
            "regex",
            "{ Field: path-pattern, PathPatternConfig: { RegexValues: ['^/a$'] } }",
            true,
            Err("RegexValues"),
        ),
        with(
            "misspelt",
            "{ Field: path-pattern, PathPatternConfig: { Value: [/a/*] } }",
            false,
            Err("\"Value\" is not one of Values"),
        ),
        acts("oidc", OIDC, true, Ok("authenticate, scope openid, session AWSELBAuthSessionCookie of 3600 s")),
        acts("cognito", COGNITO, true, Ok("authenticate, scope openid, session AWSELBAuthSessionCookie of 604800 s")),
        acts("jwt", JWT, true, Ok("bearer token of the demo provider")),
        acts(
            "weights",
            "{ Type: forward, ForwardConfig: { TargetGroups: [{ TargetGroupArn: !Ref Group, Weight: 3 }] } }",
            true,
            Ok("forward to Group"),
        ),
        acts(
            "redirect",
            "{ Type: redirect, RedirectConfig: { Path: /b, StatusCode: HTTP_302 } }",
            true,
            Ok("redirect 302"),
        ),
        acts(
            "fixed",
            "{ Type: fixed-response, FixedResponseConfig: { StatusCode: '503', MessageBody: no } }",
            true,
            Ok("respond 503"),
        ),
        acts("unknown key", "{ Type: forward, TargetGroup: !Ref Group }", false, Err("\"TargetGroup\" is not one of")),
    ]
}

/// What the emulator makes of the rules that moto describes for a template; `None` if moto refuses it. Of the others, moto's rules
/// are those of the template itself.
const AT_MOTO: [(&str, Option<Result<&str, &str>>); 6] = [
    ("no default", Some(Ok("host open.example.com"))),
    ("weights", Some(Ok("forward to rules-"))),
    // moto ignores the key, so the action has no target group.
    ("unknown key", Some(Err("the action forward has no target group"))),
    ("regex", None),
    ("misspelt", None),
    ("jwt", None),
];

/// Writes each template as NAME.yaml.
fn write_templates(folder: &Path) {
    for (name, condition, actions, ..) in templates() {
        let yaml = format!("{HEAD}      Conditions: [{condition}]\n      Actions: [{actions}]\n");
        std::fs::write(folder.join(format!("{name}.yaml")), yaml).expect("written");
    }
}

/// Runs a script of this folder with moto in the same process.
fn with_moto(script: &str, folder: &Path) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers/rules").join(script);
    // The keys open nothing.
    let keys = [("AWS_ACCESS_KEY_ID", "testing"), ("AWS_SECRET_ACCESS_KEY", "testing")];
    let ended = program("python").arg(script).arg(folder).envs(keys).output().expect("python");
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
}

/// Compares with what is expected of the emulator.
#[track_caller]
fn check(name: &str, files: &[PathBuf], expected: Result<&str, &str>) {
    match (table(files), expected) {
        (Ok(table), Ok(part)) => assert!(table.contains(part) && !table.contains("s3cr3t"), "{name}: {table}"),
        (Err(reason), Err(part)) => assert!(reason.contains(part), "{name}: {reason}"),
        (found, expected) => panic!("{name}: expected {expected:?}, found {found:?}"),
    }
}

fn program(name: &str) -> Command {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/peers/rules/venv/bin").join(name);
    assert!(path.exists(), "{}: run .ci/peers", path.display());
    Command::new(path)
}

fn table(files: &[PathBuf]) -> Result<String, String> {
    let config = files.iter().fold(EmulatorConfig::new(), |config, file| config.rules_file(file));
    config.describe_rules().map_err(|error| error.to_string())
}

#[test]
#[ignore = "peer: the Python package cfn-lint, installed by .ci/peers"]
fn templates_that_cfn_lint_accepts_are_emulated_or_refused_with_a_reason() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = |name: &str| folder.path().join(format!("{name}.yaml"));
    let mut lint = program("cfn-lint");
    lint.args(["--format", "json", "--non-zero-exit-code", "none"]);
    write_templates(folder.path());
    lint.args(templates().iter().map(|(name, ..)| file(name)));
    let output = lint.output().expect("cfn-lint");
    let printed = String::from_utf8_lossy(&output.stderr);
    let findings: Vec<Value> =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {printed}"));
    for (name, _, _, lint_accepts, expected) in templates() {
        let of_file = |finding: &&Value| {
            finding["Level"] == "Error" && finding["Filename"] == file(name).to_str().expect("UTF-8")
        };
        let errors: Vec<&Value> = findings.iter().filter(of_file).collect();
        assert_eq!(errors.is_empty(), lint_accepts, "{name}: {errors:?}");
        check(name, &[file(name)], expected);
    }
}

#[test]
#[ignore = "peer: the Python package moto, installed by .ci/peers"]
fn rules_that_moto_describes_are_emulated_or_refused_with_a_reason() {
    let folder = tempfile::tempdir().expect("a folder");
    with_moto("describe.py", folder.path());
    for (name, expected) in [
        ("oidc", Ok("rule 10: path /a/*\n          authenticate, scope openid")),
        ("weights", Ok("rule 10: host *.example.com; header x-kind a*\n")),
        (
            "cognito",
            Ok(
                "default rule: all other requests\n          deny, scope openid, session AWSELBAuthSessionCookie of 3600 s",
            ),
        ),
        ("plain", Ok("default rule: all other requests\n          redirect 301")),
        ("sticky", Err("stickiness of target groups is not emulated")),
    ] {
        let file = |kind: &str| folder.path().join(format!("{name}-{kind}.json"));
        for files in [vec![file("rules")], vec![file("listeners"), file("rules")]] {
            check(name, &files, expected);
        }
    }
}

#[test]
#[ignore = "peer: the Python package moto with its extra cloudformation, installed by .ci/peers"]
fn templates_that_moto_creates_are_emulated_or_refused_with_a_reason() {
    let folder = tempfile::tempdir().expect("a folder");
    write_templates(folder.path());
    with_moto("stack.py", folder.path());
    let mut accepted = 0;
    for (name, _, _, _, of_template) in templates() {
        let expected = AT_MOTO.iter().find(|(of, _)| *of == name).map_or(Some(of_template), |(_, expected)| *expected);
        let refused = std::fs::read_to_string(folder.path().join(format!("{name}-refused.txt"))).ok();
        match (expected, refused) {
            (Some(expected), None) => check(name, &[folder.path().join(format!("{name}-rules.json"))], expected),
            (None, Some(_)) => continue,
            (expected, refused) => panic!("{name}: expected {expected:?}, moto: {refused:?}"),
        }
        accepted += 1;
    }
    assert_eq!((accepted, templates().len()), (18, 21));
}
