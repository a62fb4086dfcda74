//! S-79: Debian's nginx with `auth_request`, which hands the client's headers and method on to the layer.

use std::{fs, net::SocketAddr, path::Path, process::Stdio, time::Duration};

use axum::{Router, routing::any};
use futures::{StreamExt as _, stream};
use http_body_util::Full;
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use tokio::{
    net::{TcpListener, TcpStream},
    process::{Child, Command},
};
use tower_alb_auth::test_util::MockAlb;

use crate::gateways::{
    quickstart::Quickstart,
    variants::{self, Sender, Variant},
};

/// How long it may take to start on a machine that does much else.
const MAX_WAIT: Duration = Duration::from_secs(60);

/// Ends with the value.
struct Nginx {
    address: SocketAddr,
    _child: Child,
    _folder: tempfile::TempDir,
}

impl Nginx {
    /// A site whose every request is asked for at this address.
    async fn start(auth: &str, behind: SocketAddr, asks: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let port = {
            let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
            listener.local_addr().expect("an address").port()
        };
        let configuration = configuration(folder.path(), port, auth, behind, asks);
        let file = folder.path().join("nginx.conf");
        fs::write(&file, configuration).expect("written");
        let child = Command::new("/usr/sbin/nginx")
            .arg("-c")
            .arg(&file)
            .arg("-p")
            .arg(folder.path())
            .arg("-e")
            .arg(folder.path().join("error.log"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("nginx is installed: run .ci/peers");
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let listening = async {
            while TcpStream::connect(address).await.is_err() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(MAX_WAIT, listening).await.expect("it listens");
        Self { address, _child: child, _folder: folder }
    }
}

/// One process, which ends when it is killed; everything it writes goes into the folder.
fn configuration(folder: &Path, port: u16, auth: &str, behind: SocketAddr, asks: &str) -> String {
    let folder = folder.display();
    format!(
        "daemon off;
        master_process off;
        pid {folder}/pid;
        error_log {folder}/error.log;
        events {{ worker_connections 512; }}
        http {{
            access_log off;
            client_body_temp_path {folder}/body;
            proxy_temp_path {folder}/proxy;
            fastcgi_temp_path {folder}/fastcgi;
            uwsgi_temp_path {folder}/uwsgi;
            scgi_temp_path {folder}/scgi;
            large_client_header_buffers 4 32k;
            underscores_in_headers on;
            proxy_http_version 1.1;
            server {{
                listen 127.0.0.1:{port};
                location / {{
                    auth_request /auth-of-nginx;
                    proxy_pass http://{behind};
                }}
                location = /auth-of-nginx {{
                    internal;
                    {asks}
                    proxy_pass http://{auth};
                }}
            }}
        }}"
    )
}

/// The ways in which its documentation and its users have it ask. All hand every header of the client on.
const ASKS: [&str; 3] = [
    // By GET, as it does by itself, with the headers of the body that it does not send.
    "proxy_pass_request_body off;",
    // As its documentation says.
    "proxy_pass_request_body off; proxy_set_header Content-Length \"\"; proxy_set_header X-Original-URI $request_uri;",
    // By the client's method.
    "proxy_pass_request_body off; proxy_set_header Content-Length \"\"; proxy_method $request_method;",
];

async fn behind() -> SocketAddr {
    serve(Router::new().fallback(any(async || "what is behind"))).await
}

async fn serve(app: Router) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free loopback port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move { axum::serve(listener, app).await });
    address
}

/// Sends them through nginx, and gives those with an answer that is not as it should be. nginx shows a client 401 and 403 of
/// what it asks as they are, and 500 for any other status that is not 2xx.
async fn wrong(nginx: &Nginx, variants: Vec<Variant>) -> Vec<String> {
    let client = Client::builder(TokioExecutor::new()).build_http::<Full<bytes::Bytes>>();
    let address = nginx.address;
    stream::iter(variants)
        .map(|variant| {
            let (client, mut request) = (client.clone(), variant.request);
            *request.uri_mut() = format!("http://{address}/page").parse().expect("an address");
            async move {
                let answer = client.request(request.map(|body| Full::new(body.into()))).await.expect("an answer");
                let status = answer.status().as_u16();
                let is_right = match variant.sender {
                    Sender::Jane => status == 200,
                    Sender::Guest => status == 403 || status == 401,
                    Sender::Stranger | Sender::Forger => status == 401,
                };
                (!is_right).then(|| format!("{} -> {status}", variant.name))
            }
        })
        .buffer_unordered(16)
        .filter_map(async |wrong| wrong)
        .collect()
        .await
}

#[tokio::test]
#[ignore = "peer: nginx, installed by .ci/peers"]
async fn s_79_nginx_lets_pass_what_has_a_good_token_and_nothing_else() {
    let alb = MockAlb::new().serve().await;
    let auth = serve(Router::new().route("/auth", any(async || "")).layer(alb.layer())).await;
    for asks in ASKS {
        let nginx = Nginx::start(&format!("{auth}/auth"), behind().await, asks).await;
        assert_eq!(wrong(&nginx, variants::all(&alb, "/page")).await, Vec::<String>::new(), "{asks}");
    }
}

/// Its application takes GET alone: it is asked as nginx asks by itself.
#[tokio::test]
#[ignore = "peer: nginx, installed by .ci/peers"]
async fn s_79_nginx_that_asks_the_example_quickstart_lets_no_stranger_pass() {
    let quickstart = Quickstart::start().await;
    // Signs for no user that the example knows: it rejects all of these.
    let alb = MockAlb::new();
    for asks in ASKS {
        let nginx = Nginx::start(&format!("{}/me", quickstart.application), behind().await, asks).await;
        let strangers = variants::all(&alb, "/page").into_iter().filter(|variant| variant.sender == Sender::Stranger);
        assert_eq!(wrong(&nginx, strangers.collect()).await, Vec::<String>::new(), "{asks}");
    }
}
