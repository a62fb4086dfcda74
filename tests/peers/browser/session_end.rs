//! What a page that is still open sees when its session has ended.

use std::time::Duration;

use serde_json::json;
use tower_alb_auth::{AlbAuthConfig, emulator::EmulatorConfig, test_util::TestClock};

use crate::{
    browser::{
        driver::Browser,
        tour::{sign_in, sign_out},
    },
    start::Tour,
};

/// What a script sees of a redirect to another host: nothing.
const FAILED: &str = "TypeError: Failed to fetch";

/// A script of a page cannot follow a redirect to another host, so it learns nothing under `authenticate`; under `deny` it
/// learns that it must ask its user to sign in.
#[tokio::test]
#[ignore = "peer: chromium and chromedriver"]
async fn a_script_sees_an_error_under_authenticate_and_401_under_deny() {
    let tour = crate::browser::start().await;
    Browser::with(async |browser| {
        sign_in(&browser, &tour, "jane").await;
        // An answer for programs carries no policy that would keep scripts from asking.
        browser.open(&format!("{}api/me", tour.url())).await;
        assert!(browser.text().await.contains("user:default/jane.doe"));
        assert_eq!(browser.fetch("/api/me").await, json!({ "status": 200, "redirected": false }));
        assert_eq!(browser.fetch("/").await, json!({ "status": 200, "redirected": false }));

        browser
            .in_another_tab(async |tab| {
                tab.open(tour.url()).await;
                sign_out(&tab, &tour).await;
            })
            .await;

        assert_eq!(browser.fetch("/api/me").await, json!({ "status": 401, "redirected": false }));
        assert_eq!(browser.fetch("/").await, json!({ "error": FAILED }));
        let complaints = browser.console().await;
        assert!(complaints.iter().any(|line| line.contains("CORS") && line.contains("/authorize")), "{complaints:?}");
    })
    .await;
}

/// A load balancer sends a client whose session has ended to the provider, under `deny` too.
#[tokio::test]
#[ignore = "peer: chromium and chromedriver"]
async fn a_script_sees_an_error_when_the_session_has_timed_out() {
    const TIMEOUT: Duration = Duration::from_secs(3600);
    let clock = TestClock::new();
    let config = EmulatorConfig::on_free_ports().session_timeout(TIMEOUT).clock(clock.clone());
    let tour = Tour::with(config, AlbAuthConfig::builder().clock(clock.clone())).await.expect("a tour");
    Browser::with(async |browser| {
        sign_in(&browser, &tour, "jane").await;
        browser.open(&format!("{}api/me", tour.url())).await;
        clock.advance(TIMEOUT - Duration::from_secs(1));
        assert_eq!(browser.fetch("/api/me").await, json!({ "status": 200, "redirected": false }));
        clock.advance(Duration::from_secs(1));
        assert_eq!(browser.fetch("/api/me").await, json!({ "error": FAILED }));
        assert_eq!(browser.fetch("/").await, json!({ "error": FAILED }));
        // The provider still knows her, so the next page is there without a question.
        browser.open(tour.url()).await;
        browser.arrives_at(tour.url()).await;
        browser.reads("Hello, Jane Doe").await;
    })
    .await;
}
