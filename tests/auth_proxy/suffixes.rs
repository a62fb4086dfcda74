//! Paths that a framework reads as the path of a rule with the name of a format behind it.

use crate::site::{Site, status};

/// Rails routes `/admin.json` as `/admin`, Django REST framework with format suffixes and Spring before 5.3 do likewise.
#[tokio::test]
async fn s_129_a_suffix_for_a_format_does_not_evade_a_requirement() {
    let site = Site::with(
        "profile: grafana\nrules:\n  - { path: /admin.css, access: optional }\n\
         \x20 - { path: /admin/*, require: { claim_contains: { roles: admin } } }\n\
         \x20 - { path: /reports/money, require: { claim_contains: { roles: admin } } }\n  - { path: /*, access: optional }\n",
    )
    .await;
    let line = format!("x-amzn-oidc-data: {}\r\n", site.token());
    for path in [
        "/admin.json",
        "/admin.json/",
        "/ADMIN.Json",
        "/admin.",
        "/admin.tar.gz",
        "/admin%2ejson",
        "/x/../admin.xml",
        "/admin;x.json",
        "/admin.json;x",
        "/reports/money.json",
        "/reports/money.csv?x=y",
        "/admin.css",
    ] {
        assert_eq!(status(&site.get(path, &line).await), 403, "{path}");
        assert_eq!(status(&site.get(path, "").await), 401, "{path} without a token");
    }
    for path in ["/admins.json", "/admin-x.json", "/v1.admin", "/admin.d/x", "/reports.json", "/reports/moneys.json"] {
        assert_eq!(status(&site.get(path, &line).await), 200, "{path}");
    }
}
