//! `deploy/kubernetes/signer.sh`, with stand-ins for kubectl and the AWS CLI.

use std::{fs, os::unix::fs::PermissionsExt, process::Command};

use crate::pages::page::root;

const ARN: &str = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:loadbalancer/app/edge/50dc6c495c0c9188";
const ADDRESS: &str = "edge-1.eu-central-1.elb.amazonaws.com";

/// Runs it where the Ingress has this address and the AWS CLI prints this. Returns exit code, messages, and what is applied.
fn run(address: &str, arns: &str, arguments: &[&str]) -> (Option<i32>, String, String) {
    let folder = tempfile::tempdir().expect("a folder");
    let applied = folder.path().join("applied");
    let kubectl = format!(
        "#!/bin/sh\ncase \"$1\" in\n  get) printf '%s' '{address}' ;;\n  create) echo \"$@\" ;;\n  apply) cat >'{}' ;;\nesac\n",
        applied.display()
    );
    // The query names the address, so that no other load balancer of the account is found.
    let aws =
        format!("#!/bin/sh\ncase \"$*\" in *\"DNSName=='{address}'\"*) printf '%s\\n' '{arns}' ;; *) exit 9 ;; esac\n");
    for (name, text) in [("kubectl", kubectl), ("aws", aws)] {
        let path = folder.path().join(name);
        fs::write(&path, text).expect("a file");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("its mode");
    }
    let path = format!("{}:{}", folder.path().display(), std::env::var("PATH").expect("PATH"));
    let script = root().join("deploy/kubernetes/signer.sh");
    let output = Command::new("bash").arg(script).args(arguments).env("PATH", path).output().expect("bash");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    (output.status.code(), text(output.stderr), fs::read_to_string(applied).unwrap_or_default())
}

const ARGUMENTS: [&str; 5] = ["app", "pages", "https://idp.example.com", "client", "example.com"];

#[test]
fn the_config_map_has_the_arn_of_the_ingresss_load_balancer() {
    let (code, messages, applied) = run(ADDRESS, ARN, &ARGUMENTS);
    assert_eq!((code, messages.as_str()), (Some(0), ""));
    for part in [
        "configmap alb-auth",
        &format!("ALB_AUTH_SIGNERS={ARN}"),
        "ALB_AUTH_ISSUER=https://idp.example.com",
        "ALB_AUTH_CLIENT_IDS=client",
        "ALB_AUTH_EMAIL_DOMAINS=example.com",
    ] {
        assert!(applied.contains(part), "{part}: {applied}");
    }
}

#[test]
fn without_one_application_load_balancer_nothing_is_applied() {
    let network = ARN.replace("/app/", "/net/");
    let two = format!("{ARN}\t{ARN}");
    for (address, arns, arguments, code, part) in [
        ("", ARN, &ARGUMENTS[..], 1, "has no address yet"),
        (ADDRESS, "", &ARGUMENTS, 1, "expected one load balancer"),
        (ADDRESS, "None", &ARGUMENTS, 1, "expected one load balancer"),
        (ADDRESS, &two, &ARGUMENTS, 1, "expected one load balancer"),
        (ADDRESS, &network, &ARGUMENTS, 1, "expected the ARN of an application load balancer"),
        (ADDRESS, ARN, &ARGUMENTS[..4], 2, "found 4 arguments"),
    ] {
        let (found, messages, applied) = run(address, arns, arguments);
        assert_eq!((found, applied.as_str()), (Some(code), ""), "{arns}: {messages}");
        assert!(messages.contains(part), "{messages}");
    }
}
