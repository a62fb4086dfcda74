//! Back from the provider: what is refused, with which status, and that nothing reaches the target.

use std::time::Duration;

use serde_json::json;

use crate::load_balancer::{
    scripted::{SUBJECT, Script},
    site::{Site, query},
};

#[tokio::test]
async fn what_is_wrong_with_state_or_cookie_is_401_before_the_code_is_spent() {
    let (site, provider) = Site::scripted().await;
    let browser = site.browser();
    let sent_off = browser.get("/wanted").await;
    let state = query(sent_off.location(), "state");
    let flipped = |at: usize| {
        let mut bytes = state.clone().into_bytes();
        bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
        String::from_utf8(bytes).expect("ASCII")
    };
    let other = query(site.browser().get("/").await.location(), "state");
    for (case, query) in [
        ("nothing", String::new()),
        ("no state", "code=code-1".to_owned()),
        ("an empty state", "code=code-1&state=".to_owned()),
        ("two states", format!("code=code-1&state={state}&state={state}")),
        ("no code", format!("state={other}")),
        ("changed at its beginning", format!("code=code-1&state={}", flipped(0))),
        ("changed in its middle", format!("code=code-1&state={}", flipped(state.len() / 2))),
        ("cut", format!("code=code-1&state={}", &state[..state.len() - 8])),
        ("not base64", "code=code-1&state=%00%ff".to_owned()),
        ("of another browser", format!("code=code-1&state={other}")),
    ] {
        let page = browser.get(&format!("/oauth2/idpresponse?{query}")).await;
        assert_eq!(page.status, 401, "{case}: {page:?}");
        assert_eq!(page.cookies().len(), 0, "{case}");
    }
    // A browser without the nonce cookie.
    let page = site.browser().get(&format!("/oauth2/idpresponse?code=code-1&state={state}")).await;
    assert_eq!(page.status, 401);
    assert_eq!(provider.asked().len(), 0, "no code was spent");

    // And the right one, once.
    let right = format!("/oauth2/idpresponse?code=code-1&state={state}");
    let page = browser.get(&right).await;
    assert_eq!((page.status, page.location().to_owned()), (302, site.url("/wanted")));
    assert_eq!(provider.asked().len(), 1);
    assert_eq!(site.calls(), 0, "the callback never reaches the target");
}

#[tokio::test]
async fn a_state_is_good_once_and_for_fifteen_minutes() {
    let (site, provider) = Site::scripted().await;
    let browser = site.browser();
    let sent_off = browser.get("/").await;
    let nonce = sent_off.cookies()[0].split(';').next().expect("a cookie").to_owned();
    let path = format!("/oauth2/idpresponse?code=code-1&state={}", query(sent_off.location(), "state"));
    let with_nonce = |path: String| {
        let request = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy();
        let client = request.resolve("app.localhost", site.emulator.address()).build().expect("a client");
        client.get(site.url(&path)).header("cookie", &nonce).send()
    };
    assert_eq!(with_nonce(path.clone()).await.expect("an answer").status(), 302);
    // Replayed with its nonce cookie, as an attacker who reads a browser's history and cookies could.
    assert_eq!(with_nonce(path).await.expect("an answer").status(), 401);
    assert_eq!(provider.asked().len(), 1);

    for (minutes, status) in [(15, 302), (16, 401)] {
        let browser = site.browser();
        let sent_off = browser.get("/").await;
        site.clock.advance(Duration::from_secs(minutes * 60));
        provider.change(|script| script.id_token["exp"] = json!(site.unix_now() + 600));
        let path = format!("/oauth2/idpresponse?code=code-1&state={}", query(sent_off.location(), "state"));
        assert_eq!(browser.get(&path).await.status, status, "after {minutes} minutes");
    }
}

#[tokio::test]
async fn a_provider_that_sends_an_error_is_561() {
    let (site, provider) = Site::scripted().await;
    let browser = site.browser();
    let sent_off = browser.get("/").await;
    let state = query(sent_off.location(), "state");
    let page = browser.get(&format!("/oauth2/idpresponse?error=access_denied&error_description=x&state={state}")).await;
    assert_eq!(page.status, 561);
    assert_eq!(provider.asked().len(), 0);
    // A user who canceled has a way on that is not a reload of this address.
    assert!(page.text.contains("See its log for details. <a href=\"/\">Sign in again</a>"), "{page:?}");
    assert_eq!(browser.get("/").await.status, 302);
}

