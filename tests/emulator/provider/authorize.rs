//! The authorization endpoint: who gets a login page, who does not, and where no browser is sent.

use std::time::Duration;

use crate::provider::site::{CALLBACK, CHALLENGE, CLIENT, OTHER, OTHER_CALLBACK, Site};

#[tokio::test]
async fn a_user_who_is_chosen_goes_back_with_a_code_and_the_state() {
    let site = Site::new().await;
    let browser = site.browser();
    let page = browser.authorize(&[]).await;
    let sent = browser.choose(&page, "jane").await.sent_to(CALLBACK);
    assert_eq!(sent["state"], "s t/a+te=");
    assert!(sent["code"].len() >= 43, "{sent:?}");
    assert_eq!(sent.len(), 2, "{sent:?}");
}

#[tokio::test]
async fn a_redirect_uri_with_a_query_keeps_it() {
    let site = Site::new().await;
    let browser = site.browser();
    let page = browser.authorize(&[("client_id", OTHER), ("redirect_uri", OTHER_CALLBACK)]).await;
    let sent = browser.choose(&page, "jane").await.sent_to("http://other.localhost:9000/callback");
    assert_eq!((sent["kept"].as_str(), sent["state"].as_str()), ("yes", "s t/a+te="));
}

#[tokio::test]
async fn an_answer_goes_to_registered_addresses_alone() {
    let site = Site::new().await;
    for (case, uri) in [
        ("another host", "https://evil.example/oauth2/idpresponse"),
        ("another port", "http://app.localhost:9001/oauth2/idpresponse"),
        ("another scheme", "https://app.localhost:9000/oauth2/idpresponse"),
        ("another path", "http://app.localhost:9000/oauth2/idpresponse/.."),
        ("a query", "http://app.localhost:9000/oauth2/idpresponse?next=https://evil.example"),
        ("a fragment", "http://app.localhost:9000/oauth2/idpresponse#x"),
        ("a user", "http://app.localhost:9000@evil.example/oauth2/idpresponse"),
        ("letter case", "http://APP.localhost:9000/oauth2/idpresponse"),
        ("encoded", "http://app.localhost:9000/oauth2%2fidpresponse"),
        ("a longer one", "http://app.localhost:9000/oauth2/idpresponse "),
        ("a shorter one", "http://app.localhost:9000/oauth2"),
        ("of another client", OTHER_CALLBACK),
        ("script", "javascript:alert(1)"),
        ("none", ""),
    ] {
        for more in [vec![], vec![("response_type", "nonsense")], vec![("prompt", "none")]] {
            let query = [more, vec![("redirect_uri", uri)]].concat();
            let answer = site.browser().authorize(&query).await;
            assert_eq!(answer.status.as_u16(), 400, "{case}");
            answer.assert_page(400, "redirect");
        }
    }
    site.browser().authorize(&[("client_id", "nobody")]).await.assert_page(400, "There is no client");
    site.browser().authorize(&[("client_id", "")]).await.assert_page(400, "no client_id");
}

#[tokio::test]
async fn a_mistake_of_the_client_is_reported_to_the_client() {
    let site = Site::new().await;
    for (more, error) in [
        (vec![("response_type", "")], "invalid_request"),
        (vec![("response_type", "token")], "unsupported_response_type"),
        (vec![("response_type", "code id_token")], "unsupported_response_type"),
        (vec![("response_mode", "fragment")], "invalid_request"),
        (vec![("request", "e30.e30.")], "request_not_supported"),
        (vec![("request_uri", "http://evil.example/")], "request_uri_not_supported"),
        (vec![("code_challenge", CHALLENGE)], "invalid_request"),
        (vec![("code_challenge", CHALLENGE), ("code_challenge_method", "plain")], "invalid_request"),
        (vec![("code_challenge_method", "S256")], "invalid_request"),
        (vec![("code_challenge", "short"), ("code_challenge_method", "S256")], "invalid_request"),
        (vec![("prompt", "none login")], "invalid_request"),
        (vec![("max_age", "soon")], "invalid_request"),
        (vec![("scope", "openid"), ("scope", "email")], "invalid_request"),
        (vec![("prompt", "none")], "login_required"),
    ] {
        let answer = site.browser().authorize(&more).await;
        answer.assert_sent_back(error);
        assert_eq!(answer.sent_to(CALLBACK)["state"], "s t/a+te=", "{more:?}");
    }
}

