//! Servers of applications behind the proxy, each with its own reading of HTTP.

use std::{fs, net::SocketAddr, path::Path};

use tokio::process::{Child, Command};

use crate::{
    peer,
    port::free_port,
    site::{Log, Site, status},
    smuggling,
};

/// What the application got: its path, its users, its host, and how many of its texts are forged.
#[derive(Debug, PartialEq, Eq, serde::Deserialize)]
struct Seen {
    path: String,
    users: Vec<String>,
    host: String,
    forged: usize,
}

/// A server with an application that writes down what it got; ends with the value.
struct Server {
    site: Site,
    folder: tempfile::TempDir,
    _child: Child,
}

impl Server {
    async fn start(command: impl FnOnce(SocketAddr, &Path) -> Command) -> Self {
        let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
        let folder = tempfile::tempdir().expect("a folder");
        let mut command = command(address, folder.path());
        command.env("SEEN", folder.path().join("seen"));
        let child = peer::start(command, address, folder.path()).await;
        let lines = "profile: grafana\nexempt: [POST /open, /open]\nrules: [{ host: open.example.com, access: optional }]\n\
             header_timeout_seconds: 5\nidle_timeout_seconds: 5\n";
        let site = Site::in_front_of(&format!("http://{address}"), lines, Log::default()).await;
        Self { site, folder, _child: child }
    }

    /// Each request since the last call.
    fn seen(&self) -> Vec<Seen> {
        let file = self.folder.path().join("seen");
        let text = fs::read_to_string(&file).unwrap_or_default();
        let _ = fs::remove_file(file);
        text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
    }

    async fn gets_what_the_proxy_has_checked(&self) {
        let jane = format!("x-amzn-oidc-data: {}\r\n", self.site.token());
        let forged =
            "X-WEBAUTH-USER: admin\r\nX_WEBAUTH_USER: admin\r\nx-webauth_user: admin\r\nx.webauth.user: admin\r\n";
        assert_eq!(status(&self.site.get("/page", &format!("{forged}{jane}{forged}")).await), 200);
        let seen = self.seen();
        assert_eq!(seen.len(), 1, "{seen:?}");
        assert_eq!((seen[0].path.as_str(), &seen[0].users[..]), ("/page", &["jane.doe@example.com".to_owned()][..]));
        assert_eq!(status(&self.site.get("/open", forged).await), 200);
        let seen = self.seen();
        assert!(seen.len() == 1 && seen[0].users.iter().all(String::is_empty), "{seen:?}");

        let mut passed = 0;
        for (case, head, rest) in smuggling::cases() {
            for version in ["1.1", "1.0"] {
                let response = self.site.raw(&smuggling::request(version, &head, &rest)).await;
                // Something that was left in a connection would be the begin of this one.
                assert_eq!(status(&self.site.get("/page", &jane).await), 200, "{case} {version}");
                let seen = self.seen();
                let odd: Vec<_> = seen
                    .iter()
                    .filter(|seen| match seen.path.as_str() {
                        "/open" => !seen.users.is_empty(),
                        "/page" => seen.users != ["jane.doe@example.com"],
                        _ => true,
                    })
                    .collect();
                assert!(odd.is_empty(), "{case} {version}: {seen:?} {response}");
                passed += seen.len();
            }
        }
        assert!(passed >= 2 * smuggling::cases().len(), "the service got requests: {passed}");
        self.gets_no_trailers_of_a_client().await;
        self.gets_the_host_that_was_checked().await;
    }

    /// Some servers read trailers as headers.
    async fn gets_no_trailers_of_a_client(&self) {
        let jane = format!("x-amzn-oidc-data: {}\r\n", self.site.token());
        let trailers = "x-webauth-user: forged\r\nx_webauth_user: forged\r\nx-amzn-oidc-data: forged\r\n";
        for announced in ["", "trailer: x-webauth-user, x_webauth_user\r\nte: trailers\r\n", "te: trailers\r\n"] {
            for (path, token, user) in [("/page", jane.as_str(), Some("jane.doe@example.com")), ("/open", "", None)] {
                let request = format!(
                    "POST {path} HTTP/1.1\r\nhost: app.example.com\r\nconnection: close\r\n{token}{announced}transfer-encoding: chunked\r\n\r\n\
                     4\r\nbody\r\n0\r\n{trailers}\r\n"
                );
                let (response, seen) = self.posted(&request).await;
                assert_eq!((status(&response), seen.len()), (200, 1), "{path} {announced}: {response}");
                assert_eq!((seen[0].path.as_str(), seen[0].forged), (path, 0), "{announced}: {seen:?}");
                assert_eq!(seen[0].users, user.into_iter().collect::<Vec<_>>(), "{path} {announced}");
                assert_eq!(status(&self.site.get("/page", &jane).await), 200, "the next request");
                assert_eq!(self.seen()[0].users, ["jane.doe@example.com"], "the next request");
            }
        }
    }

