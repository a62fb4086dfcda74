//! The login page's answer: what it is good for, and what it cannot be used for.

use std::time::Duration;

use crate::provider::site::{CALLBACK, Site};

#[tokio::test]
async fn the_page_offers_every_ready_user() {
    let site = Site::new().await;
    let page = site.browser().authorize(&[]).await;
    for (id, name) in [
        ("jane", "Jane Doe"),
        ("carlos", "Carlos Reyes"),
        ("admin", "Ada Admin"),
        ("nomail", "Nia North"),
        ("guest", "Gil Guest"),
    ] {
        assert!(page.body.contains(&format!("name=\"user\" value=\"{id}\"")), "{id}");
        assert!(page.body.contains(&format!("<bdi>{name}</bdi>")), "{name}");
    }
    assert!(page.body.contains("Development only"));
}

#[tokio::test]
async fn a_hint_puts_the_focus_on_the_user_it_names() {
    let site = Site::new().await;
    let page = site.browser().authorize(&[("login_hint", "ada")]).await;
    assert!(page.body.contains("value=\"admin\" autofocus"), "{}", page.body);
    assert_eq!(page.body.matches("autofocus").count(), 1);
    let page = site.browser().authorize(&[("login_hint", "nobody")]).await;
    assert_eq!(page.body.matches("autofocus").count(), 0);
}

#[tokio::test]
async fn cancel_sends_back_with_access_denied() {
    let site = Site::new().await;
    let browser = site.browser();
    let page = browser.authorize(&[]).await;
    let answer = browser.post("/login", &[("ticket", &page.ticket()), ("cancel", "1")]).await;
    answer.assert_sent_back("access_denied");
    assert_eq!(answer.sent_to(CALLBACK)["state"], "s t/a+te=");
    // And no user is signed in.
    browser.authorize(&[]).await.ticket();
}

#[tokio::test]
async fn a_page_is_answered_once() {
    let site = Site::new().await;
    let browser = site.browser();
    let page = browser.authorize(&[]).await;
    browser.choose(&page, "jane").await.sent_to(CALLBACK);
    browser.choose(&page, "jane").await.assert_page(400, "no longer valid");
    browser.choose(&page, "admin").await.assert_page(400, "no longer valid");
}

#[tokio::test]
async fn a_page_waits_for_15_minutes() {
    let site = Site::new().await;
    let browser = site.browser();
    let (early, late) = (browser.authorize(&[]).await, browser.authorize(&[]).await);
    site.clock.advance(Duration::from_secs(15 * 60 - 1));
    browser.choose(&early, "jane").await.sent_to(CALLBACK);
    site.clock.advance(Duration::from_secs(1));
    browser.choose(&late, "jane").await.assert_page(400, "no longer valid");
}

#[tokio::test]
async fn a_page_is_answered_by_the_browser_that_was_shown_it() {
    let site = Site::new().await;
    let (mine, of_the_victim) = (site.browser(), site.browser());
    let page = mine.authorize(&[]).await;
    // A form on another site would send this: the ticket is sound, the cookie is not.
    of_the_victim.choose(&page, "guest").await.assert_page(400, "no longer valid");
    of_the_victim.authorize(&[]).await.ticket();
    of_the_victim.choose(&page, "guest").await.assert_page(400, "no longer valid");
    // It is still valid after that.
    mine.choose(&page, "jane").await.sent_to(CALLBACK);
}

#[tokio::test]
async fn two_tabs_of_a_browser_do_not_disturb_each_other() {
    let site = Site::new().await;
    let browser = site.browser();
    let (one, two) = (browser.authorize(&[]).await, browser.authorize(&[]).await);
    browser.choose(&two, "jane").await.sent_to(CALLBACK);
    browser.choose(&one, "admin").await.sent_to(CALLBACK);
}

#[tokio::test]
async fn an_answer_that_makes_no_sense_leads_nowhere() {
    let site = Site::new().await;
    let browser = site.browser();
    for (form, says) in [
        (vec![], "no longer valid"),
        (vec![("user", "jane")], "no longer valid"),
        (vec![("ticket", "forged"), ("user", "jane")], "no longer valid"),
        (vec![("ticket", "one"), ("ticket", "two")], "several times"),
    ] {
        browser.authorize(&[]).await.ticket();
        browser.post("/login", &form).await.assert_page(400, says);
    }
    let page = browser.authorize(&[]).await;
    browser.choose(&page, "mallory").await.assert_page(400, "no longer exists");
    browser.authorize(&[]).await.ticket();
}

/// A session that was there before a sign-in is worth nothing after it.
#[tokio::test]
async fn a_sign_in_has_a_session_of_its_own() {
    let site = Site::new().await;
    let browser = site.browser();
    let cookie = |page: &crate::provider::site::Answer| {
        let cookies = page.headers.get_all("set-cookie").iter().map(|value| value.to_str().unwrap().to_owned());
        cookies.filter(|cookie| cookie.starts_with("demo-provider-session")).collect::<Vec<_>>()
    };
    let page = browser.authorize(&[]).await;
    assert!(cookie(&page).is_empty(), "nobody is signed in");
    let first = cookie(&browser.choose(&page, "jane").await);
    let page = browser.authorize(&[("prompt", "login")]).await;
    let second = cookie(&browser.choose(&page, "jane").await);
    assert_eq!((first.len(), second.len()), (1, 1));
    assert_ne!(first, second);
    for cookie in first.iter().chain(&second) {
        assert!(
            cookie.contains("; HttpOnly") && cookie.contains("; SameSite=Lax") && cookie.contains("; Path=/"),
            "{cookie}"
        );
        assert!(!cookie.contains("Secure") && !cookie.contains("Domain"), "plain http, one host: {cookie}");
    }
}