#[tokio::test]
async fn parameters_that_come_twice_are_never_answered_elsewhere() {
    let site = Site::new().await;
    for name in ["client_id", "redirect_uri", "state"] {
        let value = match name {
            "client_id" => CLIENT,
            _ => CALLBACK,
        };
        let answer = site.browser().authorize(&[(name, value), (name, value)]).await;
        answer.assert_page(400, &format!("{name} is given several times"));
    }
}

#[tokio::test]
async fn a_request_that_is_too_long_is_refused() {
    let site = Site::new().await;
    let state = "x".repeat(16 * 1024);
    site.browser().authorize(&[("state", &state)]).await.assert_page(400, "longer than");
    site.browser().authorize(&[("state", &state[..12 * 1024])]).await.ticket();
}

#[tokio::test]
async fn a_request_by_post_is_answered_too() {
    let site = Site::new().await;
    let browser = site.browser();
    let form = [
        ("client_id", CLIENT),
        ("redirect_uri", CALLBACK),
        ("response_type", "code"),
        ("scope", "openid"),
        ("prompt", "none"),
    ];
    let answer = browser.post("/authorize", &form).await;
    // 303, so that the browser goes on by GET.
    assert_eq!(answer.status.as_u16(), 303);
    answer.assert_sent_back("login_required");
    browser.post("/authorize", &form[..4]).await.ticket();
}

#[tokio::test]
async fn a_user_who_is_signed_in_sees_no_login_page() {
    let site = Site::new().await;
    let browser = site.browser();
    let page = browser.authorize(&[]).await;
    browser.choose(&page, "jane").await.sent_to(CALLBACK);

    for (case, more) in [
        ("nothing said", vec![]),
        ("no page wanted", vec![("prompt", "none")]),
        ("consent, of which there is none", vec![("prompt", "consent")]),
        ("her id", vec![("login_hint", "jane")]),
        ("her address, in another case", vec![("login_hint", "Jane.Doe@Example.com")]),
        ("young enough", vec![("max_age", "60")]),
    ] {
        let sent = browser.authorize(&more).await.sent_to(CALLBACK);
        assert!(sent.contains_key("code"), "{case}: {sent:?}");
    }
    // Another application too.
    let other = browser.authorize(&[("client_id", OTHER), ("redirect_uri", OTHER_CALLBACK)]).await;
    assert!(other.sent_to(OTHER_CALLBACK).contains_key("code"));
    // Another browser not.
    site.browser().authorize(&[]).await.ticket();
}

#[tokio::test]
async fn a_user_who_does_not_fit_the_request_sees_the_login_page() {
    let site = Site::new().await;
    let browser = site.browser();
    let page = browser.authorize(&[]).await;
    browser.choose(&page, "jane").await.sent_to(CALLBACK);
    site.clock.advance(Duration::from_secs(61));

    for (case, more) in [
        ("a fresh sign-in", ("prompt", "login")),
        ("a choice", ("prompt", "select_account")),
        ("somebody else", ("login_hint", "admin")),
        ("too old", ("max_age", "60")),
    ] {
        let page = browser.authorize(&[more]).await;
        assert_eq!(page.status.as_u16(), 200, "{case}");
        page.ticket();
        let silent = browser.authorize(&[more, ("prompt", "none")]).await;
        if more.0 != "prompt" {
            silent.assert_sent_back("login_required");
        }
    }
    // Half a day later no user is signed in.
    site.clock.advance(Duration::from_secs(12 * 60 * 60));
    browser.authorize(&[]).await.ticket();
}
