//! Entries that `alb-auth-proxy` shows: keys, tokens and users. The layer in an application logs and counts the same.

use std::{fs, time::SystemTime};

use axum::Router;
use tower_alb_auth::test_util::{MockAlb, User};

use crate::{
    runbook::site::Site,
    support::{key_endpoint::Mode, streaming::serve},
};

/// The first user of a process whose key endpoint is so.
async fn first_user(id: &str, mode: Mode, status: u16) {
    let site = Site::for_entry(id, "").await;
    site.keys.set(mode);
    assert_eq!(site.with_token(&site.token()).await, status);
    site.assert_seen().await;
}

/// A request with this token, which is rejected.
async fn rejected(id: &str, status: u16, token: impl FnOnce(&MockAlb) -> String) {
    let site = Site::for_entry(id, "").await;
    assert_eq!(site.with_token(&token(&site.alb)).await, status);
    site.assert_seen().await;
}

#[tokio::test]
async fn r_01_the_key_endpoint_cannot_be_reached() {
    first_user("R-01", Mode::Failing, 503).await;
}

#[tokio::test]
async fn r_02_something_else_responds_in_place_of_the_key_endpoint() {
    first_user("R-02", Mode::Page, 503).await;
}

#[tokio::test]
async fn r_03_the_key_endpoint_knows_no_key() {
    first_user("R-03", Mode::Forbidden, 401).await;
}

#[tokio::test]
async fn r_04_the_signer_is_not_trusted() {
    rejected("R-04", 401, |alb| MockAlb::with_keys_of(alb).sign(&User::jane())).await;
}

#[tokio::test]
async fn r_05_the_issuer_is_written_in_another_way() {
    rejected("R-05", 401, |alb| alb.clone().with_issuer(&format!("{}/", alb.issuer())).sign(&User::jane())).await;
}

#[tokio::test]
async fn r_06_the_client_is_another_one() {
    rejected("R-06", 401, |alb| alb.clone().with_client_id("another-client").sign(&User::jane())).await;
}

#[tokio::test]
async fn r_07_the_target_is_reached_past_the_load_balancer() {
    let site = Site::for_entry("R-07", "").await;
    let token = site.token();
    let twice = [("x-amzn-oidc-data", token.as_str()), ("x-amzn-oidc-data", token.as_str())];
    assert_eq!(site.get(&twice).await, 401);
    let other = [("x-amzn-oidc-data", token.as_str()), ("x-amzn-oidc-identity", "someone-else")];
    assert_eq!(site.get(&other).await, 401);
    site.assert_seen().await;
}

#[tokio::test]
async fn r_08_a_listener_rule_does_not_authenticate() {
    let site = Site::for_entry("R-08", "").await;
    assert_eq!(site.get(&[]).await, 401);
    site.assert_seen().await;
}

#[tokio::test]
async fn r_09_the_clock_is_wrong() {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("after 1970").as_secs();
    let site = Site::for_entry("R-09", "").await;
    // As a machine sees it whose clock is an hour ahead, and behind.
    for expiry in [now - 3600, now + 3600] {
        let token = site.alb.token(&User::jane()).expires_at(expiry).sign();
        assert_eq!(site.with_token(&token).await, 401);
    }
    site.assert_seen().await;
}

#[tokio::test]
async fn r_10_a_component_rewrites_the_header() {
    let site = Site::for_entry("R-10", "").await;
    // The filler makes claims that end with `=` in base64.
    let filled = |size: usize| site.alb.sign(&User::jane().claim("filler", "x".repeat(size)));
    let is_padded = |token: &String| token.split('.').nth(1).is_some_and(|claims| claims.ends_with('='));
    let token = (0..3).map(filled).find(is_padded).expect("one of three lengths");
    let cut_off = token.get(..token.len() - 10).expect("ASCII");
    for changed in [token.replace('=', ""), cut_off.to_owned()] {
        assert_eq!(site.with_token(&changed).await, 401);
    }
    site.assert_seen().await;
}

#[tokio::test]
async fn r_11_the_domain_of_the_email_is_not_listed() {
    rejected("R-11", 403, |alb| alb.sign(&User::jane().claim("email", "jane.doe@example.net"))).await;
}

#[tokio::test]
async fn r_12_a_claim_is_missing() {
    rejected("R-12", 403, |alb| alb.sign(&User::jane().without("email"))).await;
}

#[tokio::test]
async fn r_16_a_user_is_denied() {
    let write = |folder: &std::path::Path| {
        fs::write(folder.join("denied.jsonl"), "{\"email\": \"jane.doe@example.com\"}\n").expect("written");
    };
    let upstream = serve(Router::new()).await;
    let site = Site::before("R-16", &upstream, "deny_list: denied.jsonl\n", write).await;
    assert_eq!(site.with_token(&site.token()).await, 403);
    site.assert_seen().await;
}

#[tokio::test]
async fn r_17_the_deny_list_cannot_be_read() {
    let write = |folder: &std::path::Path| {
        fs::write(folder.join("denied.jsonl"), "{\"entries\": 0}\n").expect("written");
    };
    let upstream = serve(Router::new()).await;
    let site = Site::before("R-17", &upstream, "deny_list: denied.jsonl\n", write).await;
    fs::write(site.path("denied.jsonl"), "{\"mail\": \"jane.doe@example.com\"}\n").expect("written");
    site.assert_seen().await;
}