type Change = fn(&mut Script);

#[tokio::test]
async fn what_the_provider_answers_decides_the_status() {
    let cases: [(&str, u16, Change); 22] = [
        ("all is well", 302, |_| {}),
        ("the code is refused", 561, |script| {
            (script.token_status, script.token) = (400, json!({ "error": "invalid_grant" }));
        }),
        ("the client is refused", 561, |script| {
            (script.token_status, script.token) = (401, json!({ "error": "invalid_client" }));
        }),
        ("the token endpoint fails", 561, |script| script.token_status = 500),
        ("no access token", 561, |script| script.token = json!({ "token_type": "Bearer" })),
        ("a list", 561, |script| script.token = json!([])),
        ("no ID token", 401, |script| script.id_token = json!(null)),
        ("an ID token of another issuer", 401, |script| script.id_token["iss"] = json!("https://evil.example")),
        ("for another client", 401, |script| script.id_token["aud"] = json!("another")),
        ("for several clients, and nobody says which", 401, |script| {
            script.id_token["aud"] = json!(["alb-emulator", "another"]);
        }),
        ("for several clients, and this one is meant", 302, |script| {
            script.id_token["aud"] = json!(["alb-emulator", "another"]);
            script.id_token["azp"] = json!("alb-emulator");
        }),
        ("authorized for another", 401, |script| script.id_token["azp"] = json!("another")),
        ("expired", 401, |script| script.id_token["exp"] = json!(1)),
        ("without exp", 401, |script| script.id_token["exp"] = json!(null)),
        ("signed by a stranger", 401, |script| script.foreign_key = true),
        ("alg none", 401, |script| script.id_token_header["alg"] = json!("none")),
        ("alg HS256", 401, |script| script.id_token_header["alg"] = json!("HS256")),
        ("a key that is not there", 401, |script| script.id_token_header["kid"] = json!("k2")),
        ("userinfo refuses", 561, |script| script.userinfo_status = 401),
        ("userinfo is no object", 561, |script| script.userinfo = json!([1])),
        ("userinfo without sub", 561, |script| script.userinfo = json!({ "email": "jane@example.com" })),
        ("userinfo of another user", 561, |script| script.userinfo["sub"] = json!("subject-2")),
    ];
    let (site, provider) = Site::scripted().await;
    let sound = {
        let mut sound = None;
        provider.change(|script| sound = Some(script.clone()));
        sound.expect("a script")
    };
    for (case, status, change) in cases {
        provider.change(|script| {
            *script = sound.clone();
            change(script);
        });
        let page = site.browser().callback("/").await;
        assert_eq!(page.status, status, "{case}: {page:?}");
        let signed_in = page
            .cookies()
            .iter()
            .any(|cookie| cookie.starts_with("AWSELBAuthSessionCookie-0=") && !cookie.contains("-0=;"));
        assert_eq!(signed_in, status == 302, "{case}");
    }
    assert_eq!(site.calls(), 0);
    assert_eq!(SUBJECT, sound.userinfo["sub"]);
}

#[tokio::test]
async fn a_provider_that_is_out_of_reach_or_slow_is_500() {
    let (site, provider) = Site::scripted().await;
    for path in ["/token", "/userinfo"] {
        provider.change(|script| script.silent = Some(path));
        let began = std::time::Instant::now();
        let page = site.browser().callback("/").await;
        assert_eq!(page.status, 500, "{path}: {page:?}");
        assert!(began.elapsed() > Duration::from_secs(4), "{path}");
    }
    let down = Site::with(|config| {
        let mut endpoints = provider.endpoints();
        endpoints.token = "http://127.0.0.1:1/token".to_owned();
        config
            .provider(tower_alb_auth::emulator::IdentityProvider::endpoints(endpoints))
            .client("alb-emulator", "secret")
    })
    .await;
    assert_eq!(down.browser().callback("/").await.status, 500);
}

