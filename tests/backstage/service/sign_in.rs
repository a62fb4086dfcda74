//! The whole way: sign in, a token, userinfo, sign out.

use serde_json::json;

use crate::service::site::Site;

#[tokio::test]
async fn a_user_signs_in_gets_a_token_that_userinfo_knows_and_signs_out() {
    let site = Site::new().await;
    let browser = site.signed_in("jane").await;
    let session = browser.session().await;
    let identity = &session["backstageIdentity"];
    assert_eq!(identity["identity"]["userEntityRef"], "user:default/jane.doe");
    assert_eq!(session["profile"]["displayName"], "Jane Doe");

    let token = identity["token"].as_str().expect("a token");
    let asked = browser.client.get(site.url("/api/auth/v1/userinfo")).bearer_auth(token).send().await;
    let info: serde_json::Value = asked.expect("an answer").json().await.expect("JSON");
    assert_eq!(info["claims"], json!({ "sub": "user:default/jane.doe", "ent": ["user:default/jane.doe"] }));

    // Back ends ask for the keys without a session, past the load balancer.
    let keys: serde_json::Value = reqwest::get(site.service.at("/api/auth/.well-known/jwks.json"))
        .await
        .expect("an answer")
        .json()
        .await
        .unwrap();
    assert_eq!(keys["keys"].as_array().expect("keys").len(), 1);

    let asked = browser.client.post(site.url("/api/auth/awsalb/logout")).header("origin", site.emulator.url());
    // 303 to the provider's log-out, or the next request would sign in again without a question.
    let goodbye = asked.send().await.expect("an answer");
    assert_eq!((goodbye.status().as_u16(), goodbye.url().path()), (200, "/logout"));
    let (_, page) = browser.get("/api/auth/awsalb/refresh").await;
    assert!(page.contains("Who signs in?"), "{page}");
}

#[tokio::test]
async fn who_is_not_of_the_domain_is_refused_and_the_log_says_why_without_the_address() {
    let site = Site::new().await;
    let (status, answer) = site.signed_in("guest").await.get("/api/auth/awsalb/refresh").await;
    assert_eq!(status, 403, "{answer}");
    let error: serde_json::Value = serde_json::from_str(&answer).expect("JSON");
    assert_eq!((&error["error"]["name"], &error["response"]["statusCode"]), (&json!("NotAllowedError"), &json!(403)));
    let log = site.service.wait_until_it_logs("sign_in");
    assert!(!log.contains('@'), "{log}");
}

#[tokio::test]
async fn past_the_load_balancer_no_client_gets_a_session() {
    let site = Site::new().await;
    let answer = reqwest::get(site.service.at("/api/auth/awsalb/refresh")).await.expect("an answer");
    assert_eq!(answer.status(), 401);
}

#[tokio::test]
async fn no_token_and_no_cookie_is_in_the_log() {
    let site = Site::with(&["--upstream", "http://127.0.0.1:1"]).await;
    let browser = site.signed_in("jane").await;
    let session = browser.session().await;
    let token = session["backstageIdentity"]["token"].as_str().expect("a token");
    for path in ["/api/auth/github/handler/frame?code=canary-code", "/api/auth/v1/userinfo", "/x?y=canary-code"] {
        let request =
            browser.client.get(site.service.at(path)).bearer_auth(token).header("cookie", "own=canary-cookie");
        request.send().await.expect("an answer");
    }
    let log = site.service.wait_until_it_logs("path=\"/x\"");
    for secret in [token, "canary-code", "canary-cookie", "jane", "eyJ"] {
        assert!(!log.contains(secret), "{secret} is in: {log}");
    }
}
