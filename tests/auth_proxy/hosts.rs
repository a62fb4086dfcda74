//! Rules by host, and hosts that servers read in different ways.

use tower_alb_auth::test_util::User;

use crate::{
    ext_authz::Checks,
    site::{Site, raw, status},
};

const RULES: &str = "
ext_authz_listen: 127.0.0.1:0
ext_authz_http_listen: 127.0.0.1:0
forward_auth_by_original_request: true
rules:
  - { host: admin.example.com, path: /*, require: { claim_contains: { roles: admin } } }
  - { host: open.example.com, path: /*, access: optional }
  - { host: app.example.com, path: /*, access: optional }
";

/// nginx, Caddy and others serve the host before the port, or before a comma, whatever the port is.
const ODD: [&str; 24] = [
    "admin.example.com:abc",
    "admin.example.com:80:80",
    "admin.example.com:+80",
    "admin.example.com:80x",
    "admin.example.com:-1",
    "[admin.example.com]",
    "[admin.example.com]:80",
    "admin.example.com,x",
    "admin.example.com;x",
    "x,admin.example.com",
    "x@admin.example.com",
    "admin.example.com@x",
    "admin.example.com/x",
    "admin.example.com?x",
    "admin.example.com#x",
    "admin.example.com\\x",
    "admin%2eexample.com",
    "%61dmin.example.com",
    "admin.example.com\t",
    "open.example.com:x",
    "open.example.com,admin.example.com",
    "open.example.com/admin.example.com",
    "open.example.com@admin.example.com",
    ":80",
];

/// What a stranger, a user and an administrator get.
async fn three(get: impl AsyncFn(&str) -> u16, site: &Site) -> [u16; 3] {
    let token = |user: &User| format!("x-amzn-oidc-data: {}\r\n", site.alb.sign(user));
    let admin = User::jane().claim("roles", ["admin"]);
    [get("").await, get(&token(&User::jane())).await, get(&token(&admin)).await]
}

#[tokio::test]
async fn s_191_a_host_that_servers_read_in_different_ways_meets_no_rule() {
    let site = Site::with(RULES).await;
    let addresses = site.proxy.addresses();
    let at = async |host: &str, lines: &str| {
        let request = format!("GET /page HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n{lines}\r\n");
        status(&raw(site.address, request.as_bytes()).await)
    };
    let forward = async |host: &str, lines: &str| {
        let described = format!("x-forwarded-method: GET\r\nx-forwarded-uri: /page\r\nx-forwarded-host: {host}\r\n");
        let request = format!("GET / HTTP/1.1\r\nhost: auth\r\nconnection: close\r\n{described}{lines}\r\n");
        status(&raw(site.forward_auth(), request.as_bytes()).await)
    };
    let ext_authz = async |host: &str, lines: &str| {
        let request = format!("GET /page HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n{lines}\r\n");
        status(&raw(addresses.ext_authz_http.expect("an address"), request.as_bytes()).await)
    };
    for (host, expected) in [
        ("admin.example.com", [401, 403, 200]),
        ("ADMIN.example.com.:8443", [401, 403, 200]),
        ("admin.example.com:", [401, 403, 200]),
        ("open.example.com:443", [200, 200, 200]),
        ("other.example.com:443", [401, 200, 200]),
    ] {
        assert_eq!(three(async |lines| at(host, lines).await, &site).await, expected, "{host}");
        assert_eq!(three(async |lines| forward(host, lines).await, &site).await, expected, "{host}: forward auth");
        assert_eq!(three(async |lines| ext_authz(host, lines).await, &site).await, expected, "{host}: ext_authz");
    }
    site.log.take();
    for host in ODD {
        let got = three(async |lines| at(host, lines).await, &site).await;
        // HTTP removes white space at the end of a value.
        let is_plain = host.ends_with('\t');
        assert_eq!(got, if is_plain { [401, 403, 200] } else { [400; 3] }, "{host:?}");
        let strictest = [401, 403, 200];
        assert_eq!(three(async |lines| forward(host, lines).await, &site).await, strictest, "{host:?}: forward auth");
        assert_eq!(three(async |lines| ext_authz(host, lines).await, &site).await, strictest, "{host:?}: ext_authz");
    }
    // Without a name, it may be any host.
    assert_eq!(three(async |lines| at("", lines).await, &site).await, [401, 403, 200], "an empty host");
    assert_eq!(
        three(async |lines| forward("", lines).await, &site).await,
        [401, 403, 200],
        "an empty host: forward auth"
    );
    assert_eq!(
        three(async |lines| ext_authz("", lines).await, &site).await,
        [401, 403, 200],
        "an empty host: ext_authz"
    );
}

#[tokio::test]
async fn s_191_a_check_with_an_odd_host_needs_a_user_who_meets_every_requirement() {
    let site = Site::with(RULES).await;
    let mut checks = Checks::at(&site).await;
    let token = site.token();
    let admin = site.alb.sign(&User::jane().claim("roles", ["admin"]));
    let (token, admin) = ([("x-amzn-oidc-data", &*token)], [("x-amzn-oidc-data", &*admin)]);
    assert!(checks.admits_at("open.example.com:443", &[]).await);
    assert!(checks.admits_at("other.example.com", &token).await);
    for host in ODD.into_iter().chain(["admin.example.com", "admin.example.com:443", ""]) {
        assert!(!checks.admits_at(host, &[]).await, "{host}");
        assert!(!checks.admits_at(host, &token).await, "{host}");
        assert!(checks.admits_at(host, &admin).await, "{host}");
    }
}
