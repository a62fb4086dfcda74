//! Applications behind the proxy, each with the profile of its name.

use std::{path::Path, process::Stdio};

use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, Command},
};

use crate::site::{LONG, Log, Site, status};

/// A program of tests/peers that prints its port; ends with the value.
pub async fn started(mut command: Command) -> (Child, u16) {
    let mut child = command
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

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn python(script: &str) -> Command {
    let mut command = Command::new(root().join("target/peers/venv/bin/python"));
    command.arg(root().join("tests/peers").join(script));
    command
}

/// The application of tests/peers/remote_user.py, with this profile.
async fn sees_the_user_of_the_token_alone(application: &str, profile: &str) {
    let mut command = python("remote_user.py");
    command.arg(application);
    let (_child, port) = started(command).await;
    let lines = format!("profile: {profile}\nrules: [{{ path: /public/*, access: optional }}]\n");
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
    sees_the_user_of_the_token_alone("flask", "flask").await;
}

#[tokio::test]
#[ignore = "peer: Django, installed by .ci/peers"]
async fn s_94_django_signs_in_the_user_of_the_token_alone() {
    sees_the_user_of_the_token_alone("django", "django").await;
}

/// The way of the page. The test below compares it with the page.
#[tokio::test]
#[ignore = "peer: Flask, installed by .ci/peers"]
async fn s_94_flask_with_remote_user_in_its_environment_sees_the_user_of_the_token_alone() {
    sees_the_user_of_the_token_alone("flask-remote-user", "flask").await;
}

#[test]
fn the_middleware_of_the_page_is_the_one_that_the_tests_run() {
    let page = include_str!("../../docs/PROXY.md");
    let blocks = page.split("```python\n").skip(1).filter_map(|rest| rest.split("```").next());
    let blocks: Vec<&str> = blocks.filter(|block| block.contains("REMOTE_USER")).collect();
    assert_eq!(blocks.len(), 1, "{blocks:?}");
    let (function, used) = blocks[0].split_once("\n\napp.").expect("the function, and its use");
    let application = include_str!("../peers/remote_user.py");
    assert!(application.contains(&format!("{function}\n")), "{function}");
    let used = format!("app.{}", used.trim_end()).replace("app.", "application.");
    assert!(application.contains(&used), "{used}");
}

/// Airflow and Superset read the user by Flask-AppBuilder. A visit of the page for signing in makes a cookie of the application.
#[tokio::test]
#[ignore = "peer: Flask-AppBuilder, installed by .ci/peers"]
async fn s_94_flask_appbuilder_signs_in_the_user_of_the_token_alone() {
    for profile in ["airflow", "superset"] {
        let (_child, port) = started(python("appbuilder.py")).await;
        let lines = format!("profile: {profile}\nrules: [{{ path: /*, access: optional }}]\n");
        let site = Site::in_front_of(&format!("http://127.0.0.1:{port}"), &lines, Log::default()).await;
        let forged = "X-Forwarded-User: admin\r\nX_Forwarded_User: admin\r\nx-forwarded_user: admin\r\n\
                      Remote-User: admin\r\nREMOTE_USER: admin\r\n";
        let jane = format!("x-amzn-oidc-data: {}\r\n", site.token());
        for (lines, expected) in [
            (forged.to_owned(), "anonymous"),
            (format!("{forged}{jane}{forged}"), "jane.doe@example.com"),
            (jane, "jane.doe@example.com"),
        ] {
            let response = site.get("/login/", &lines).await;
            assert_eq!(status(&response), 302, "{profile} {lines}: {response}");
            let cookie = response.lines().find_map(|line| {
                let (name, cookie) = line.split_once(": ")?;
                name.eq_ignore_ascii_case("set-cookie").then(|| cookie.split(';').next())?
            });
            // The path is open, so that the application alone decides by its cookie.
            let page = site.get("/me", &format!("{forged}cookie: {}\r\n", cookie.expect("a cookie"))).await;
            assert!(status(&page) == 200 && page.ends_with(&format!("\r\n\r\n{expected}")), "{profile}: {page}");
        }
    }
}
