//! Settings: where they come from, and messages about mistakes.

use std::fs;

use tower_alb_auth::{
    auth_proxy::{Check, KEYS, Override, Settings},
    config::ProblemKind,
    test_util::MockAlb,
};

use crate::site::{settings, trust};

fn over(key: &str, value: &str) -> Override {
    Override { key: key.to_owned(), values: vec![value.to_owned()], source: format!("--{key}") }
}

#[tokio::test]
async fn every_mistake_is_reported_at_once_with_its_place() {
    let text = "\
upstream: http://user:pass@127.0.0.1:3000/path
upstrem: x
listen: everywhere
profile: grafanna
headers: { Host: '{email}', X-User: 'constant', X-Name: '{name', X-Form: '{name|upper}' }
strip_headers: ['not a name']
exempt: ['get /x', /static/*, 'GET x']
tls_key: key.pem
max_body_bytes: many
log_format: xml
rules:
  - { path: '/a//b' }
  - { path: /x/*, access: open }
  - { path: /y/*, access: optional, require: { claim_present: [a] } }
  - { path: /z/*, require: {} }
  - { path: /g/*, require: { owner_of_any: [admins] } }
  - { path: '/*' , access: optional }
  - { path: /late/*, access: required }
  - { host: 'http://a', access: optional }
  - { path: /m, methods: [GET] }
";
    let error = settings(text).expect_err("mistakes");
    let problems: Vec<String> = error.problems().iter().map(ToString::to_string).collect();
    for (line, part) in [
        (0, "trust is not set"),
        (1, "user name or password"),
        (2, "Did you mean upstream"),
        (3, "write it as 0.0.0.0:8080"),
        (4, "Did you mean grafana"),
        (5, "not the name of a header"),
        (5, "names no claim"),
        (5, "has a { without a }"),
        (5, "the only one is percent"),
        (6, "not a header name"),
        (7, "does not begin with a method in capitals"),
        (7, "an exempt path is exact"),
        (7, "does not have a path with a slash in front"),
        (0, "set both tls_certificate and tls_key"),
        (9, "a whole number"),
        (10, "text, json"),
        (12, "is not a path"),
        (13, "required, optional, exempt"),
        (14, "contradicts require"),
        (15, "names no requirement"),
        (0, "group:default/platform"),
        (18, "an earlier rule applies"),
        (19, "is not a host"),
        (20, "belongs to access: exempt"),
    ] {
        let place = format!("proxy.yaml:{line})");
        let found = problems.iter().any(|problem| problem.contains(part) && (line == 0 || problem.contains(&place)));
        assert!(found, "line {line}: {part}\n{error}");
    }
    assert!(!error.to_string().contains("pass@"), "no secret: {error}");
}

#[test]
fn an_upstream_on_another_machine_is_https_or_waived() {
    let problems = |text: &str| settings(text).expect_err("no trust").problems().to_vec();
    let insecure = |text: &str| problems(text).iter().any(|problem| problem.kind() == ProblemKind::Insecure);
    for url in ["http://10.0.0.7:3000", "http://grafana:3000", "http://localhost.evil:3000"] {
        assert!(insecure(&format!("upstream: {url}\n")), "{url}");
        assert!(!insecure(&format!("upstream: {url}\ndangerously_upstream_over_plain_http: true\n")), "{url}");
    }
    for url in
        ["http://127.0.0.1:3000", "http://localhost:3000", "http://[::1]:3000", "https://grafana.internal.example.com"]
    {
        assert!(!insecure(&format!("upstream: {url}\n")), "{url}");
    }
}

#[tokio::test]
async fn toml_and_yaml_mean_the_same_and_a_mistake_has_its_line() {
    let alb = MockAlb::new();
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("proxy.toml");
    let text = format!(
        "upstream = 'http://127.0.0.1:3000'\nlisten = '127.0.0.1:0'\nprofile = 'grafana'\nmax_body_bytes = 1000\n\n\
         [[trust]]\nsigners = ['{}']\nissuer = '{}'\nclient_ids = ['{}']\nkey_endpoint = 'http://127.0.0.1:1'\n\n\
         [sign_in.email_local_part]\ndomains = ['example.com']\n\n[[rules]]\npath = '/public/*'\naccess = 'optional'\n",
        alb.signer(),
        alb.issuer(),
        alb.client_id()
    );
    fs::write(&file, &text).expect("written");
    let check = Check::of(Some(&file), &[], &[]);
    assert!(check.is_sound(), "{check}");
    assert!(check.to_string().contains("sets x-webauth-user"), "{check}");
    fs::write(&file, text.replace("access = 'optional'", "access = 'open'")).expect("written");
    let error = Settings::read(Some(&file), &[], &[]).expect_err("a mistake");
    assert!(error.to_string().contains("proxy.toml:17"), "{error}");
    fs::write(&file, format!("{text}\nsecret = 'a secret' x\n")).expect("written");
    let error = Settings::read(Some(&file), &[], &[]).expect_err("not TOML");
    assert!(error.to_string().contains("proxy.toml:19") && !error.to_string().contains("a secret"), "{error}");
}

#[tokio::test]
async fn a_flag_overrides_the_file_and_check_says_so() {
    let alb = MockAlb::new();
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("proxy.yaml");
    let text = format!(
        "{}upstream: http://127.0.0.1:3000\nlisten: 127.0.0.1:9000\nforward_auth_by_original_request: true\n",
        trust(&alb).await
    );
    fs::write(&file, &text).expect("written");
    let check = Check::of(Some(&file), &[over("listen", "127.0.0.1:0"), over("max_body_bytes", "10")], &[]);
    let printed = check.to_string();
    assert!(check.is_sound(), "{printed}");
    for (key, effect) in [
        ("trust", "used"),
        ("upstream", "used"),
        ("listen", "replaced by --listen"),
        ("forward_auth_by_original_request", "no effect: there is no forward_auth_listen"),
        ("max_body_bytes", "used"),
    ] {
        let line = printed.lines().find(|line| line.starts_with(key) && line.ends_with(effect));
        assert!(line.is_some(), "{key} {effect}\n{printed}");
    }
    let variables = [
        ("ALB_AUTH_SIGNERS", alb.signer()),
        ("ALB_AUTH_ISSUER", alb.issuer()),
        ("ALB_AUTH_CLIENT_IDS", alb.client_id()),
        ("ALB_AUTH_KEY_ENDPOINT", "http://127.0.0.1:1"),
        ("ALB_AUTH_EMAIL_DOMAINS", "example.com"),
    ];
    let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let check = Check::of(Some(&file), &[], &variables);
    assert!(check.is_sound() && check.to_string().contains("replaced by ALB_AUTH_"), "{check}");
}

/// The page, the list of the keys, and what is read are the same.
#[test]
fn the_page_describes_every_key() {
    let page =
        fs::read_to_string(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/PROXY.md")).expect("the page");
    let page = page.split("\n## Settings\n").nth(1).and_then(|rest| rest.split("\n## ").next()).expect("the section");
    for key in KEYS {
        assert!(page.contains(&format!("| `{key}` |")), "{key}");
    }
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `")?.split_once("` |")).map(|(key, _)| key);
    let described: Vec<&str> =
        rows.filter(|key| key.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')).collect();
    assert!(described.iter().all(|key| KEYS.contains(key)), "{described:?}");
}

#[test]
fn the_file_on_the_page_is_sound() {
    let page =
        fs::read_to_string(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/PROXY.md")).expect("the page");
    let blocks: Vec<&str> = page.split("```yaml\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert!(!blocks.is_empty());
    for block in blocks {
        settings(block).unwrap_or_else(|error| panic!("{error}"));
    }
}

/// An asterisk is a character of header names, so `X-Corp-*` would remove the header of that name and no other.
#[tokio::test]
async fn s_192_a_family_of_header_names_is_refused() {
    let trust = trust(&tower_alb_auth::test_util::MockAlb::new()).await;
    let with = |line: &str| settings(&format!("{trust}upstream: http://127.0.0.1:1\n{line}\n"));
    assert!(with("strip_headers: [X-Corp-User]\nheaders: { X-Corp-Team: '{team}' }").is_ok());
    for (line, key) in [
        ("strip_headers: ['X-Corp-*']", "strip_headers"),
        ("strip_headers: ['*']", "strip_headers"),
        ("headers: { 'X-Corp-*': '{email}' }", "headers.X-Corp-*"),
    ] {
        let error = with(line).err().unwrap_or_else(|| panic!("{line} is accepted"));
        let keys: Vec<_> = error.problems().iter().filter_map(|problem| problem.key()).collect();
        assert_eq!(keys, [key], "{error}");
    }
}
