//! The gateways of deploy/gateways, each with its file as it stands there but for the addresses.

mod envoy;
mod identity;
mod web_sockets;

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use tokio::process::{Child, Command};
use tower_alb_auth::test_util::User;

use self::{
    identity::{has_forged, other_targets},
    web_sockets::application,
};
use crate::{
    peer,
    site::{LONG, Log, Site, raw, serve, status},
    smuggling,
};

/// What the comments of the files start alb-auth-proxy with, and a few rules.
const SETTINGS: &str = "\
forward_auth_by_original_request: true
ext_authz_listen: 127.0.0.1:0
ext_authz_http_listen: 127.0.0.1:0
headers: { X-Forwarded-User: '{email}' }
exempt: [GET /healthz]
rules:
  - { path: /admin/*, require: { claim_contains: { roles: admin } } }
  - { path: /public/*, access: optional }
  - { host: open.example.com, access: optional }
";

fn free_address() -> SocketAddr {
    (std::net::Ipv4Addr::LOCALHOST, crate::port::free_port()).into()
}

async fn get(address: SocketAddr, path: &str, lines: &str) -> u16 {
    let request = format!("GET {path} HTTP/1.1\r\nhost: app.example.com\r\nconnection: close\r\n{lines}\r\n");
    status(&raw(address, request.as_bytes()).await)
}

/// A gateway in front of a site; ends with the value.
struct Gateway {
    site: Site,
    address: SocketAddr,
    _child: Child,
    folder: tempfile::TempDir,
}

impl Gateway {
    /// With this file of deploy/gateways, by this command, which gets the file and its folder.
    async fn start(name: &str, command: impl FnOnce(&Path, &Path) -> Command) -> Self {
        let log = Log::default();
        let upstream = serve(application(log.clone())).await;
        let site = Site::in_front_of(&format!("http://{upstream}"), SETTINGS, log).await;
        Self::beside(site, upstream, free_address(), name, command).await
    }

    /// At this address, with this application.
    async fn beside(
        site: Site,
        upstream: SocketAddr,
        free: SocketAddr,
        name: &str,
        command: impl FnOnce(&Path, &Path) -> Command,
    ) -> Self {
        let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("deploy/gateways").join(name);
        let mut text = fs::read_to_string(file).expect("the file");
        let port = |address: Option<SocketAddr>| format!("port_value: {}", address.map_or(1, |address| address.port()));
        for (written, used) in [
            ("port_value: 9181", port(site.proxy.addresses().ext_authz)),
            ("port_value: 9182", port(site.proxy.addresses().ext_authz_http)),
            ("port_value: 8081", port(site.proxy.addresses().assertion)),
            ("port_value: 3000", port(Some(upstream))),
            ("port_value: 8000", port(Some(free))),
            ("127.0.0.1:9180", site.forward_auth().to_string()),
            ("127.0.0.1:8080", site.address.to_string()),
            ("127.0.0.1:3000", upstream.to_string()),
            (":8000", format!(":{}", free.port())),
        ] {
            text = text.replace(written, &used);
        }
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join(name);
        fs::write(&file, text).expect("written");
        let child = peer::start(command(&file, folder.path()), free, folder.path()).await;
        Self { site, address: free, _child: child, folder }
    }

    async fn get(&self, path: &str, lines: &str) -> u16 {
        get(self.address, path, lines).await
    }

    /// The same for all of them.
    async fn admits_users_alone(&self) {
        let jane = format!("x-amzn-oidc-data: {}\r\n", self.site.token());
        let admin = self.site.alb.sign(&User::entra("amy.pond").claim("roles", ["admin"]));
        let admin = format!("x-amzn-oidc-data: {admin}\r\n");
        let forged = "X-Forwarded-User: admin\r\nX_Forwarded_User: admin\r\nx-forwarded_user: admin\r\n\
                      X-Forwarded-Uri: /healthz\r\nX-Forwarded-Method: GET\r\nX-Original-URI: /healthz\r\n";
        let stranger = format!("x-amzn-oidc-data: {}x\r\n", self.site.token());
        for (path, lines, expected, user) in [
            ("/page", jane.clone(), 200, Some("jane.doe@example.com")),
            ("/page?x=/healthz", format!("{jane}{forged}"), 200, Some("jane.doe@example.com")),
            ("/page", format!("{jane}connection: x-forwarded-user\r\n"), 200, Some("jane.doe@example.com")),
            ("/page", forged.to_owned(), 401, None),
            ("/page", String::new(), 401, None),
            ("/page", stranger.clone(), 401, None),
            ("/public/x", forged.to_owned(), 200, None),
            ("/public/x", stranger, 401, None),
            ("/public/x", format!("{jane}{forged}"), 200, Some("jane.doe@example.com")),
            ("/healthz", forged.to_owned(), 200, None),
            ("/admin/x", jane.clone(), 403, None),
            ("/admin/x", format!("{admin}{forged}"), 200, Some("amy.pond@example.com")),
            ("/ADMIN/x", jane.clone(), 403, None),
            ("//admin/x", jane.clone(), 403, None),
            ("/public/..%2fadmin/x", jane.clone(), 403, None),
            ("/public/%2e%2e/admin/x", jane.clone(), 403, None),
            ("/public/../admin/x", forged.to_owned(), 401, None),
        ] {
            let code = self.get(path, &lines).await;
            let seen = self.site.log.take();
            // A gateway may reject what it does not like by itself.
            let is_odd = path.contains("..") || path.contains("%2") || path.contains("//");
            assert!(code == expected || (is_odd && (400..500).contains(&code)), "{path} {lines}: {code}");
            assert_eq!(seen.len(), usize::from(code == 200), "{path} {lines}");
            for seen in seen {
                let users: Vec<_> = seen
                    .headers
                    .iter()
                    .filter(|(name, value)| name.as_str().replace('_', "-") == "x-forwarded-user" && !value.is_empty())
                    .map(|(_, value)| value.to_str().expect("ASCII").to_owned())
                    .collect();
                assert_eq!(users, user.into_iter().collect::<Vec<_>>(), "{path} {lines}");
                assert!(seen.headers.get("x-amzn-oidc-data").is_none_or(|value| value.is_empty()), "{path}");
            }
        }
    }

    /// The service must see the path and the host that the rules were applied to.
    async fn passes_on_what_was_checked(&self) {
        for name in other_targets() {
            let lines = format!("{name}: forged/admin/x\r\n");
            assert_eq!(self.get("/public/x", &lines).await, 200, "{name}");
            let seen = self.site.log.only().headers;
            assert!(!has_forged(&seen), "{name}: {seen:?}");
        }
        for (target, hosts) in [
            ("http://open.example.com/x", "app.example.com"),
            ("http://app.example.com/x", "open.example.com"),
            ("HTTP://OPEN.EXAMPLE.COM/x", "app.example.com"),
            ("http://open.example.com@app.example.com/x", "open.example.com"),
            ("http://app.example.com/x", "open.example.com\r\nx-forwarded-host: open.example.com"),
            ("/x", "app.example.com\r\nx-forwarded-host: open.example.com"),
            ("/x", "app.example.com\r\nforwarded: host=open.example.com"),
            ("/x", "open.example.com\r\nhost: app.example.com"),
            ("/x", "app.example.com\r\nhost: open.example.com"),
            ("/x", "open.example.com, app.example.com"),
            ("//open.example.com/x", "app.example.com"),
        ] {
            let request = format!("GET {target} HTTP/1.1\r\nhost: {hosts}\r\nconnection: close\r\n\r\n");
            let response = raw(self.address, request.as_bytes()).await;
            let seen = self.site.log.take();
            let is_ok = response.starts_with("HTTP/1.1 200");
            assert!(seen.len() == usize::from(is_ok), "{request}: {response}");
            for seen in seen {
                let hosts = seen.headers.get_all("host").iter().map(|host| host.to_str().expect("ASCII"));
                let hosts: Vec<_> = hosts.chain(seen.uri.host()).map(str::to_ascii_lowercase).collect();
                assert!(hosts.iter().all(|host| host == "open.example.com"), "{request}: {seen:?} {response}");
                assert_eq!(seen.uri.path(), "/x", "{request}: {seen:?}");
            }
        }
        let open = b"GET /x HTTP/1.1\r\nhost: open.example.com\r\nconnection: close\r\n\r\n";
        assert_eq!(status(&raw(self.address, open).await), 200, "the rule applies");
        self.site.log.take();
    }

    /// Some servers read trailers as headers.
    async fn passes_no_forged_trailers(&self) {
        self.passes_no_forged_trailers_at(self.address).await;
    }

    async fn passes_no_forged_trailers_at(&self, address: SocketAddr) {
        let jane = format!("x-amzn-oidc-data: {}\r\n", self.site.token());
        for announced in ["trailer: x-forwarded-user, x_forwarded_user\r\nte: trailers\r\n", ""] {
            let request = format!(
                "POST /page HTTP/1.1\r\nhost: a\r\nconnection: close\r\n{jane}{announced}transfer-encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\
                 x-forwarded-user: forged\r\nx_forwarded_user: forged\r\nx-amzn-oidc-data: forged\r\n\r\n"
            );
            let response = raw(address, request.as_bytes()).await;
            let seen = self.site.log.take();
            assert_eq!((status(&response), seen.len()), (200, 1), "{announced}: {response}");
            for seen in seen {
                let forged = |headers: &http::HeaderMap| headers.values().any(|value| value == "forged");
                assert!(!forged(&seen.headers) && !forged(&seen.trailers), "{announced}: {seen:?} {response}");
            }
        }
    }

    /// What a request with two readings of its length leaves behind for the next one.
    async fn hides_no_request(&self) {
        self.hides_no_request_at(self.address).await;
    }

    async fn hides_no_request_at(&self, address: SocketAddr) {
        let jane = format!("x-amzn-oidc-data: {}\r\n", self.site.token());
        for (case, head, rest) in smuggling::cases() {
            let close = "GET /last HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
            let request = format!("POST /page HTTP/1.1\r\nhost: a\r\n{jane}{head}\r\n\r\n{rest}{close}");
            // A gateway may wait for the rest of a body, for longer than it is worth.
            let exchange = raw(address, request.as_bytes());
            let response = tokio::time::timeout(Duration::from_secs(5), exchange).await.unwrap_or_default();
            // What was left in a connection to the service would be the begin of this one.
            assert_eq!(get(address, "/page", &jane).await, 200, "{case}");
            let paths: Vec<String> = self.site.log.take().iter().map(|seen| seen.uri.path().to_owned()).collect();
            assert!(paths.iter().all(|path| path == "/page"), "{case}: {paths:?} {response}");
        }
    }
}

#[tokio::test]
#[ignore = "peer: Traefik, installed by .ci/peers"]
async fn s_98_traefik_admits_users_alone() {
    let log = Log::default();
    let upstream = serve(application(log.clone())).await;
    let site = Site::in_front_of(&format!("http://{upstream}"), SETTINGS, log).await;
    let address = free_address();
    let traefik = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target/peers/venv/bin/traefik");
    let gateway = Gateway::beside(site, upstream, address, "traefik.yaml", |file, _| {
        let mut command = Command::new(traefik);
        command.arg(format!("--entrypoints.web.address={address}"));
        command.arg(format!("--providers.file.filename={}", file.display()));
        command.args(["--global.checknewversion=false", "--global.sendanonymoususage=false", "--log.level=WARN"]);
        command
    })
    .await;
    // It listens before it has read its file.
    let jane = format!("x-amzn-oidc-data: {}\r\n", gateway.site.token());
    let ready = async {
        while gateway.get("/page", &jane).await == 404 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(LONG, ready).await.expect("a route");
    gateway.site.log.take();
    gateway.admits_users_alone().await;
    gateway.passes_no_identity_of_a_client().await;
    gateway.passes_web_sockets_and_no_other_upgrade().await;
    gateway.passes_on_what_was_checked().await;
    gateway.hides_no_request().await;
    gateway.passes_no_forged_trailers().await;
}

#[tokio::test]
#[ignore = "peer: nginx, installed by .ci/peers"]
async fn s_98_nginx_admits_users_alone() {
    let gateway = Gateway::start("nginx.conf", |file, folder| {
        let mut command = Command::new("/usr/sbin/nginx");
        let directives = format!("daemon off; master_process off; pid {}/pid;", folder.display());
        command
            .arg("-c")
            .arg(file)
            .arg("-p")
            .arg(folder)
            .arg("-e")
            .arg(folder.join("error.log"))
            .args(["-g", &directives]);
        command
    })
    .await;
    gateway.admits_users_alone().await;
    gateway.passes_no_identity_of_a_client().await;
    gateway.passes_web_sockets_and_no_other_upgrade().await;
    gateway.passes_on_what_was_checked().await;
    gateway.hides_no_request().await;
    gateway.passes_no_forged_trailers().await;
}

#[tokio::test]
#[ignore = "peer: Caddy, installed by .ci/peers"]
async fn s_98_caddy_admits_users_alone() {
    let gateway = Gateway::start("Caddyfile", |file, folder| {
        let mut command = Command::new("caddy");
        command.args(["run", "--adapter", "caddyfile", "--config"]).arg(file);
        command.env("HOME", folder).env("XDG_DATA_HOME", folder).env("XDG_CONFIG_HOME", folder);
        command
    })
    .await;
    gateway.admits_users_alone().await;
    gateway.passes_no_identity_of_a_client().await;
    gateway.passes_web_sockets_and_no_other_upgrade().await;
    gateway.passes_on_what_was_checked().await;
    gateway.hides_no_request().await;
    gateway.passes_no_forged_trailers().await;
}

#[tokio::test]
#[ignore = "peer: HAProxy, installed by .ci/peers"]
async fn s_98_haproxy_in_front_admits_users_alone() {
    let gateway = Gateway::start("haproxy.cfg", |file, _| {
        let mut command = Command::new("/usr/sbin/haproxy");
        command.arg("-db").arg("-f").arg(file);
        command
    })
    .await;
    gateway.admits_users_alone().await;
    gateway.passes_no_identity_of_a_client().await;
    gateway.passes_web_sockets_and_no_other_upgrade().await;
    gateway.passes_on_what_was_checked().await;
    gateway.hides_no_request().await;
    gateway.passes_no_forged_trailers().await;
}

#[tokio::test]
#[ignore = "peer: Apache, installed by .ci/peers"]
async fn s_98_apache_in_front_admits_users_alone() {
    let gateway = Gateway::start("apache.conf", |file, folder| {
        let mut command = Command::new("/usr/sbin/apache2");
        command.arg("-X").arg("-f").arg(file).args(["-C", &format!("ServerRoot {}", folder.display())]);
        for module in ["mpm_event", "authz_core", "proxy", "proxy_http"] {
            let line = format!("LoadModule {module}_module /usr/lib/apache2/modules/mod_{module}.so");
            command.args(["-C", &line]);
        }
        command.args(["-C", "ServerName localhost", "-C", "DefaultRuntimeDir ."]);
        command.args(["-c", "ErrorLog error.log", "-c", "PidFile pid"]);
        command
    })
    .await;
    gateway.admits_users_alone().await;
    gateway.passes_no_identity_of_a_client().await;
    gateway.passes_web_sockets_and_no_other_upgrade().await;
    gateway.passes_on_what_was_checked().await;
    gateway.hides_no_request().await;
    gateway.passes_no_forged_trailers().await;
}
