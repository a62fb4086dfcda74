//! Paths that a service reads as another path than the one that is written.

use crate::site::{Site, status};

const RULES: &str = "
profile: grafana
rules:
  - { path: /admin/*, require: { claim_contains: { roles: admin } } }
  - { path: /public/*, access: optional }
";

/// The URL Standard, and so `new URL(..)` in Node.js, takes `%2e%2e` for a dot segment and leaves `%2f` as it is. RFC 3986
/// section 6.2.2.2 lets a server decode all unreserved characters first. Found by the fuzz target `paths`.
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

/// http.sys of Windows, and so IIS, reads `%u0061` as `a` unless it is told otherwise.
#[tokio::test]
async fn s_223_a_path_with_units_of_utf_16_meets_the_rule_of_what_they_stand_for() {
    let site = Site::with(RULES).await;
    let line = format!("x-amzn-oidc-data: {}\r\n", site.token());
    for path in [
        "/%u0061dmin",
        "/%U0061dmin/users",
        "/%u0041DMIN",
        "/x/%u002e%u002e/admin",
        "/public/..%u002fadmin",
        "/%25u0061dmin",
        "/x%u005c..%u005cadmin",
    ] {
        assert_eq!(status(&site.get(path, &line).await), 403, "{path}");
        assert_eq!(status(&site.get(path, "").await), 401, "{path} without a token");
    }
    for path in ["/%u0062dmin", "/%u", "/%u00", "/%ud800dmin", "/%uzzzz"] {
        assert_eq!(status(&site.get(path, &line).await), 200, "{path}");
    }
}

/// `new URL(decodeURIComponent("/ad%09min"), base)` of Node.js has the path `/admin`, and so has `urlsplit(unquote(..))` of Python.
#[tokio::test]
async fn s_223_a_path_with_tabs_or_line_ends_meets_the_rule_of_what_is_left() {
    let site = Site::with(RULES).await;
    let line = format!("x-amzn-oidc-data: {}\r\n", site.token());
    for path in ["/ad%09min", "/%0aadmin/users", "/admi%0d%0an", "/x/.%09./admin", "/%09/x/admin", "/ad%2509min"] {
        assert_eq!(status(&site.get(path, &line).await), 403, "{path}");
        assert_eq!(status(&site.get(path, "").await), 401, "{path} without a token");
    }
    assert_eq!(status(&site.get("/ad%09mins", &line).await), 200, "another name");
}

/// Windows drops dots and spaces at the end of a name.
#[tokio::test]
async fn s_223_a_path_with_dots_behind_a_name_meets_the_rule_of_the_name() {
    let site = Site::with(RULES).await;
    let line = format!("x-amzn-oidc-data: {}\r\n", site.token());
    for path in ["/admin./users", "/admin../users", "/ADMIN.%20./users", "/admin.%5cusers"] {
        assert_eq!(status(&site.get(path, &line).await), 403, "{path}");
        assert_eq!(status(&site.get(path, "").await), 401, "{path} without a token");
    }
    assert_eq!(status(&site.get("/admin.old/users", &line).await), 200, "another name");
}
