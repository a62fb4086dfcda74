//! Any provider: by discovery or by its endpoints; the client by Basic or as a form.

use axum::{Json, Router, routing::get};
use serde_json::json;
use tower_alb_auth::emulator::{ClientAuthentication, IdentityProvider};

use crate::load_balancer::{proxy::serve, scripted::Scripted, site::Site};

#[tokio::test]
async fn the_client_authenticates_as_configured() {
    for by in [ClientAuthentication::Basic, ClientAuthentication::Form] {
        let (site, provider) = Site::scripted_with(|config| config.client_authentication(by)).await;
        assert_eq!(site.browser().callback("/").await.status, 302);
        let (form, authorization) = provider.asked().remove(0);
        assert_eq!(form["grant_type"], "authorization_code");
        assert_eq!(form["code"], "code-1");
        assert_eq!(form["redirect_uri"], site.emulator.redirect_uri());
        match by {
            // Encoded before they are joined: RFC 6749 section 2.3.1.
            ClientAuthentication::Basic => {
                use base64::{Engine as _, engine::general_purpose::STANDARD};
                let expected = format!("Basic {}", STANDARD.encode("alb-emulator:s%3Aecret%25"));
                assert_eq!(authorization.as_deref(), Some(expected.as_str()));
                assert!(!form.contains_key("client_secret"));
            }
            ClientAuthentication::Form => {
                assert_eq!((form["client_id"].as_str(), form["client_secret"].as_str()), ("alb-emulator", "s:ecret%"));
                assert_eq!(authorization, None);
            }
        }
    }
}

/// A discovery document of this issuer, whose endpoints are the scripted provider's.
async fn discovery(provider: &Scripted, issuer: Option<&str>) -> String {
    let endpoints = provider.endpoints();
    let (told, at) = (issuer.map(str::to_owned), std::sync::Arc::new(std::sync::OnceLock::<String>::new()));
    let own = std::sync::Arc::clone(&at);
    let document = get(async move || {
        Json(json!({
            "issuer": told.as_ref().or(own.get()),
            "authorization_endpoint": endpoints.authorization,
            "token_endpoint": endpoints.token,
            "userinfo_endpoint": endpoints.userinfo,
            "jwks_uri": endpoints.jwks,
        }))
    });
    let url = serve(Router::new().route("/.well-known/openid-configuration", document)).await;
    at.set(url.clone()).expect("once");
    url
}

#[tokio::test]
async fn a_provider_is_found_by_its_discovery_document() {
    let (_, provider) = Site::scripted().await;
    let issuer = discovery(&provider, None).await;
    let site =
        Site::with(|config| config.provider(IdentityProvider::discover(&issuer)).client("alb-emulator", "s:ecret%"))
            .await;
    provider.change(|script| script.id_token["iss"] = json!(issuer));
    let browser = site.browser();
    assert_eq!(browser.callback("/").await.status, 302);
    assert_eq!(browser.get("/").await.user().as_deref(), Some("user:default/jane_example.com"));
}

#[tokio::test]
async fn a_document_of_another_issuer_is_refused_and_one_that_comes_late_is_waited_for() {
    let (_, provider) = Site::scripted().await;
    let issuer = discovery(&provider, Some("https://evil.example")).await;
    let site =
        Site::with(|config| config.provider(IdentityProvider::discover(&issuer)).client("alb-emulator", "x")).await;
    assert_eq!(site.browser().get("/").await.status, 561);

    // A provider that is not there yet.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let late = format!("http://{}", listener.local_addr().expect("an address"));
    drop(listener);
    let site =
        Site::with(|config| config.provider(IdentityProvider::discover(&late)).client("alb-emulator", "x")).await;
    assert_eq!(site.browser().get("/").await.status, 500);
}
