//! The deny list of the proxy, in every mode.

use std::{fs, time::Duration};

use tower_alb_auth::test_util::User;
use tracing::Level;

use crate::{
    ext_authz::Checks,
    site::{LONG, Site, raw, settings, status, trust},
    traced::Traced,
};

#[tokio::test]
async fn s_93_a_denied_user_is_refused_in_every_mode_and_gets_no_assertion() {
    let (traced, _guard) = Traced::begin();
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("denied.jsonl");
    fs::write(&file, "{\"email\": \"jane.doe@example.com\"}\n").expect("written");
    let site = Site::with(&format!(
        "deny_list: {}\next_authz_listen: 127.0.0.1:0\next_authz_http_listen: 127.0.0.1:0\nassertion_issuer: http://127.0.0.1:1\n\
         assertion_audience: a\nassertion_listen: 127.0.0.1:0\nrules: [{{ path: /public/*, access: optional }}]\n",
        file.display()
    ))
    .await;
    let http = site.proxy.addresses().ext_authz_http.expect("an address");
    let ask = async |user: &User, path: &str| {
        let token = site.alb.sign(user);
        let request =
            format!("GET {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\nx-amzn-oidc-data: {token}\r\n\r\n");
        let mut statuses = Vec::new();
        for address in [site.address, site.forward_auth(), http] {
            let response = raw(address, request.as_bytes()).await;
            assert!(status(&response) == 200 || !response.contains("x-jwt-assertion"), "{response}");
            statuses.push(status(&response));
        }
        let headers = [("x-amzn-oidc-data", token.as_str())];
        statuses.push(Checks::at(&site).await.status("GET", path, &headers).await);
        statuses
    };
    const REFUSED: [u16; 4] = [403; 4];
    const ADMITTED: [u16; 4] = [200; 4];
    for path in ["/page", "/public/x"] {
        assert_eq!(ask(&User::jane(), path).await, REFUSED, "{path}");
        assert_eq!(ask(&User::entra("amy.pond"), path).await, ADMITTED, "{path}");
    }
    // Another user is denied while the proxy runs.
    fs::write(&file, "{\"email\": \"amy.pond@example.com\"}\n").expect("written");
    let denied = async {
        while ask(&User::entra("amy.pond"), "/page").await != REFUSED {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(LONG, denied).await.expect("in force");
    assert_eq!(ask(&User::jane(), "/page").await, ADMITTED);
    // An entry that cannot be read changes nothing, in any mode. The warning is logged once the file has been read.
    fs::write(&file, "{\"email\": \"jane.doe@example.com\"}\n{\"mail\": \"john.doe@example.com\"}\n").expect("written");
    let warning = |line: &String| line.contains("the former entries stay in force") && line.contains("denied.jsonl:2");
    let warned = async {
        while !traced.lines(Level::WARN).iter().any(warning) {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(LONG, warned).await.expect("a warning");
    assert_eq!(ask(&User::entra("amy.pond"), "/page").await, REFUSED);
    assert_eq!(ask(&User::jane(), "/page").await, ADMITTED);
    assert!(!traced.all().contains("john.doe"), "a warning names no user");
}

#[tokio::test]
async fn s_93_the_proxy_does_not_start_with_a_deny_list_that_cannot_be_read() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("denied.jsonl");
    fs::write(&file, "{\"mail\": \"jane.doe@example.com\"}\n").expect("written");
    let trust = trust(&tower_alb_auth::test_util::MockAlb::new()).await;
    for path in [file.clone(), folder.path().join("missing")] {
        let text = format!("{trust}upstream: http://127.0.0.1:1\nlisten: 127.0.0.1:0\ndeny_list: {}\n", path.display());
        let settings = settings(&text).expect("settings");
        let error = tower_alb_auth::auth_proxy::AuthProxy::start(settings).await.expect_err("a wrong file").to_string();
        assert!(error.contains(&*path.display().to_string()) && !error.contains("jane"), "{error}");
    }
}
