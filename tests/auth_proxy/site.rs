//! A load balancer with a key endpoint, the proxy in this process, and a service behind it.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    response::Response,
};
use http::{HeaderMap, HeaderValue, Uri};
use http_body_util::BodyExt;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tower_alb_auth::{
    auth_proxy::{AuthProxy, Settings},
    test_util::{MockAlb, User},
};

/// Longer than anything here takes on a machine that does much else.
pub const LONG: Duration = Duration::from_secs(60);

/// What the service got.
#[derive(Debug, Clone)]
pub struct Seen {
    pub method: String,
    pub uri: Uri,
    pub version: http::Version,
    pub headers: HeaderMap,
    pub trailers: HeaderMap,
    pub body: Vec<u8>,
}

/// The requests that reached the service.
#[derive(Clone, Default)]
pub struct Log(Arc<Mutex<Vec<Seen>>>);

impl Log {
    pub fn take(&self) -> Vec<Seen> {
        std::mem::take(&mut self.0.lock().unwrap())
    }

    /// The only one.
    #[track_caller]
    pub fn only(&self) -> Seen {
        let mut seen = self.take();
        assert_eq!(seen.len(), 1, "{seen:?}");
        seen.remove(0)
    }
}

pub struct Site {
    pub alb: MockAlb,
    pub proxy: AuthProxy,
    pub log: Log,
    /// Of the reverse proxy.
    pub address: SocketAddr,
}

/// The lines of a settings file that trust this load balancer.
pub async fn trust(alb: &MockAlb) -> String {
    let entry = trust_entry(alb).await;
    format!(
        "trust:\n{entry}sign_in: {{ email_local_part: {{ domains: [example.com] }} }}\naccept_missing_email_verified: true\n"
    )
}

/// An entry of `trust` for this load balancer, without a policy.
pub async fn trust_entry(alb: &MockAlb) -> String {
    let (kid, pem) = (alb.kid().to_owned(), alb.public_key_pem());
    let keys = Router::new().fallback(async move |uri: Uri| match uri.path().trim_start_matches('/') == kid {
        true => Ok(pem),
        false => Err(http::StatusCode::FORBIDDEN),
    });
    let endpoint = serve(keys).await;
    format!(
        "  - signers: ['{}']\n    issuer: {}\n    client_ids: [{}]\n    key_endpoint: http://{endpoint}\n",
        alb.signer(),
        alb.issuer(),
        alb.client_id(),
    )
}

pub async fn serve(app: Router) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move { axum::serve(listener, app).await });
    address
}

/// Settings from the text of a YAML file.
pub fn settings(text: &str) -> Result<Settings, tower_alb_auth::ConfigError> {
    settings_with(text, &[])
}

/// The same, with variables of the environment.
pub fn settings_with(text: &str, variables: &[(String, String)]) -> Result<Settings, tower_alb_auth::ConfigError> {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("proxy.yaml");
    std::fs::write(&file, text).expect("written");
    Settings::read(Some(&file), &[], variables)
}

/// A service that keeps what it got, and responds 200 with the headers that a service must not set.
pub fn service(log: Log) -> Router {
    async fn keep(State(log): State<Log>, request: Request) -> Response {
        let (parts, body) = request.into_parts();
        let collected = body.collect().await;
        let (body, trailers) = match collected {
            Ok(collected) => {
                let trailers = collected.trailers().cloned().unwrap_or_default();
                (collected.to_bytes().to_vec(), trailers)
            }
            Err(_) => return Response::builder().status(400).body(Body::empty()).expect("a response"),
        };
        let seen = Seen {
            method: parts.method.to_string(),
            uri: parts.uri,
            version: parts.version,
            headers: parts.headers,
            trailers,
            body,
        };
        log.0.lock().unwrap().push(seen);
        let mut response = Response::new(Body::from("from the service"));
        for name in
            ["x-amzn-oidc-data", "x-amzn-oidc-identity", "x_amzn_oidc_data", "x-forwarded-user", "x_webauth_user"]
        {
            response.headers_mut().insert(name, HeaderValue::from_static("forged by the service"));
        }
        response
    }
    Router::new().fallback(keep).with_state(log)
}

impl Site {
    /// With these lines of settings beside those of trust and addresses.
    pub async fn with(lines: &str) -> Self {
        let log = Log::default();
        let upstream = serve(service(log.clone())).await;
        Self::in_front_of(&format!("http://{upstream}"), lines, log).await
    }

    pub async fn in_front_of(upstream: &str, lines: &str, log: Log) -> Self {
        let alb = MockAlb::new();
        let trust = trust(&alb).await;
        let text = format!(
            "{trust}upstream: {upstream}\nlisten: 127.0.0.1:0\nforward_auth_listen: 127.0.0.1:0\nadmin_listen: 127.0.0.1:0\n{lines}"
        );
        let settings = settings(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
        let proxy = AuthProxy::start(settings).await.expect("it starts");
        let address = proxy.addresses().reverse_proxy.expect("an upstream");
        Self { alb, proxy, log, address }
    }

    pub fn token(&self) -> String {
        self.alb.sign(&User::jane())
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub fn forward_auth(&self) -> SocketAddr {
        self.proxy.addresses().forward_auth.expect("an address")
    }

    /// Sends these lines of a request, and gives the whole response. The connection is to be closed.
    pub async fn raw(&self, request: &str) -> String {
        raw(self.address, request.as_bytes()).await
    }

    /// GET with these header lines, each with its end.
    pub async fn get(&self, path: &str, lines: &str) -> String {
        self.raw(&format!("GET {path} HTTP/1.1\r\nhost: app.example.com\r\nconnection: close\r\n{lines}\r\n")).await
    }
}

pub async fn raw(address: SocketAddr, request: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    let exchange = async {
        // The proxy may have responded, and closed the connection, before all is written.
        let _ = stream.write_all(request).await;
        let mut response = Vec::new();
        let _ = stream.read_to_end(&mut response).await;
        response
    };
    let response = tokio::time::timeout(LONG, exchange).await.expect("a response in time");
    String::from_utf8_lossy(&response).into_owned()
}

/// The status of a response.
#[track_caller]
pub fn status(response: &str) -> u16 {
    let code = response.split(' ').nth(1).and_then(|code| code.parse().ok());
    code.unwrap_or_else(|| panic!("no response: {response:?}"))
}

pub fn client() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build().expect("a client")
}
