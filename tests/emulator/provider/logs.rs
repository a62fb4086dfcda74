//! What the log says of a sign-in, and what it does not.

use tracing::Level;

use crate::{
    provider::site::{CALLBACK, CLIENT, SECRET, Site, Tokens},
    support::traced::Traced,
};

#[tokio::test]
async fn the_log_tells_who_signs_in_where_and_no_secret() {
    let site = Site::new().await;
    let (traced, _guard) = Traced::begin();
    let browser = site.browser();
    let page = browser.authorize(&[]).await;
    let ticket = page.ticket();
    let chosen = browser.choose(&page, "jane").await;
    let code = chosen.sent_to(CALLBACK)["code"].clone();
    let tokens = Tokens::of(&site.redeem(&code, &[]).await);
    site.redeem("another-canary", &[]).await.assert_refused(400, "invalid_grant");
    site.refresh(&tokens.refresh).await;
    site.userinfo(&tokens.access).await;
    site.userinfo("canary-of-userinfo").await;
    browser.get("/logout", &[("id_token_hint", &tokens.id)]).await;
    browser.get("/logout", &[("id_token_hint", "canary-hint")]).await;
    browser.authorize(&[("redirect_uri", "http://app.localhost/?canary-of-query")]).await;

    assert!(traced.lines(Level::INFO).contains(&format!("demo provider: \"jane\" signs in at {CLIENT:?}")));
    assert!(traced.lines(Level::INFO).iter().any(|line| line.contains("invalid_grant: the code is unknown")));
    let said = traced.all();
    let cookies = chosen.headers.get_all("set-cookie").iter().map(|cookie| cookie.to_str().unwrap());
    let cookies: Vec<&str> = cookies.filter_map(|cookie| cookie.split(['=', ';']).nth(1)).collect();
    assert_eq!(cookies.len(), 1);
    let secrets = [&ticket, &code, &tokens.access, &tokens.refresh, &tokens.id, SECRET, cookies[0]];
    let others = ["another-canary", "canary-of-userinfo", "canary-hint", "jane.doe@example.com", "Jane Doe"];
    for secret in secrets.iter().copied().chain(others) {
        assert!(!said.contains(secret), "{secret} stands in the log");
    }
}
