//! Applications behind the proxy, each with the profile of its name.

use std::{path::Path, process::Stdio};

use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, Command},
};

use crate::site::{LONG, Log, Site, status};

/// An application of tests/peers/remote_user.py; ends with the value.
async fn application(name: &str) -> (Child, u16) {
    let peers = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/peers");
    let mut child = Command::new(peers.join("venv/bin/python"))
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers/remote_user.py"))
        .arg(name)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("it is installed: run .ci/peers");
    let mut line = String::new();
    let mut output = BufReader::new(child.stdout.take().expect("a pipe"));
    tokio::time::timeout(LONG, output.read_line(&mut line)).await.expect("in time").expect("a line");
    (child, line.trim().parse().expect("a port"))
}

async fn sees_the_user_of_the_token_alone(name: &str) {
    let (_child, port) = application(name).await;
    let lines = format!("profile: {name}\nrules: [{{ path: /public/*, access: optional }}]\n");
    let site = Site::in_front_of(&format!("http://127.0.0.1:{port}"), &lines, Log::default()).await;
    let jane = format!("x-amzn-oidc-data: {}\r\n", site.token());
    // The server joins the values of names that it folds together.
    let forged =
        "X-Forwarded-User: admin\r\nX_Forwarded_User: admin\r\nx-forwarded_user: admin\r\nRemote-User: admin\r\n";
    for (path, lines, expected) in [
        ("/page", jane.clone(), Some("jane.doe@example.com")),
        ("/page", format!("{jane}{forged}"), Some("jane.doe@example.com")),
        ("/page", format!("{forged}{jane}connection: x-forwarded-user\r\n"), Some("jane.doe@example.com")),
        ("/public/x", forged.to_owned(), Some("anonymous")),
        ("/public/x", String::new(), Some("anonymous")),
        ("/page", forged.to_owned(), None),
    ] {
        let response = site.get(path, &lines).await;
        assert_eq!(status(&response), if expected.is_some() { 200 } else { 401 }, "{path} {lines}: {response}");
        if let Some(expected) = expected {
            assert!(response.ends_with(&format!("\r\n\r\n{expected}")), "{path} {lines}: {response}");
        }
    }
}

#[tokio::test]
#[ignore = "peer: Flask, installed by .ci/peers"]
async fn s_94_flask_sees_the_user_of_the_token_alone() {
    sees_the_user_of_the_token_alone("flask").await;
}

#[tokio::test]
#[ignore = "peer: Django, installed by .ci/peers"]
async fn s_94_django_signs_in_the_user_of_the_token_alone() {
    sees_the_user_of_the_token_alone("django").await;
}
