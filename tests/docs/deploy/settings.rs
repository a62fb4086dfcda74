//! The files of settings of the templates, by the `check` of their programs.

use std::{fs, path::Path, process::Command};

use crate::pages::page::{read, root};

const ARN: &str = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:loadbalancer/app/edge/50dc6c495c0c9188";
const ISSUER: &str = "https://login.microsoftonline.com/0b6c2f3e-8f5f-4a39-a3f5-0f6e3f4f5a61/v2.0";
const CLIENT: &str = "5c1f8a0e-8a6e-4d8e-9a55-0d6f2b8f7c11";

/// Whether the settings are valid, and what was printed.
fn check(program: &str, folder: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> (Option<i32>, String) {
    let mut command = Command::new(program);
    command.env_clear().envs(variables.iter().copied()).current_dir(folder).arg("check").args(arguments);
    let output = command.output().expect("it runs");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    (output.status.code(), text(output.stdout) + &text(output.stderr))
}

/// With the variables that the task definitions set.
#[test]
fn the_settings_of_backstage_auth_pass_its_check() {
    let folder = tempfile::tempdir().expect("a folder");
    let (file, text) = ("app-config.production.yaml", read("deploy/backstage/app-config.production.yaml"));
    fs::write(folder.path().join(file), &text).expect("written");
    // AWS publishes it; the image has it beside the settings.
    let pair = rcgen::generate_simple_self_signed(["rds.example.com".to_owned()]).expect("a certificate");
    fs::write(folder.path().join("global-bundle.pem"), pair.cert.pem()).expect("written");
    let variables = [
        ("ALB_ARN", ARN),
        ("OIDC_ISSUER", ISSUER),
        ("OIDC_CLIENT_ID", CLIENT),
        ("POSTGRES_HOST", "backstage.cluster-x.eu-central-1.rds.amazonaws.com"),
        ("POSTGRES_USER", "backstage_auth"),
        ("AWS_REGION", "eu-central-1"),
    ];
    let program = env!("CARGO_BIN_EXE_backstage-auth");
    let (code, printed) = check(program, folder.path(), &["--config", file], &variables);
    assert_eq!(code, Some(0), "{printed}");
    assert!(!printed.contains("ignored") && !printed.contains("refused"), "{printed}");

    // A variable that the task does not set, and a file that the image lacks, are named.
    for missing in 0..variables.len() {
        let mut fewer = variables.to_vec();
        let (name, _) = fewer.remove(missing);
        let (code, printed) = check(program, folder.path(), &["--config", file], &fewer);
        // The region is in the name of the host as well.
        assert_eq!(code, Some(if name == "AWS_REGION" { 0 } else { 1 }), "{name}: {printed}");
        assert!(printed.contains(&format!("the environment variable {name}")), "{name}: {printed}");
    }
    fs::remove_file(folder.path().join("global-bundle.pem")).expect("removed");
    let (code, printed) = check(program, folder.path(), &["--config", file], &variables);
    assert!(code == Some(1) && printed.contains("global-bundle.pem"), "{printed}");
    assert!(text.contains("app-config.yaml app-config.production.yaml global-bundle.pem /etc/backstage/"), "{text}");
}

#[test]
fn the_settings_of_the_sidecar_pass_its_check() {
    let file = root().join("deploy/kubernetes/proxy.yaml");
    let variables = [
        ("ALB_AUTH_SIGNERS", ARN),
        ("ALB_AUTH_ISSUER", ISSUER),
        ("ALB_AUTH_CLIENT_IDS", CLIENT),
        ("ALB_AUTH_EMAIL_DOMAINS", "example.com"),
        ("ALB_PROXY_CONFIG", file.to_str().expect("UTF-8")),
        ("ALB_PROXY_SHUTDOWN_DELAY_SECONDS", "15"),
    ];
    let program = env!("CARGO_BIN_EXE_alb-auth-proxy");
    let (code, printed) = check(program, &root(), &[], &variables);
    assert_eq!(code, Some(0), "{printed}");
    assert!(!printed.contains("ignored") && !printed.contains("refused"), "{printed}");
    let (code, printed) = check(program, &root(), &[], &variables[1..]);
    assert!(code == Some(1) && printed.contains("ALB_AUTH_SIGNERS"), "{printed}");
}
