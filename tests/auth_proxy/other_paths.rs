//! Headers by which a service takes another path or method than that of the request line.

use crate::site::{Site, status};

const RULES: &str = "
rules:
  - { path: /admin/*, require: { claim_contains: { roles: admin } } }
  - { path: /public/*, access: optional }
";

/// gunicorn cuts the value of a header `SCRIPT_NAME` off the path if the client is on the same machine, as this proxy is:
/// `/public/admin` is then `/admin` to the application. CGI and WSGI fold `X_Original_URL` and `X-Original-URL` together.
#[tokio::test]
async fn s_97_no_spelling_of_a_header_replaces_the_path_or_the_method() {
    let site = Site::with(RULES).await;
    let token = format!("x-amzn-oidc-data: {}\r\n", site.token());
    let paths = [
        "script_name: /public",
        "SCRIPT-NAME: /public",
        "path_info: /admin",
        "x-script-name: /public",
        "x_script_name: /public",
        "x_original_url: /admin/x",
        "X_Original-URI: /admin/x",
        "x.rewrite.url: /admin/x",
        "x_forwarded_uri: /admin/x",
        "x_forwarded_path: /admin/x",
        "x_forwarded_prefix: /public",
        "x-envoy-original-path: /admin/x",
        "x-replaced-path: /admin/x",
    ];
    let methods = [
        "x_http_method_override: DELETE",
        "x_method_override: DELETE",
        "x.http.method: DELETE",
        "x_forwarded_method: DELETE",
    ];
    for (lines, path, user) in
        [(&paths[..], "/public/admin/x", ""), (&paths[..], "/other/admin/x", &token), (&methods[..], "/public/x", "")]
    {
        for line in lines {
            let response = site.get(path, &format!("{line}\r\n{user}x-other: kept\r\n")).await;
            assert_eq!(status(&response), 200, "{line}: {response}");
            let seen = site.log.only();
            let (name, _) = line.split_once(':').expect("a header line");
            assert!(!seen.headers.contains_key(name), "{line} reaches the service at {path}");
            assert_eq!(seen.headers["x-other"], "kept");
        }
    }
}

/// The host that a service reads is the one that the rules were applied to.
#[tokio::test]
async fn s_97_no_spelling_of_a_header_replaces_the_host() {
    let site = Site::with(RULES).await;
    for name in ["x_forwarded_host", "x-forwarded_host", "x.forwarded.host"] {
        let response = site.get("/public/x", &format!("{name}: evil.example.org\r\n")).await;
        assert_eq!(status(&response), 200, "{name}: {response}");
        let seen = site.log.only();
        assert!(!seen.headers.values().any(|value| value == "evil.example.org"), "{name} reaches the service");
        assert_eq!(seen.headers["x-forwarded-host"], "app.example.com");
    }
}
