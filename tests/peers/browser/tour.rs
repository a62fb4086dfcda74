//! Sign in, open the pages, sign out, and sign in as another user.

use crate::{browser::driver::Browser, start::Tour};

/// The button of a user on the login page.
fn button(user: &str) -> String {
    format!("button[name=user][value={user}]")
}

/// Opens the tour, and chooses a user at the provider.
pub async fn sign_in(browser: &Browser, tour: &Tour, user: &str) {
    browser.open(tour.url()).await;
    browser.reads("Who signs in?").await;
    assert!(browser.url().await.starts_with(&format!("{}/authorize?", tour.provider())), "{}", browser.url().await);
    browser.click(&button(user)).await;
    browser.arrives_at(tour.url()).await;
}

pub async fn sign_out(browser: &Browser, tour: &Tour) {
    browser.click("#sign-out").await;
    browser.arrives_at(&format!("{}goodbye", tour.url())).await;
    browser.reads("You are signed out").await;
}

#[tokio::test]
#[ignore = "peer: chromium and chromedriver"]
async fn a_user_signs_in_looks_around_and_comes_back_as_another() {
    let tour = crate::browser::start().await;
    Browser::with(async |browser| {
        sign_in(&browser, &tour, "jane").await;
        browser.picture("profile").await;
        browser.reads("Hello, Jane Doe").await;
        let page = browser.text().await;
        for part in ["user:default/jane.doe", "jane.doe@example.com", "given_name", tour.provider()] {
            assert!(page.contains(part), "{part} is not in: {page}");
        }
        // Nothing so far that a developer would find in the console.
        assert_eq!(browser.console().await, [""; 0]);

        browser.click("nav a[href='/admin']").await;
        browser.reads("This page is not for you").await;
        browser.picture("not-for-you").await;

        sign_out(&browser, &tour).await;
        browser.picture("goodbye").await;
        browser.click("a[href='/']").await;
        browser.reads("Who signs in?").await;
        browser.click(&button("admin")).await;
        browser.arrives_at(tour.url()).await;
        browser.reads("Hello, Ada Admin").await;
        assert!(browser.text().await.contains("group:default/platform-admins"));
        browser.click("nav a[href='/admin']").await;
        browser.arrives_at(&format!("{}admin", tour.url())).await;
        assert!(browser.text().await.contains("You may administrate"));
        sign_out(&browser, &tour).await;

        // The browser itself reports the 403, and nothing else.
        let complaints = browser.console().await;
        assert!(complaints.iter().all(|line| line.contains("/admin") && line.contains("403")), "{complaints:?}");
    })
    .await;
}

#[tokio::test]
#[ignore = "peer: chromium and chromedriver"]
async fn a_rejected_user_can_sign_out_and_sign_in_as_another() {
    let tour = crate::browser::start().await;
    Browser::with(async |browser| {
        sign_in(&browser, &tour, "guest").await;
        browser.reads("You have no access").await;
        assert!(!browser.text().await.contains("guest@partner.example"));
        sign_out(&browser, &tour).await;

        sign_in(&browser, &tour, "nomail").await;
        browser.reads("Hello, Nia North").await;
        assert!(browser.text().await.contains("user:by-subject/h_"));
    })
    .await;
}

#[tokio::test]
#[ignore = "peer: chromium and chromedriver"]
async fn a_user_who_is_signed_in_at_the_provider_sees_no_login_page() {
    let tour = crate::browser::start().await;
    Browser::with(async |browser| {
        sign_in(&browser, &tour, "carlos").await;
        // The load balancer's session alone is gone, as when it times out.
        browser.forget_cookies_of_this_host().await;
        browser.open(tour.url()).await;
        browser.arrives_at(tour.url()).await;
        browser.reads("Hello, Carlos Reyes").await;
    })
    .await;
}
