//! Settings from a YAML file, and flags over them.

use std::io::Write as _;

use tempfile::NamedTempFile;

use crate::cli::{
    application,
    program::{program, run},
    running::Running,
};

fn file(yaml: &str) -> NamedTempFile {
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(yaml.as_bytes()).unwrap();
    file
}

fn printed(yaml: &str, flags: &[&str]) -> String {
    let file = file(yaml);
    let ended =
        run(program(&[&["--config", file.path().to_str().unwrap(), "--print-config", "env"], flags].concat()), "");
    assert_eq!(ended.code, 0, "{ended:?}");
    ended.stdout
}

#[test]
fn flags_win_over_the_file() {
    let yaml = "issuer: https://one.example.com\nclient_id: one\nkeys_listen: 127.0.0.1:9102\n";
    let said = printed(yaml, &[]);
    for part in ["ISSUER=https://one.example.com", "CLIENT_IDS=one", "KEY_ENDPOINT=http://127.0.0.1:9102"] {
        assert!(said.contains(part), "{part:?} is not in: {said}");
    }
    let said = printed(yaml, &["--issuer", "https://other.example.com", "--client-id", "other"]);
    for part in ["ISSUER=https://other.example.com", "CLIENT_IDS=other", "KEY_ENDPOINT=http://127.0.0.1:9102"] {
        assert!(said.contains(part), "{part:?} is not in: {said}");
    }
}

#[tokio::test]
async fn a_file_is_enough() {
    let users = file("ready_users: false\nusers:\n  - id: amy\n    claims: { sub: \"1\", email: amy@example.com }\n");
    let yaml = file(&format!(
        "listen: 127.0.0.1:0\nkeys_listen: 127.0.0.1:0\nrules: [{{ path: /api/*, action: deny }}]\ndemo:\n  listen: 127.0.0.1:0\n  \
         users: {}\n  sign_in_as: amy\n",
        users.path().display()
    ));
    let mut arguments = program(&["--config", yaml.path().to_str().unwrap(), "--"]);
    arguments.args(application::command()).env(application::TOLD, "1");
    let running = Running::start(arguments);
    let browser = running.browser();
    assert_eq!(running.get(&browser, "/api/x").await.0, 401);
    assert_eq!(running.get(&browser, "/").await, (200, "user:default/amy".to_owned()));
}

#[tokio::test]
async fn users_of_a_file_can_be_signed_in() {
    let users = file("users:\n  - id: amy\n    claims: { sub: \"1\", email: amy@example.com }\n");
    let flags = ["--users", users.path().to_str().unwrap(), "--as", "amy"];
    let running = Running::with_application(&flags, &application::command());
    assert_eq!(running.get(&running.browser(), "/").await, (200, "user:default/amy".to_owned()));
}

#[tokio::test]
async fn what_is_printed_before_the_start_is_what_is_printed_at_the_start() {
    // Ports that are named, so that they are known before; a moment ago they were free.
    let port = || std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string();
    let (keys, provider) = (port(), port());
    let flags = ["--listen", "0", "--keys-listen", &keys, "--provider-listen", &provider];
    let printed = run(program(&[&flags[..], &["--print-config", "env"]].concat()), "").stdout;
    let running = Running::start(program(&[&flags[..], &["--target", "http://localhost:1"]].concat()));
    let settings = printed.lines().filter(|line| !line.starts_with('#'));
    assert_eq!(settings.clone().count(), 5, "{printed}");
    for line in settings {
        assert!(running.start_lines.contains(line), "{line:?} is not in: {}", running.start_lines);
    }
}
