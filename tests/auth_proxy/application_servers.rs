//! Servers of applications behind the proxy, each with its own reading of HTTP.

use std::{fs, net::SocketAddr, path::Path};

use tokio::process::{Child, Command};

use crate::{
    peer,
    port::free_port,
    site::{Log, Site, status},
    smuggling,
};

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
        let lines =
            "profile: grafana\nexempt: [POST /open, /open]\nheader_timeout_seconds: 5\nidle_timeout_seconds: 5\n";
        let site = Site::in_front_of(&format!("http://{address}"), lines, Log::default()).await;
        Self { site, folder, _child: child }
    }

    /// Path and users of each request since the last call.
    fn seen(&self) -> Vec<(String, Vec<String>)> {
        let file = self.folder.path().join("seen");
        let text = fs::read_to_string(&file).unwrap_or_default();
        let _ = fs::remove_file(file);
        let line = |line: &str| {
            let seen: serde_json::Value = serde_json::from_str(line).expect("JSON");
            let users = seen["users"].as_array().expect("a list").iter();
            (
                seen["path"].as_str().expect("a path").to_owned(),
                users.map(|user| user.as_str().expect("a text").to_owned()).collect(),
            )
        };
        text.lines().map(line).collect()
    }

    async fn gets_what_the_proxy_has_checked(&self) {
        let jane = format!("x-amzn-oidc-data: {}\r\n", self.site.token());
        let forged =
            "X-WEBAUTH-USER: admin\r\nX_WEBAUTH_USER: admin\r\nx-webauth_user: admin\r\nx.webauth.user: admin\r\n";
        assert_eq!(status(&self.site.get("/page", &format!("{forged}{jane}{forged}")).await), 200);
        assert_eq!(self.seen(), [("/page".to_owned(), vec!["jane.doe@example.com".to_owned()])]);
        assert_eq!(status(&self.site.get("/open", forged).await), 200);
        let seen = self.seen();
        assert!(seen.len() == 1 && seen[0].1.iter().all(String::is_empty), "{seen:?}");

        let mut passed = 0;
        for (case, head, rest) in smuggling::cases() {
            for version in ["1.1", "1.0"] {
                let response = self.site.raw(&smuggling::request(version, &head, &rest)).await;
                // Something that was left in a connection would be the begin of this one.
                assert_eq!(status(&self.site.get("/page", &jane).await), 200, "{case} {version}");
                let seen = self.seen();
                let odd: Vec<_> = seen
                    .iter()
                    .filter(|(path, users)| match path.as_str() {
                        "/open" => !users.is_empty(),
                        "/page" => users != &["jane.doe@example.com"],
                        _ => true,
                    })
                    .collect();
                assert!(odd.is_empty(), "{case} {version}: {seen:?} {response}");
                passed += seen.len();
            }
        }
        assert!(passed >= 2 * smuggling::cases().len(), "the service got requests: {passed}");
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
                fs.appendFileSync(process.env.SEEN, JSON.stringify({ path: request.url, users }) + '\\n');
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
