//! Paths that begin with two slashes, which many readers of URLs take for a host.

use crate::site::{Site, status};

const RULES: &str = "
profile: grafana
rules:
  - { path: /admin/*, require: { claim_contains: { roles: admin } } }
  - { path: /public/*, access: optional }
";

/// The path of `new URL("//x/admin", base)` in Node.js and of Python's `urlsplit("//x/admin")` is `/admin`.
#[tokio::test]
async fn s_131_a_path_that_begins_with_a_host_meets_the_rule_of_what_is_behind_it() {
    let site = Site::with(RULES).await;
    let line = format!("x-amzn-oidc-data: {}\r\n", site.token());
    for path in [
        "//x/admin",
        "//x/admin/users",
        "///x/admin",
        "//x//admin",
        "//x:80/ADMIN",
        "/\\x/admin",
        "/\\x\\admin",
        "/%2fx/admin",
        "//public/admin",
        "//x/%61dmin",
        "//x/y/../admin",
        "/public/..//x/admin",
        "//x;y/admin.json",
    ] {
        assert_eq!(status(&site.get(path, &line).await), 403, "{path}");
        assert_eq!(status(&site.get(path, "").await), 401, "{path} without a token");
    }
    for path in ["//x/other", "//x", "//", "/x//admins"] {
        assert_eq!(status(&site.get(path, &line).await), 200, "{path}");
    }
}
