//! Paths of which a server decodes a part before it resolves dot segments. Found by the fuzz target `paths`.

use crate::site::{Site, status};

const RULES: &str = "
profile: grafana
rules:
  - { path: /admin/*, require: { claim_contains: { roles: admin } } }
  - { path: /public/*, access: optional }
";

/// The URL Standard, and so `new URL(..)` in Node.js, takes `%2e%2e` for a dot segment and leaves `%2f` as it is. RFC 3986
/// section 6.2.2.2 lets a server decode all unreserved characters first.
#[tokio::test]
async fn s_122_a_path_whose_dots_alone_are_decoded_meets_the_rule_of_what_it_becomes() {
    let site = Site::with(RULES).await;
    let line = format!("x-amzn-oidc-data: {}\r\n", site.token());
    for path in [
        "/x%2fy/%2e%2e/admin",
        "/x%2Fy/%2E%2E/admin/users",
        "/x%2fy/.%2e/admin",
        "/x%2fy/%2e%2e/%61dmin",
        "/x%5cy/%2e%2e/admin",
        "/public/x%2fy/%2e%2e/%2e%2e/admin",
    ] {
        assert_eq!(status(&site.get(path, &line).await), 403, "{path}");
    }
    assert_eq!(status(&site.get("/x%2fy/%2e%2e/other", &line).await), 200, "a path without a rule");
}
