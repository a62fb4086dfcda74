//! Identity providers behind the emulator: sign-in, and a session that is renewed.

use std::time::Duration;

use serde_json::json;
use tokio::process::Command;
use tower_alb_auth::emulator::{ClientAuthentication, IdentityProvider};

use crate::programs::{
    browser::{Site, said},
    process::{Peer, free_port, peers},
};

/// What the access tokens of both providers live for, and a little more.
const ACCESS_TOKEN: Duration = Duration::from_millis(2_500);

async fn renewed(site: &Site, browser: &reqwest::Client) {
    let before = site.token();
    tokio::time::sleep(ACCESS_TOKEN).await;
    let answer = browser.get(site.emulator.url()).send().await.expect("an answer");
    let cookies = answer.headers().get_all("set-cookie").iter().count();
    assert!(cookies > 0, "the session was renewed, and the browser got new cookies");
    assert_eq!(said(answer).await["user"], "user:default/jane.doe_example.com");
    assert_ne!(site.token(), before);
    // And once more, by the refresh token of the renewal.
    tokio::time::sleep(ACCESS_TOKEN).await;
    let again = browser.get(site.emulator.url()).send().await.expect("an answer");
    assert_eq!(said(again).await["user"], "user:default/jane.doe_example.com");
}

#[tokio::test]
#[ignore = "peer: the npm package oidc-provider, installed by .ci/peers"]
async fn the_package_oidc_provider_signs_in_and_renews() {
    for authentication in [ClientAuthentication::Basic, ClientAuthentication::Form] {
        let port = free_port();
        let issuer = format!("http://127.0.0.1:{port}");
        let site = Site::start(|config| {
            config
                .provider(IdentityProvider::discover(issuer))
                .client("a client", "se:cret%")
                .client_authentication(authentication)
                .scope("openid email profile offline_access")
        })
        .await;
        let method = match authentication {
            ClientAuthentication::Basic => "client_secret_basic",
            ClientAuthentication::Form => "client_secret_post",
        };
        let mut command = Command::new("node");
        let redirect_uri = site.emulator.redirect_uri();
        command.args(["oidc-provider.mjs", &port.to_string(), "a client", "se:cret%", &redirect_uri, method]);
        let _peer = Peer::start(command, port).await;

        let browser = site.browser();
        let page = said(browser.get(site.emulator.url()).send().await.expect("an answer")).await;
        assert_eq!(page, json!({ "user": "user:default/jane.doe_example.com", "name": "jane.doe" }));
        renewed(&site, &browser).await;
    }
}

#[tokio::test]
#[ignore = "peer: the Python package oidc-provider-mock, installed by .ci/peers"]
async fn the_package_oidc_provider_mock_signs_in_and_renews() {
    let port = free_port();
    let issuer = format!("http://127.0.0.1:{port}");
    let site = Site::start(|config| {
        config
            .provider(IdentityProvider::discover(issuer))
            .client("any client", "any secret")
            .scope("openid email profile")
    })
    .await;
    let mut command = Command::new(peers().join("venv/bin/oidc-provider-mock"));
    let user = json!({ "sub": "jane.doe", "email": "jane.doe@example.com", "email_verified": true, "name": "Jane" });
    command.args(["--port", &port.to_string(), "--token-max-age", "2", "--user-claims", &user.to_string()]);
    let _peer = Peer::start(command, port).await;

    let browser = site.browser();
    let login = browser.get(site.emulator.url()).send().await.expect("an answer");
    assert_eq!(login.status(), 200);
    let answer = browser.post(login.url().clone()).form(&[("sub", "jane.doe")]).send().await.expect("an answer");
    assert_eq!(said(answer).await, json!({ "user": "user:default/jane.doe_example.com", "name": "Jane" }));
    renewed(&site, &browser).await;
}