    /// The response, and what the service got. A server that closes each connection may do so as the proxy sends a request on it. A
    /// `POST` is then 502 and not sent again (F-75), so the client sends it once more.
    async fn posted(&self, request: &str) -> (String, Vec<Seen>) {
        let (response, seen) = (self.site.raw(request).await, self.seen());
        if status(&response) != 502 || !seen.is_empty() {
            return (response, seen);
        }
        (self.site.raw(request).await, self.seen())
    }

    /// A rule admits requests to one host. The application must see no other one.
    async fn gets_the_host_that_was_checked(&self) {
        for (target, host, expected) in [
            ("/x", "open.example.com", 200),
            ("/x", "app.example.com", 401),
            ("http://open.example.com/x", "app.example.com", 200),
            ("http://open.example.com/x", "open.example.com", 200),
            ("HTTP://OPEN.example.com/x", "app.example.com", 200),
            ("http://app.example.com/x", "open.example.com", 401),
            ("http://app.example.com/x", "open.example.com\r\nx-forwarded-host: open.example.com", 401),
            ("http://open.example.com/x", "open.example.com\r\nhost: app.example.com", 400),
            ("/x", "open.example.com\r\nhost: app.example.com", 400),
            ("http://open.example.com@app.example.com/x", "open.example.com", 400),
        ] {
            let request = format!("GET {target} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
            let response = self.site.raw(&request).await;
            assert_eq!(status(&response), expected, "{target} {host}: {response}");
            let seen = self.seen();
            assert_eq!(seen.len(), usize::from(expected == 200), "{target} {host}: {seen:?}");
            for seen in seen {
                let host = seen.host.to_ascii_lowercase();
                assert_eq!((seen.path.as_str(), host.as_str()), ("/x", "open.example.com"), "{target}");
            }
        }
    }
}

fn peers(file: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers").join(file)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "peer: gunicorn, installed by .ci/peers"]
async fn s_99_gunicorn_gets_what_the_proxy_has_checked() {
    let server = Server::start(|address, folder| {
        let python = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/peers/venv/bin/python");
        let mut command = Command::new(python);
        command.args(["-m", "gunicorn", "--workers", "1", "--keep-alive", "60", "--worker-class", "gthread", "--bind"]);
        command.arg(address.to_string()).arg("--worker-tmp-dir").arg(folder).arg("--chdir").arg(peers(""));
        command.arg("seen:application");
        command
    })
    .await;
    server.gets_what_the_proxy_has_checked().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "peer: uWSGI, installed by .ci/peers"]
async fn s_99_uwsgi_gets_what_the_proxy_has_checked() {
    let server = Server::start(|address, _| {
        let mut command = Command::new("uwsgi");
        command.args(["--plugin", "python3", "--master", "--die-on-term"]);
        command.arg("--http-socket").arg(address.to_string()).arg("--wsgi-file").arg(peers("seen.py"));
        command
    })
    .await;
    server.gets_what_the_proxy_has_checked().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "peer: Node, installed by .ci/peers"]
async fn s_99_node_gets_what_the_proxy_has_checked() {
    const SCRIPT: &str = "
        const fs = require('node:fs');
        const [host, port] = process.argv[1].split(':');
        require('node:http').createServer((request, response) => {
            request.resume();
            request.on('end', () => {
                const users = [request.headers['x-webauth-user'] ?? []].flat();
                const forged = [...request.rawHeaders, ...request.rawTrailers].filter(text => text === 'forged').length;
                const seen = { path: request.url, users, host: request.headers.host ?? '', forged };
                fs.appendFileSync(process.env.SEEN, JSON.stringify(seen) + '\\n');
                response.end('seen');
            });
        }).listen(Number(port), host);";
    let server = Server::start(|address, _| {
        let mut command = Command::new("node");
        command.args(["--eval", SCRIPT, &address.to_string()]);
        command
    })
    .await;
    server.gets_what_the_proxy_has_checked().await;
}
