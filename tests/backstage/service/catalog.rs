//! The catalog: where it is asked, and with which token.

use std::sync::{Arc, Mutex};

use axum::{
    Json, Router,
    extract::Path,
    http::{HeaderMap, StatusCode, header},
    response::IntoResponse,
    routing::get,
};
use serde_json::{Value, json};

use crate::{
    service::{
        settings::folder_with,
        site::{Browser, Site},
        upstream::serve,
    },
    support::backstage_auth::Service,
};

/// A backend with a catalog in which Jane is alone, and what it was asked with.
async fn backend() -> (String, Arc<Mutex<Vec<String>>>) {
    let asked: Arc<Mutex<Vec<String>>> = Arc::default();
    let noted = Arc::clone(&asked);
    let by_name = get(async move |Path(name): Path<String>, headers: HeaderMap| {
        let with = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
        noted.lock().unwrap().push(with.to_owned());
        match name.as_str() {
            "jane.doe" => Json(json!({
                "kind": "User",
                "metadata": { "name": "jane.doe" },
                "spec": { "profile": { "email": "jane.doe@example.com" } },
                "relations": [{ "type": "memberOf", "targetRef": "group:default/team-a" }],
            }))
            .into_response(),
            _ => StatusCode::NOT_FOUND.into_response(),
        }
    });
    let url = serve(Router::new().route("/api/catalog/entities/by-name/User/default/{name}", by_name)).await;
    (url, asked)
}

/// The header and the claims of a token.
fn opened(token: &str) -> (Value, Value) {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
    let mut parts = token.split('.').map(|part| URL_SAFE_NO_PAD.decode(part).expect("base64url"));
    let mut next = || serde_json::from_slice(&parts.next().expect("a part")).expect("JSON");
    (next(), next())
}

async fn with_a_catalog(arguments: &[&str]) -> Site {
    Site::of(tempfile::tempdir().expect("a folder"), arguments).await
}

#[tokio::test]
async fn the_upstreams_is_queried_with_a_token_of_the_plugin_whose_key_is_published() {
    let (upstream, asked) = backend().await;
    let site = with_a_catalog(&["--upstream", &upstream]).await;
    let session = site.signed_in("jane").await.session().await;
    let owns = &session["backstageIdentity"]["identity"]["ownershipEntityRefs"];
    assert_eq!(*owns, json!(["user:default/jane.doe", "group:default/team-a"]));

    let asked = asked.lock().unwrap().clone();
    let (header, claims) = opened(asked[0].strip_prefix("Bearer ").expect("a token"));
    assert_eq!(
        (&header["typ"], &claims["sub"], &claims["aud"]),
        (&json!("vnd.backstage.plugin"), &json!("auth"), &json!("catalog"))
    );
    let keys = reqwest::get(site.service.at("/api/auth/.backstage/auth/v1/jwks.json")).await.expect("an answer");
    let keys: Value = keys.json().await.expect("JSON");
    let kids: Vec<&Value> = keys["keys"].as_array().expect("keys").iter().map(|key| &key["kid"]).collect();
    assert!(kids.contains(&&header["kid"]), "{keys} {header}");
}

#[tokio::test]
async fn a_static_token_of_the_files_is_used_where_there_is_one_and_the_address_too() {
    let (catalog, asked) = backend().await;
    let site = Site::changed(tempfile::tempdir().expect("a folder"), &[], |text| {
        let access =
            "auth:\n    externalAccess: [{ type: static, options: { token: canary-token, subject: sign-in } }]\n";
        let endpoint = format!("    - target: {catalog}/api/{{{{pluginId}}}}\n      plugins: [catalog]\n");
        text.replace("backend:\n", &format!("backend:\n  {access}")) + "discovery:\n  endpoints:\n" + &endpoint
    })
    .await;
    let lines = &site.service.start_lines;
    assert!(lines.contains(&catalog) && lines.contains("externalAccess[0]") && !lines.contains("canary"), "{lines}");

    site.signed_in("jane").await.session().await;
    assert_eq!(*asked.lock().unwrap(), ["Bearer canary-token"]);
    assert!(!site.service.log().contains("canary"), "{}", site.service.log());
}

#[tokio::test]
async fn who_is_not_in_it_is_refused_unless_the_files_let_everybody_in() {
    let (upstream, _) = backend().await;
    let strict = Site::changed(tempfile::tempdir().expect("a folder"), &["--upstream", &upstream], |text| {
        text.replace("            dangerouslyAllowSignInWithoutUserInCatalog: true\n", "")
    })
    .await;
    assert_eq!(strict.signed_in("admin").await.get("/api/auth/awsalb/refresh").await.0, 403);
    strict.signed_in("jane").await.session().await;

    let open = with_a_catalog(&["--upstream", &upstream]).await;
    let session = open.signed_in("admin").await.session().await;
    let owns = &session["backstageIdentity"]["identity"]["ownershipEntityRefs"];
    assert_eq!(*owns, json!(["user:default/ada.admin"]));
}

#[tokio::test]
async fn a_catalog_that_gives_no_answer_is_503_and_the_log_says_so() {
    let site = with_a_catalog(&["--upstream", "http://127.0.0.1:1"]).await;
    let (status, answer) = Browser::signed_in(&site.emulator, "jane").await.get("/api/auth/awsalb/refresh").await;
    assert_eq!(status, 503, "{answer}");
    site.service.wait_until_it_logs("catalog");
}

/// Through the load balancer it would be a login page.
#[tokio::test]
async fn without_an_address_of_its_own_the_start_warns() {
    let folder = folder_with(crate::service::settings::SOUND);
    let service = Service::start(folder.path(), &["--listen", "127.0.0.1:0"]);
    let said = service.wait_until_it_logs("a login page");
    assert!(said.contains("discovery:\n  endpoints:\n"), "{said}");
}
