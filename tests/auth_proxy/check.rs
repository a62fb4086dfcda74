//! The subcommand `check`: it finds what would stop the start, files included, and marks what is wrong.

use std::{path::Path, process::Command};

const TRUST: [(&str, &str); 4] = [
    (
        "ALB_AUTH_SIGNERS",
        "arn:aws:elasticloadbalancing:eu-central-1:123456789012:loadbalancer/app/edge/50dc6c495c0c9188",
    ),
    ("ALB_AUTH_ISSUER", "https://idp.example.com"),
    ("ALB_AUTH_CLIENT_IDS", "backstage"),
    ("ALB_AUTH_EMAIL_DOMAINS", "example.com"),
];

/// The exit code, and both outputs.
fn run(folder: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_alb-auth-proxy"))
        .env_clear()
        .envs(TRUST)
        .current_dir(folder)
        .args(arguments)
        .output()
        .expect("it runs");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    (output.status.code(), text(output.stdout) + &text(output.stderr))
}

/// What becomes of a key or a variable.
fn effect<'o>(output: &'o str, key: &str) -> &'o str {
    let line = output.lines().find(|line| line.split_whitespace().next() == Some(key));
    line.unwrap_or_else(|| panic!("{key} is not in: {output}"))
}

const FILES: [&str; 12] = [
    "--upstream",
    "https://app.internal.example.com",
    "--upstream-ca",
    "no-ca.pem",
    "--tls-certificate",
    "no-certificate.pem",
    "--tls-key",
    "no-key.pem",
    "--deny-list",
    "no-list.jsonl",
    "--profile",
    "grafana",
];

#[test]
fn every_file_that_cannot_be_read_is_reported_at_once_by_check_and_by_the_start() {
    let folder = tempfile::tempdir().expect("a folder");
    for arguments in [[&["check"], &FILES[..]].concat(), FILES.to_vec()] {
        let (code, printed) = run(folder.path(), &arguments);
        assert_eq!(code, Some(1), "{printed}");
        for file in ["no-ca.pem", "no-certificate.pem", "no-key.pem", "no-list.jsonl"] {
            assert!(printed.contains(file), "{file}: {printed}");
        }
    }
}

#[test]
fn a_file_that_is_not_what_its_key_says_is_reported() {
    let folder = tempfile::tempdir().expect("a folder");
    for name in ["no-ca.pem", "no-certificate.pem", "no-key.pem", "no-list.jsonl"] {
        std::fs::write(folder.path().join(name), "{\"usr\": \"user:default/jane.doe\"}\n").expect("written");
    }
    let (code, printed) = run(folder.path(), &[&["check"], &FILES[..]].concat());
    assert_eq!(code, Some(1), "{printed}");
    for key in ["upstream_ca", "tls_certificate", "deny_list"] {
        assert!(effect(&printed, key).ends_with("refused: see below"), "{key}: {printed}");
    }
    std::fs::write(folder.path().join("list.jsonl"), "{\"entries\": 0}\n").expect("written");
    let (code, printed) =
        run(folder.path(), &["check", "--upstream", "http://127.0.0.1:3000", "--deny-list", "list.jsonl"]);
    assert_eq!(code, Some(0), "{printed}");
}

#[test]
fn files_and_values_are_reported_together_and_what_is_refused_is_not_called_used() {
    let folder = tempfile::tempdir().expect("a folder");
    let arguments = [
        "check",
        "--upstream",
        "http://127.0.0.1:3000/x",
        "--profile",
        "grafan",
        "--exempt",
        "GET x",
        "--deny-list",
        "no",
    ];
    let (code, printed) = run(folder.path(), &arguments);
    assert_eq!(code, Some(1), "{printed}");
    for key in ["upstream", "profile", "exempt", "deny_list"] {
        assert!(effect(&printed, key).ends_with("refused: see below"), "{key}: {printed}");
    }
    let exempt = printed.lines().find(|line| line.contains("(--exempt)")).expect("a problem");
    assert_eq!(exempt.matches("write it as").count(), 1, "{exempt}");
}

#[test]
fn the_variables_of_the_layer_and_what_they_trust_are_shown() {
    let folder = tempfile::tempdir().expect("a folder");
    let (code, printed) = run(folder.path(), &["check", "--upstream", "http://127.0.0.1:3000"]);
    assert_eq!(code, Some(0), "{printed}");
    for (name, _) in TRUST {
        assert!(effect(&printed, name).ends_with("used"), "{printed}");
    }
    assert!(printed.contains("trusts arn:aws:elasticloadbalancing:eu-central-1:123456789012:"), "{printed}");
    assert!(printed.contains("warning: an email without the claim email_verified"), "{printed}");
}

/// The order of rules decides, so the area of administrators is open at one host.
#[test]
fn s_227_a_rule_that_an_earlier_one_opens_at_some_hosts_is_a_warning() {
    let folder = tempfile::tempdir().expect("a folder");
    let with = |rules: &str| {
        let text = format!("upstream: http://127.0.0.1:1\nprofile: grafana\nrules:\n{rules}");
        std::fs::write(folder.path().join("proxy.yaml"), text).expect("written");
        let (code, printed) = run(folder.path(), &["check", "--config", "proxy.yaml"]);
        assert_eq!(code, Some(0), "{printed}");
        printed
    };
    let open = "  - { host: open.example.com, access: optional }\n";
    for rule in ["path: /admin/*", "path: /admin/*, host: '*.example.com'"] {
        let printed = with(&format!("{open}  - {{ {rule} }}\n"));
        let warning =
            "rules[1] does not apply where an earlier rule for open.example.com admits requests without a user";
        assert!(printed.contains(warning), "{rule}: {printed}");
    }
    for rule in [
        "path: /*",
        "path: /admin/*, host: app.example.com",
        "path: /admin/*, require: { claim_contains: { roles: admin } }",
        "path: /public/*, access: optional",
    ] {
        let printed = with(&format!("{open}  - {{ {rule} }}\n"));
        assert!(!printed.contains("does not apply where"), "{rule}: {printed}");
    }
    assert!(!with(&format!("  - {{ path: /admin/* }}\n{open}")).contains("does not apply where"), "the other order");
}
