//! JupyterHub with its authenticator for remote users, behind the proxy.

use std::path::Path;

use tokio::process::Command;
use tower_alb_auth::test_util::User;

use crate::{
    peer,
    port::free_port,
    site::{Log, Site, status},
};

#[tokio::test]
#[ignore = "peer: JupyterHub, installed by .ci/peers"]
async fn s_94_jupyterhub_signs_in_the_user_of_the_token_alone() {
    let (port, folder) = (free_port(), tempfile::tempdir().expect("a folder"));
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut command = Command::new(root.join("target/peers/venv/bin/python"));
    command
        .args(["-m", "jupyterhub", "--config"])
        .arg(root.join("tests/peers/jupyterhub_config.py"))
        .env("HUB_PORT", port.to_string())
        .current_dir(folder.path());
    let _child = peer::start(command, ([127, 0, 0, 1], port).into(), folder.path()).await;
    let lines = "profile: jupyterhub\nrules: [{ path: /hub/login, access: optional }]\n";
    let site = Site::in_front_of(&format!("http://127.0.0.1:{port}"), lines, Log::default()).await;
    let token = |user: &str| format!("x-amzn-oidc-data: {}\r\n", site.alb.sign(&User::entra(user)));
    let forged = "Remote-User: admin\r\nRemote_User: admin\r\nREMOTE_USER: admin\r\nremote.user: admin\r\n";

    // The path is open, so that the hub alone decides.
    for (lines, expected) in
        [(String::new(), 401), (forged.to_owned(), 401), (format!("{forged}{}", token("amy.pond")), 302)]
    {
        let response = site.get("/hub/login", &lines).await;
        assert_eq!(status(&response), expected, "{lines}: {response}");
        if expected != 302 {
            continue;
        }
        let cookies = response
            .lines()
            .filter_map(|line| line.split_once(": ").filter(|(name, _)| name.eq_ignore_ascii_case("set-cookie")));
        let cookies: Vec<&str> = cookies.filter_map(|(_, cookie)| cookie.split(';').next()).collect();
        let page =
            site.get("/hub/home", &format!("{forged}{}cookie: {}\r\n", token("amy.pond"), cookies.join("; "))).await;
        assert_eq!(status(&page), 200, "{page}");
        assert!(page.contains("amy.pond") && !page.contains("user: \"admin\""), "{page}");
    }
    assert_eq!(status(&site.get("/hub/home", forged).await), 401, "without a token the proxy refuses");
}
