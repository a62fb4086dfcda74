//! Forward auth: 2xx with a good token alone, whatever the gateway copies.

use crate::site::{Site, raw, status};

const RULES: &str = "
headers: { X-Forwarded-User: '{email}', X-Groups: '{groups?}' }
exempt: [GET /healthz]
rules:
  - { path: /admin/*, require: { claim_contains: { roles: admin } } }
  - { path: /public/*, access: optional }
";

async fn ask(site: &Site, method: &str, target: &str, lines: &str) -> String {
    let request = format!("{method} {target} HTTP/1.1\r\nhost: auth\r\nconnection: close\r\n{lines}\r\n");
    raw(site.forward_auth(), request.as_bytes()).await
}

#[tokio::test]
async fn s_98_a_good_token_alone_is_2xx_whatever_method_and_headers_are_copied() {
    let site = Site::with("headers: { X-Forwarded-User: '{email}' }\n").await;
    let good = format!("x-amzn-oidc-data: {}\r\n", site.token());
    let copied = [
        "",
        "content-length: 0\r\n",
        "content-type: application/grpc\r\nte: trailers\r\n",
        "content-type: application/grpc-web\r\n",
        "upgrade: websocket\r\nsec-websocket-key: x\r\n",
        "x-forwarded-method: GET\r\nx-forwarded-uri: /healthz\r\nx-forwarded-host: a\r\n",
        "x-original-uri: /public/x\r\nx-original-method: OPTIONS\r\n",
        "x-forwarded-user: admin\r\nx_forwarded_user: admin\r\n",
        "origin: https://a.example\r\naccess-control-request-method: POST\r\n",
    ];
    for method in ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "PROPFIND", "TRACE"] {
        for target in ["/", "/.alb-auth-proxy/live", "/.alb-auth-proxy/ready", "/healthz", "/public/x", "*"] {
            if target == "*" && method != "OPTIONS" {
                continue;
            }
            for lines in copied {
                let stranger = ask(&site, method, target, lines).await;
                assert_eq!(status(&stranger), 401, "{method} {target} {lines}");
                let user = ask(&site, method, target, &format!("{good}{lines}")).await;
                assert_eq!(status(&user), 200, "{method} {target} {lines}: {user}");
                assert!(user.contains("\r\nx-forwarded-user: jane.doe@example.com\r\n"), "{user}");
                assert!(user.contains("\r\ncache-control: no-store\r\n") && !user.contains("admin"), "{user}");
            }
        }
    }
}

/// Some gateways keep the client's header where the response has none. Caddy 2.6 passes on the text of its placeholder.
#[tokio::test]
async fn s_98_headers_without_a_value_are_empty_in_the_response() {
    let site = Site::with(&format!("forward_auth_by_original_request: true\n{RULES}")).await;
    let lines =
        "x-forwarded-method: GET\r\nx-forwarded-uri: /public/x\r\nx-forwarded-host: a\r\nx-forwarded-user: admin\r\n";
    for (token, user) in [(None, ""), (Some(site.token()), "jane.doe@example.com")] {
        let token = token.map(|token| format!("x-amzn-oidc-data: {token}\r\n")).unwrap_or_default();
        let response = ask(&site, "GET", "/", &format!("{token}{lines}")).await;
        assert_eq!(status(&response), 200);
        for line in [format!("\r\nx-forwarded-user: {user}\r\n"), "\r\nx-groups: \r\n".to_owned()] {
            assert_eq!(response.matches(&line).count(), 1, "{line}: {response}");
        }
    }
}

/// Without the declaration a client could write the headers itself, and choose a path that needs no user.
#[tokio::test]
async fn s_98_the_original_request_counts_only_if_the_gateway_is_declared_to_set_it() {
    let original = |method: &str, uri: &str| {
        format!("x-forwarded-method: {method}\r\nx-forwarded-uri: {uri}\r\nx-forwarded-host: app.example.com\r\n")
    };
    let undeclared = Site::with(RULES).await;
    let jane = format!("x-amzn-oidc-data: {}\r\n", undeclared.token());
    for uri in ["/healthz", "/public/x", "/page"] {
        assert_eq!(status(&ask(&undeclared, "GET", "/", &original("GET", uri)).await), 401, "{uri}");
        let user = ask(&undeclared, "GET", "/", &format!("{jane}{}", original("GET", uri))).await;
        assert_eq!(status(&user), 403, "the path is unknown, so every requirement applies: {uri}");
    }
    let declared = Site::with(&format!("forward_auth_by_original_request: true\n{RULES}")).await;
    let jane = format!("x-amzn-oidc-data: {}\r\n", declared.token());
    for (lines, stranger, user) in [
        (original("GET", "/healthz"), 200, 200),
        (original("GET", "/healthz?x=/admin"), 200, 200),
        (original("POST", "/healthz"), 401, 200),
        (original("GET", "/public/x"), 200, 200),
        (original("GET", "/public/../admin/x"), 401, 403),
        (original("GET", "/public/%2e%2e/admin/x"), 401, 403),
        (original("GET", "/admin/x"), 401, 403),
        (original("GET", "/page"), 401, 200),
        (original("GET", "http://app.example.com/public/x"), 401, 403),
        (original("GET", ""), 401, 403),
        (format!("{}x-forwarded-uri: /public/x\r\n", original("GET", "/page")), 401, 403),
        (format!("{}x-forwarded-host: other\r\n", original("GET", "/public/x")), 401, 403),
        ("x-forwarded-uri: /public/x\r\n".to_owned(), 401, 403),
        ("x-forwarded-method: GET\r\nx-forwarded-uri: /public/x\r\n".to_owned(), 401, 403),
        (original("GET", "/public/x, /page"), 401, 403),
    ] {
        assert_eq!(status(&ask(&declared, "GET", "/", &lines).await), stranger, "{lines}");
        assert_eq!(status(&ask(&declared, "GET", "/", &format!("{jane}{lines}")).await), user, "{lines}");
    }
}
