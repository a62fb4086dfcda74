//! Rules by path and host, from outside.

use tower_alb_auth::test_util::User;

use crate::site::{Site, status};

const RULES: &str = "
profile: grafana
exempt: [GET /healthz, 'POST /hook']
rules:
  - { path: /admin/*, require: { claim_contains: { roles: admin } } }
  - { path: /own/*, require: { owner_of_any: ['user:default/jane.doe'] } }
  - { path: /public/*, access: optional }
  - { host: open.example.com, access: optional }
";

#[tokio::test]
async fn s_97_a_rule_decides_by_path_host_and_method() {
    let site = Site::with(RULES).await;
    let jane = site.token();
    let admin = site.alb.sign(&User::entra("amy.pond").claim("roles", ["admin"]));
    let forged = format!("{jane}x");
    let expired = site.alb.token(&User::jane()).expires_at(site.alb.unix_now() - 600).sign();
    for (method, path, host, token, code, reaches) in [
        ("GET", "/healthz", "a", None, 200, true),
        ("HEAD", "/healthz", "a", None, 401, false),
        ("POST", "/hook", "a", None, 200, true),
        ("GET", "/hook", "a", None, 401, false),
        ("GET", "/healthz/", "a", None, 401, false),
        ("GET", "/public/x", "a", None, 200, true),
        ("GET", "/public/x", "a", Some(&jane), 200, true),
        ("GET", "/public/x", "a", Some(&forged), 401, false),
        ("GET", "/public/x", "a", Some(&expired), 401, false),
        ("GET", "/public/../admin", "a", None, 401, false),
        ("GET", "/public/..%2fadmin", "a", Some(&jane), 403, false),
        ("GET", "/public/%2e%2e/admin", "a", Some(&jane), 403, false),
        ("GET", "//admin/x", "a", Some(&jane), 403, false),
        ("GET", "/ADMIN/x", "a", Some(&jane), 403, false),
        ("GET", "/admin", "a", Some(&jane), 403, false),
        ("GET", "/admin;v=1/x", "a", Some(&jane), 403, false),
        ("GET", "/admin/x", "a", Some(&admin), 200, true),
        ("GET", "/admin/x", "a", None, 401, false),
        ("GET", "/own/x", "a", Some(&jane), 200, true),
        ("GET", "/own/x", "a", Some(&admin), 403, false),
        ("GET", "/", "open.example.com", None, 200, true),
        ("GET", "/", "OPEN.example.com:443", None, 200, true),
        ("GET", "/admin/x", "open.example.com", None, 401, false),
        ("GET", "/", "open.example.com.evil", None, 401, false),
        ("GET", "/", "a", Some(&jane), 200, true),
        ("GET", "/", "a", None, 401, false),
        ("OPTIONS", "/", "a", None, 401, false),
        ("TRACE", "/", "a", Some(&jane), 405, false),
    ] {
        let line = token.map(|token| format!("x-amzn-oidc-data: {token}\r\n")).unwrap_or_default();
        let length = if method == "POST" { "content-length: 0\r\n" } else { "" };
        let request = format!("{method} {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n{length}{line}\r\n");
        let response = site.raw(&request).await;
        let case = format!("{method} {host}{path} {}", token.is_some());
        assert_eq!((status(&response), site.log.take().len() == 1), (code, reaches), "{case}: {response}");
    }
}

/// A framework that takes another method or path than that of the request line would pass a rule by.
#[tokio::test]
async fn s_97_headers_that_replace_path_or_method_do_not_pass_a_rule_by() {
    let site = Site::with(RULES).await;
    let lines = "x-http-method-override: DELETE\r\nx-method-override: PUT\r\nx-original-url: /admin/x\r\nx-rewrite-url: /admin\r\n";
    assert_eq!(status(&site.get("/public/x", lines).await), 200);
    let seen = site.log.only();
    let names: Vec<&str> = seen
        .headers
        .keys()
        .map(|name| name.as_str())
        .filter(|name| name.contains("method") || name.contains("-ur"))
        .collect();
    assert_eq!(names, Vec::<&str>::new());
    let lines = format!("x-http-method-override: PUT\r\nx-amzn-oidc-data: {}\r\n", site.token());
    assert_eq!(status(&site.get("/x", &lines).await), 200);
    assert_eq!(site.log.only().headers["x-http-method-override"], "PUT", "of a user");
}

#[tokio::test]
async fn health_has_paths_of_its_own_and_only_on_the_port_of_the_service() {
    let site = Site::with("").await;
    for path in ["/.alb-auth-proxy/live", "/.alb-auth-proxy/ready"] {
        assert_eq!(status(&site.get(path, "").await), 200, "{path}");
        let request = format!("GET {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
        let admin = site.proxy.addresses().admin.expect("an address");
        assert_eq!(status(&crate::site::raw(admin, request.as_bytes()).await), 200, "{path}");
        let of_gateway = crate::site::raw(site.forward_auth(), request.as_bytes()).await;
        assert_eq!(status(&of_gateway), 401, "a gateway takes 200 for an admission: {path}");
    }
    site.proxy.report_not_ready();
    assert_eq!(status(&site.get("/.alb-auth-proxy/ready", "").await), 503);
    assert_eq!(status(&site.get("/.alb-auth-proxy/live", "").await), 200);
    assert_eq!(site.log.take().len(), 0);
}