/// The last second in which a state is good is one in which it is remembered.
#[tokio::test]
async fn a_state_is_no_good_again_in_its_last_second() {
    let (site, provider) = Site::scripted().await;
    let browser = site.browser();
    let sent_off = browser.get("/").await;
    let nonce = sent_off.cookies()[0].split(';').next().expect("a cookie").to_owned();
    let path = format!("/oauth2/idpresponse?code=code-1&state={}", query(sent_off.location(), "state"));
    let again = || async {
        let answer = browser.client.get(site.url(&path)).header("cookie", &nonce).send().await;
        answer.expect("an answer").status().as_u16()
    };
    assert_eq!(again().await, 302);
    for seconds in [900, 1] {
        site.clock.advance(Duration::from_secs(seconds));
        assert_eq!(again().await, 401);
    }
    assert_eq!(provider.asked().len(), 1);
}

/// What stands there twice, or under a name written in another way, is not left out.
#[tokio::test]
async fn parameters_that_are_hidden_or_doubled_do_not_sign_in() {
    let (site, provider) = Site::scripted().await;
    for (case, status, parameters) in [
        ("two errors", 561, "error=access_denied&error=access_denied&code=code-1"),
        ("an error in escapes", 561, "%65rror=access_denied&code=code-1"),
        ("an error before a code", 561, "error=access_denied&code=code-1"),
        ("two codes", 401, "code=code-1&code=code-2"),
        ("a code and one in escapes", 401, "code=code-1&c%6fde=code-2"),
        ("a code that is no text", 401, "code=%ff"),
    ] {
        let browser = site.browser();
        let sent_off = browser.get("/").await;
        let state = query(sent_off.location(), "state");
        let page = browser.get(&format!("/oauth2/idpresponse?{parameters}&state={state}")).await;
        assert_eq!(page.status, status, "{case}: {page:?}");
        assert_eq!(page.cookies().len(), 0, "{case}");
    }
    let browser = site.browser();
    let state = query(browser.get("/").await.location(), "state");
    let page = browser.get(&format!("/oauth2/idpresponse?code=code-1&state={state}&st%61te={state}")).await;
    assert_eq!(page.status, 401, "{page:?}");
    assert_eq!(provider.asked().len(), 0, "no code was spent");
}

/// Programs ask for addresses that no browser would write.
#[tokio::test]
async fn a_query_that_is_not_ascii_is_come_back_to() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    let (site, _provider) = Site::scripted().await;
    let mut stream = tokio::net::TcpStream::connect(site.emulator.address()).await.expect("a connection");
    let host = site.emulator.url().trim_start_matches("http://");
    let request = format!("GET /a?q=\u{e4}&r=%C3%A4 HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.expect("written");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("an answer");
    let after =
        |start: &str| answer.split(start).nth(1).and_then(|rest| rest.split(['\r', ';', '&']).next()).expect("it");
    let (state, nonce) = (after("&state="), after("AWSALBAuthNonce="));
    let url = site.url(&format!("/oauth2/idpresponse?code=code-1&state={state}"));
    let back = site.browser().client.get(url).header("cookie", format!("AWSALBAuthNonce={nonce}"));
    let page = crate::load_balancer::site::Page::of(back.send().await.expect("an answer")).await;
    assert_eq!((page.status, page.location().to_owned()), (302, site.url("/a?q=%C3%A4&r=%C3%A4")));
}

#[tokio::test]
async fn of_many_that_come_back_with_one_state_at_once_one_signs_in() {
    let (site, provider) = Site::scripted().await;
    let browser = site.browser();
    let sent_off = browser.get("/").await;
    let nonce = sent_off.cookies()[0].split(';').next().expect("a cookie").to_owned();
    let url = site.url(&format!("/oauth2/idpresponse?code=code-1&state={}", query(sent_off.location(), "state")));
    let ask = || async {
        browser.client.get(&url).header("cookie", &nonce).send().await.expect("an answer").status().as_u16()
    };
    let statuses = futures::future::join_all((0..16).map(|_| ask())).await;
    assert_eq!(statuses.iter().filter(|status| **status == 302).count(), 1, "{statuses:?}");
    assert!(statuses.iter().all(|status| matches!(status, 302 | 401)), "{statuses:?}");
    assert_eq!(provider.asked().len(), 1);
}
