//! Paths and hosts in spellings that another program reads differently.

use tower_alb_auth::emulator::{OnUnauthenticated, Rule, RuleAction};

use crate::load_balancer::{
    attacks::{get, raw},
    site::Site,
};

/// What an application behind a rule that does not authenticate could take for a path of another rule.
#[tokio::test]
async fn s_73_escapes_that_applications_read_in_more_than_one_way_are_refused() {
    let (site, _provider) =
        Site::scripted_with(|config| config.rule(Rule::new("/public/*", RuleAction::Forward))).await;
    for path in [
        "/public/..%3b/admin",
        "/public/..%3B/admin",
        "/public/%c0%ae%c0%ae/admin",
        "/public/%e0%80%af/admin",
        "/public/%u002e%u002e/admin",
        "/public/%zz",
        "/public/%",
        "/public/%4",
        "/public/a%0d%0aset-cookie:x",
        "/public/a%09b",
        "/public/a%7fb",
        "/public/\u{e4}",
    ] {
        assert_eq!(raw(site.emulator.address(), &get(path)).await, "HTTP/1.1 400 Bad Request", "{path}");
    }
    for path in ["/public/a%20b", "/public/%C3%A4", "/public/%41", "/public/a%3Fb", "/public/a%23b", "/public/a+b~c"] {
        assert_eq!(raw(site.emulator.address(), &get(path)).await, "HTTP/1.1 200 OK", "{path}");
    }
    assert_eq!(site.calls(), 6);
}

/// A rule compares what was sent, an application what it means. Where the two meet different rules, neither counts.
#[tokio::test]
async fn s_73_a_path_in_escapes_does_not_evade_the_rule_of_what_it_means() {
    let (site, _provider) = Site::scripted_with(|config| {
        config
            .on_unauthenticated(OnUnauthenticated::Allow)
            .rule(Rule::new("/admin/*", RuleAction::Deny))
            .rule(Rule::new("/a:b/*", RuleAction::Deny))
    })
    .await;
    let status = async |path: &str| raw(site.emulator.address(), &get(path)).await;
    for path in ["/%61dmin/x", "/admi%6E/x", "/%61%64%6d%69%6e/", "/a%3ab/x", "/%61%3Ab/x"] {
        assert_eq!(status(path).await, "HTTP/1.1 400 Bad Request", "{path}");
    }
    // The rule that was meant, as it was meant.
    assert_eq!(status("/admin/x").await, "HTTP/1.1 401 Unauthorized");
    assert_eq!(status("/admin/%78").await, "HTTP/1.1 401 Unauthorized");
    for path in ["/administrator", "/Admin/x", "/x/%61dmin/", "/%C3%A4"] {
        assert_eq!(status(path).await, "HTTP/1.1 200 OK", "{path}");
    }
}

#[tokio::test]
async fn a_rule_may_be_written_in_escapes() {
    let (site, _provider) = Site::scripted_with(|config| {
        config.rule(Rule::new("/a%20b/*", RuleAction::Forward)).rule(Rule::new("/%c3%a4/*", RuleAction::Forward))
    })
    .await;
    for (path, status) in [
        ("/a%20b/x", "HTTP/1.1 200 OK"),
        ("/%c3%a4/x", "HTTP/1.1 200 OK"),
        // As a listener compares, by letter case; as an application does not.
        ("/%C3%A4/x", "HTTP/1.1 400 Bad Request"),
        ("/b", "HTTP/1.1 302 Found"),
    ] {
        assert_eq!(raw(site.emulator.address(), &get(path)).await, status, "{path}");
    }
}

/// The callback in escapes is none, and no path of the application.
#[tokio::test]
async fn the_callback_in_escapes_reaches_no_target() {
    let (site, _provider) = Site::scripted().await;
    let browser = site.browser();
    browser.callback("/").await;
    for path in ["/oauth2/idp%72esponse", "/%6fauth2/idpresponse", "/oauth2/idpresponse%3Fcode"] {
        let expected = if path.contains("%3F") { 200 } else { 400 };
        assert_eq!(browser.get(path).await.status, expected, "{path}");
    }
}

