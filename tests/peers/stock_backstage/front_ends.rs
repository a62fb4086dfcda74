//! Backstage's own sign-in page in a browser, in both front-end systems, and one written by hand.

use std::time::Duration;

use serde_json::{Value, json};
use tower_alb_auth::emulator::{Rule, RuleAction};

use crate::{
    browser::driver::Browser,
    stock_backstage::{
        site::{SESSION, Site, TOKEN_LIFETIME, Trust},
        stock::eventually,
    },
};

/// How long before a token's end the stock sign-in page asks for the next one.
const MARGIN: Duration = Duration::from_secs(300);

#[tokio::test]
#[ignore = "peer: stock Backstage by .ci/peers, chromium and chromedriver"]
async fn each_front_end_signs_in_and_its_calls_carry_the_token() {
    for front_end in ["old", "new", "handwritten"] {
        let site = Site::start(front_end, Trust::TheLoadBalancer, |emulator| emulator).await;
        Browser::with(async |browser| {
            browser.open(&site.url()).await;
            shows(&browser, "Jane Doe").await;
            assert_eq!(browser.text_of("#email").await, "jane.doe@example.com", "{front_end}");
            assert_eq!(browser.text_of("#entity-ref").await, "user:default/jane.doe", "{front_end}");
            // UserIdentity.fromLegacy of the page written by hand reads the claim `ent`, which is left out by default.
            let owns = if front_end == "handwritten" { "" } else { "user:default/jane.doe" };
            assert_eq!(browser.text_of("#ownership").await, owns, "{front_end}");
            assert_eq!(ask(&browser).await["principal"], jane(), "{front_end}");
            browser.picture(front_end).await;
            assert_eq!(site.asked.refresh(), 1, "{front_end}");
        })
        .await;
    }
}

#[tokio::test]
#[ignore = "peer: stock Backstage by .ci/peers, chromium and chromedriver"]
async fn the_stock_page_asks_for_the_next_token_five_minutes_before_the_end_of_this_one() {
    for front_end in ["old", "new"] {
        let site = Site::start(front_end, Trust::TheLoadBalancer, |emulator| emulator).await;
        Browser::with(async |browser| {
            browser.open(&site.url()).await;
            shows(&browser, "Jane Doe").await;

            pass(&site, &browser, TOKEN_LIFETIME - MARGIN - Duration::from_secs(30)).await;
            assert_eq!(ask(&browser).await["principal"], jane(), "{front_end}");
            assert_eq!(site.asked.refresh(), 1, "{front_end}: not yet");

            pass(&site, &browser, Duration::from_secs(31)).await;
            assert_eq!(ask(&browser).await["principal"], jane(), "{front_end}");
            assert_eq!(site.asked.refresh(), 2, "{front_end}: now");
            assert_eq!(ask(&browser).await["principal"], jane(), "{front_end}");
            assert_eq!(site.asked.refresh(), 2, "{front_end}: the new token is good for as long");
        })
        .await;
    }
}

#[tokio::test]
#[ignore = "peer: stock Backstage by .ci/peers, chromium and chromedriver"]
async fn who_is_refused_sees_an_error_panel_or_is_the_guest_of_the_page_written_by_hand() {
    for front_end in ["old", "new", "handwritten"] {
        let site = Site::start(front_end, Trust::TheLoadBalancer, |emulator| emulator).await;
        site.emulator.demo().expect("the demo provider").auto_sign_in(Some("guest")).expect("a user");
        Browser::with(async |browser| {
            browser.open(&site.url()).await;
            if front_end == "handwritten" {
                shows(&browser, "Guest").await;
                assert_eq!(browser.text_of("#entity-ref").await, "user:default/guest");
                return;
            }
            browser.text_once("body", |text| text.contains("You are not signed in")).await;
            // What a user who asks for help can show.
            browser.click(".MuiAccordionSummary-root").await;
            browser.text_once("body", |text| text.contains("403")).await;
            browser.picture(&format!("{front_end}-refused")).await;
            assert_eq!(browser.run("return document.getElementById('ask')").await, Value::Null, "{front_end}");
            assert_eq!(site.asked.refresh(), 2, "{front_end}: the session, and whether there is one; no reload");
        })
        .await;
    }
}

#[tokio::test]
#[ignore = "peer: stock Backstage by .ci/peers, chromium and chromedriver"]
async fn a_session_that_has_timed_out_costs_one_reload() {
    for front_end in ["old", "new"] {
        let site = Site::start(front_end, Trust::TheLoadBalancer, |emulator| emulator).await;
        Browser::with(async |browser| {
            browser.open(&site.url()).await;
            shows(&browser, "Jane Doe").await;
            // Under `authenticate` the page's script is sent to the provider, on another host: it sees a network error.
            site.clock.advance(SESSION);
            is_reloaded_and_signed_in(&site, &browser).await;
        })
        .await;
    }
}

