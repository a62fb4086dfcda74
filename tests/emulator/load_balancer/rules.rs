//! Rules by path: what is asked of whom.

use std::time::Duration;

use tower_alb_auth::emulator::{OnUnauthenticated, Rule, RuleAction};

use crate::load_balancer::site::Site;

async fn site() -> (Site, crate::load_balancer::scripted::Scripted) {
    Site::scripted_with(|config| {
        config
            .session_timeout(Duration::from_secs(100))
            .rule(Rule::new("/public/*", RuleAction::Forward))
            .rule(Rule::new("/maybe/*", RuleAction::Allow))
            .rule(Rule::new("/api/*", RuleAction::Deny))
    })
    .await
}

#[tokio::test]
async fn each_rule_does_what_it_says() {
    let (site, _provider) = site().await;
    let browser = site.browser();
    for (path, status) in
        [("/", 302), ("/public/a", 200), ("/maybe/a", 200), ("/api/a", 401), ("/API/a", 302), ("/publica", 302)]
    {
        let page = browser.get(path).await;
        assert_eq!(page.status, status, "{path}");
        if status == 200 {
            assert_eq!(page.user(), None, "{path}");
        }
    }
    browser.callback("/").await;
    for (path, known) in [("/", true), ("/public/a", false), ("/maybe/a", true), ("/api/a", true)] {
        let page = browser.get(path).await;
        assert_eq!(page.user().is_some(), known, "{path}: {page:?}");
        assert_eq!(page.saw("x-amzn-oidc-data").is_some(), known, "{path}");
    }
    // A session that has ended is sent to the provider, by `deny` too.
    site.clock.advance(Duration::from_secs(100));
    for (path, status) in [("/", 302), ("/public/a", 200), ("/maybe/a", 200), ("/api/a", 302)] {
        assert_eq!(browser.get(path).await.status, status, "{path}");
    }
}

#[tokio::test]
async fn the_first_rule_that_fits_counts_and_the_default_may_be_another() {
    let (site, _provider) = Site::scripted_with(|config| {
        config
            .on_unauthenticated(OnUnauthenticated::Deny)
            .rule(Rule::new("/a/b", RuleAction::Forward))
            .rule(Rule::new("/a/*", RuleAction::Authenticate))
    })
    .await;
    let browser = site.browser();
    for (path, status) in [("/a/b", 200), ("/a/c", 302), ("/", 401)] {
        assert_eq!(browser.get(path).await.status, status, "{path}");
    }
}

/// A load balancer's log has "-" there, which names nothing: the page and the log of the emulator say why.
#[tokio::test]
async fn a_denied_request_finds_its_reason_in_the_log() {
    let (traced, _guard) = crate::support::traced::Traced::begin();
    let (site, _provider) = site().await;
    let page = site.browser().get("/api/a").await;
    assert_eq!(page.status, 401);
    assert!(page.text.contains("<p>alb-emulator: See its log for details.</p>"), "{page:?}");
    let said = traced.all();
    assert!(said.contains("the rule of this path denies requests without one"), "{said}");
}

/// S-03, S-04: whatever a client sends in the load balancer's name never arrives.
#[tokio::test]
async fn s_03_smuggled_headers_are_taken_off_on_every_rule() {
    let (site, _provider) = site().await;
    let browser = site.browser();
    browser.callback("/").await;
    for path in ["/", "/public/a", "/maybe/a", "/api/a"] {
        let request =
            browser.client.get(site.url(path)).header("x-amzn-oidc-data", "forged").header("x-amzn-oidc-data", "twice");
        let request = request.header("x-amzn-oidc-identity", "admin").header("x-amzn-oidc-accesstoken", "forged");
        let request = request
            .header("x_amzn_oidc_data", "forged")
            .header("x-amzn-oidc_identity", "admin")
            .header("x-amzn-oidc-new", "x");
        let page = crate::load_balancer::site::Page::of(request.send().await.expect("an answer")).await;
        let text = page.text.clone();
        assert!(!text.contains("forged") && !text.contains("twice") && !text.contains("admin"), "{path}: {text}");
        assert!(!text.contains("x-amzn-oidc-new"), "{path}: {text}");
    }
}