/// Without rules there is nothing to evade, and applications have such paths.
#[tokio::test]
async fn without_rules_odd_paths_go_to_the_application_as_they_are() {
    let (site, _provider) = Site::scripted().await;
    let browser = site.browser();
    browser.callback("/").await;
    for path in ["/npm/@scope%2Fname", "/a//b", "/a;v=1/b", "/50%25", "/%E4"] {
        let page = browser.get(path).await;
        assert!(page.user().is_some(), "{path}");
        assert_eq!(page.said()["path"], path);
    }
    // And no client without a session gets there.
    assert_eq!(raw(site.emulator.address(), &get("//x/..%2f/..;/y")).await, "HTTP/1.1 302 Found");
}

#[tokio::test]
async fn a_host_is_a_name_and_a_port_and_nothing_else() {
    let (site, _provider) = Site::scripted().await;
    for host in [
        "app.localhost:80x",
        "app.localhost:",
        "app.localhost:99999",
        "app.localhost:1:2",
        "app.localhost:@evil.example",
        "user@app.localhost",
        "app.localhost/",
        "app.localhost?",
        "app.localhost#",
        "app.localhost.",
        "app.localhost%00",
        "[::1",
        "[::1]x",
        "localhost, evil.example",
    ] {
        let request = format!("GET / HTTP/1.1\r\nhost: {host}\r\n\r\n");
        assert_eq!(raw(site.emulator.address(), request.as_bytes()).await, "HTTP/1.1 400 Bad Request", "{host}");
    }
    for host in ["app.localhost", "APP.localhost:80", "[::1]:9000", "127.0.0.1"] {
        let request = format!("GET / HTTP/1.1\r\nhost: {host}\r\n\r\n");
        assert_eq!(raw(site.emulator.address(), request.as_bytes()).await, "HTTP/1.1 302 Found", "{host}");
    }
}

/// The absolute form without a path, and what is no request to a path at all.
#[tokio::test]
async fn odd_forms_of_a_request_line_mean_one_thing() {
    let (site, _provider) = Site::scripted_with(|config| config.rule(Rule::new("/", RuleAction::Forward))).await;
    for (line, status) in [
        ("GET http://app.localhost HTTP/1.1", "HTTP/1.1 200 OK"),
        ("GET http://app.localhost?x=/../admin HTTP/1.1", "HTTP/1.1 200 OK"),
        ("GET http://app.localhost/?x#/admin HTTP/1.1", "HTTP/1.1 200 OK"),
        ("GET /#/../admin HTTP/1.1", "HTTP/1.1 200 OK"),
        ("CONNECT app.localhost:80 HTTP/1.1", "HTTP/1.1 400 Bad Request"),
        ("GET admin HTTP/1.1", "HTTP/1.1 400 Bad Request"),
        ("GET app.localhost:80 HTTP/1.1", "HTTP/1.1 400 Bad Request"),
        ("TRACE / HTTP/1.1", "HTTP/1.1 405 Method Not Allowed"),
    ] {
        let request = format!("{line}\r\nhost: app.localhost\r\n\r\n");
        assert_eq!(raw(site.emulator.address(), request.as_bytes()).await, status, "{line}");
    }
    assert_eq!(site.calls(), 4);
}

/// Over HTTP/2 the address names the host, and a header beside it is not what the target gets.
#[tokio::test]
async fn over_http_2_the_address_names_the_host() {
    let (site, _provider) = Site::scripted_with(|config| config.rule(Rule::new("/*", RuleAction::Forward))).await;
    let port = site.emulator.address().port();
    let client = |name: &str| {
        let client =
            reqwest::Client::builder().http2_prior_knowledge().no_proxy().resolve(name, site.emulator.address());
        client.build().expect("a client")
    };
    let ask = async |name: &str, host: &str| {
        let request = client(name).get(format!("http://{name}:{port}/")).header("host", host);
        crate::load_balancer::site::Page::of(request.send().await.expect("an answer")).await
    };
    assert_eq!(ask("app.localhost", "evil.example").await.saw("host"), Some(format!("app.localhost:{port}")));
    assert_eq!(ask("evil.example", "app.localhost").await.status, 400);
}