#[tokio::test]
#[ignore = "peer: stock Backstage by .ci/peers, chromium and chromedriver"]
async fn a_session_that_is_gone_costs_one_reload_under_deny() {
    for front_end in ["old", "new"] {
        let deny = Rule::new("/api/*", RuleAction::Deny);
        let site = Site::start(front_end, Trust::TheLoadBalancer, |emulator| emulator.rule(deny)).await;
        Browser::with(async |browser| {
            browser.open(&site.url()).await;
            shows(&browser, "Jane Doe").await;
            browser.forget_cookies_of_this_host().await;
            assert_eq!(browser.fetch("/api/auth/awsalb/refresh").await, json!({ "status": 401, "redirected": false }));
            is_reloaded_and_signed_in(&site, &browser).await;
        })
        .await;
    }
}

/// A 401 that a reload does not mend: a misconfigured service, for instance.
#[tokio::test]
#[ignore = "peer: stock Backstage by .ci/peers, chromium and chromedriver"]
async fn who_is_not_helped_by_a_reload_is_not_sent_round_again() {
    for front_end in ["old", "new"] {
        let site = Site::start(front_end, Trust::AnotherOne, |emulator| emulator).await;
        Browser::with(async |browser| {
            browser.open(&site.url()).await;
            // Two loads, and each asks twice: for the session, and whether there is one.
            eventually("it is loaded twice", async || site.asked.refresh() == 4).await;
            browser.text_once("body", |text| text.contains("You are not signed in")).await;
            browser.run("window.loaded = true").await;
            // A round trip later it would be under way.
            assert_eq!(browser.fetch("/api/auth/awsalb/refresh").await["status"], 401);
            assert_eq!(browser.run("return window.loaded").await, json!(true), "{front_end}");
            assert_eq!(site.asked.refresh(), 5, "{front_end}");
        })
        .await;
    }
}

/// The stock "Sign out" calls `signOut` of the identity, and would leave the load balancer's session as it is.
#[tokio::test]
#[ignore = "peer: stock Backstage by .ci/peers, chromium and chromedriver"]
async fn the_stock_sign_out_ends_the_load_balancers_session() {
    for front_end in ["old", "new"] {
        let site = Site::start(front_end, Trust::TheLoadBalancer, |emulator| {
            emulator.rule(Rule::new("/api/*", RuleAction::Deny))
        })
        .await;
        Browser::with(async |browser| {
            browser.open(&site.url()).await;
            shows(&browser, "Jane Doe").await;
            let session = json!({ "status": 200, "redirected": false });
            assert_eq!(browser.fetch("/api/auth/awsalb/refresh").await, session, "{front_end}");
            browser.click("#sign-out").await;
            eventually("the session is over", async || {
                browser.fetch("/api/auth/awsalb/refresh").await == json!({ "status": 401, "redirected": false })
            })
            .await;
        })
        .await;
    }
}

fn jane() -> Value {
    json!({ "type": "user", "userEntityRef": "user:default/jane.doe" })
}

/// Waits until the page shows this user.
pub async fn shows(browser: &Browser, name: &str) {
    browser.text_once("#name", |text| text == name).await;
}

/// Has the page ask the back end, and gives what that said.
pub async fn ask(browser: &Browser) -> Value {
    browser.click("#ask").await;
    let said = browser.text_once("#said", |said| said.starts_with(|c: char| c.is_ascii_digit())).await;
    serde_json::from_str(said.strip_prefix("200 ").unwrap_or_else(|| panic!("{said}"))).expect("JSON")
}

/// Lets time pass for the page, the load balancer and the service.
async fn pass(site: &Site, browser: &Browser, time: Duration) {
    site.clock.advance(time);
    let script = "const [Before, shift] = [Date, MILLIS];
        window.Date = class extends Before {
            constructor(...parts) { parts.length ? super(...parts) : super(Before.now() + shift); }
            static now() { return Before.now() + shift; }
        };";
    browser.run(&script.replace("MILLIS", &time.as_millis().to_string())).await;
}

/// A call fails without a session: the page reloads by itself, the provider still knows the user, and calls go well.
async fn is_reloaded_and_signed_in(site: &Site, browser: &Browser) {
    browser.run("window.before = true").await;
    browser.click("#ask").await;
    eventually("the page is another one", async || browser.run("return window.before ?? null").await.is_null()).await;
    shows(browser, "Jane Doe").await;
    assert_eq!(ask(browser).await["principal"], jane());
    assert_eq!(site.asked.refresh(), 2);
}
