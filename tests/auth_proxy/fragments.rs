//! Request targets with a number sign, as a gateway describes them.

use crate::{
    ext_authz::Checks,
    site::{Site, raw, status},
};

const RULES: &str = "
ext_authz_listen: 127.0.0.1:0
forward_auth_by_original_request: true
exempt: [GET /healthz]
rules:
  - { path: /admin/*, require: { claim_contains: { roles: admin } } }
  - { path: /public/*, access: optional }
";

/// nginx passes the target on as the client sent it. A server that does not take `#` for the end of the path resolves
/// `/public/x#/../../admin` to `/admin`.
#[tokio::test]
async fn s_132_a_described_path_with_a_number_sign_has_the_rules_of_no_path() {
    let site = Site::with(RULES).await;
    let token = site.token();
    let mut checks = Checks::at(&site).await;
    for path in ["/public/x#/../../admin", "/public/x#", "/healthz#/../admin", "/other#/../admin", "/public/x?y#z"] {
        let lines = format!("x-forwarded-method: GET\r\nx-forwarded-uri: {path}\r\nx-forwarded-host: a\r\n");
        for (token, code) in [(String::new(), 401), (format!("x-amzn-oidc-data: {token}\r\n"), 403)] {
            let query = format!("GET / HTTP/1.1\r\nhost: auth\r\nconnection: close\r\n{token}{lines}\r\n");
            assert_eq!(status(&raw(site.forward_auth(), query.as_bytes()).await), code, "{path}");
        }
        assert!(!checks.admits("GET", path, &[]).await, "{path} without a token");
        assert!(!checks.admits("GET", path, &[("x-amzn-oidc-data", &token)]).await, "{path} of a user who is no admin");
    }
    assert!(checks.admits("GET", "/public/x?y", &[]).await);
    assert!(checks.admits("GET", "/other?y", &[("x-amzn-oidc-data", &token)]).await);
}
