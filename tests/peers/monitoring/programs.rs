//! What is watched: all three programs, a proxy that has just been deployed with a wrong key endpoint, and an application.

use std::{
    convert::Infallible,
    fs,
    future::{Ready, ready},
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use axum::{
    Json, Router,
    body::Body,
    extract::Path,
    http::{Request, Response, StatusCode},
    response::IntoResponse as _,
    routing::get,
};
use futures::StreamExt as _;
use metrics_exporter_prometheus::PrometheusBuilder;
use reqwest::Client;
use serde_json::json;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tower::ServiceExt as _;
use tower_alb_auth::{
    MachineLayer, RequireLayer,
    config::MachineTokens,
    emulator::{Emulator, EmulatorConfig},
    test_util::{MockAlb, User},
};

use crate::support::{
    alb_auth_proxy::{Proxy, trust},
    backstage_auth::Service,
    key_endpoint::{KeyEndpoint, Mode},
    port::free_port,
    postgres::{
        backstage::migrate_all,
        database::AUTH,
        server::{PASSWORD, Server, USER},
    },
    process::{MAX_WAIT, Program},
    streaming::{serve, service},
};

pub struct Programs {
    /// In front of the proxy.
    pub emulator: Emulator,
    /// Another one, as a program.
    pub alb_emulator: Program,
    pub backstage: Service,
    pub proxy: Proxy,
    pub new_proxy: Proxy,
    /// Trusted by all of them, beside the emulator.
    pub alb: MockAlb,
    pub keys: KeyEndpoint,
    pub catalog: Catalog,
    pub database: Server,
    pub client: Client,
    denied: PathBuf,
    users: AtomicU64,
    application: Application,
    _folders: [TempDir; 3],
}

impl Programs {
    pub async fn start() -> Self {
        let listen = format!("127.0.0.1:{}", free_port());
        let config = EmulatorConfig::on_free_ports().target(format!("http://{listen}"));
        let emulator = Emulator::start(config).await.expect("sound");
        let mut alb_emulator = Command::new(env!("CARGO_BIN_EXE_alb-emulator"));
        alb_emulator.args(["--listen", "0", "--keys-listen", "0", "--provider-listen", "0", "--metrics", "0"]);
        alb_emulator.args(["--target", &format!("http://{listen}")]);
        let alb_emulator = Program::start(alb_emulator, "kill -USR1");
        // One issuer has one namespace of users.
        let alb = MockAlb::new().with_issuer(emulator.issuer());
        let keys = KeyEndpoint::start().await;
        keys.publish(&alb);
        let catalog = Catalog::start().await;
        let database = Server::start();
        drop(database.create(AUTH).await);
        migrate_all(&database, AUTH, None).await;

        let folders = [(); 3].map(|()| tempfile::tempdir().expect("a folder"));
        let backstage = {
            let text = app_config(&alb, keys.url(), &database);
            fs::write(folders[0].path().join("app-config.yaml"), text).expect("written");
            let arguments = ["--listen", "127.0.0.1:0", "--metrics", "127.0.0.1:0", "--upstream", &catalog.url];
            Service::start(folders[0].path(), &arguments)
        };

        let upstream = serve(service()).await;
        let denied = folders[1].path().join("denied.jsonl");
        fs::write(&denied, "{\"entries\": 0}\n").expect("written");
        let mock = trust(alb.signer(), alb.issuer(), alb.client_id(), keys.url());
        let local = trust(emulator.signer(), emulator.issuer(), emulator.client_id(), emulator.key_endpoint());
        let more = "sign_in: { email_local_part: { domains: [example.com] } }\naccept_missing_email_verified: true\n\
                    admin_listen: 127.0.0.1:0\n";
        let of_proxy = "deny_list: denied.jsonl\naudit_file: audit.jsonl\n";
        let settings = format!("trust:\n{mock}{local}{more}upstream: {upstream}\nlisten: {listen}\n{of_proxy}");
        let proxy = Proxy::start(folders[1].path(), &settings);

        let wrong = KeyEndpoint::start().await;
        wrong.set(Mode::Page);
        let mock = trust(alb.signer(), alb.issuer(), alb.client_id(), wrong.url());
        let settings = format!("trust:\n{mock}{more}upstream: {upstream}\nlisten: 127.0.0.1:0\n");
        let new_proxy = Proxy::start(folders[2].path(), &settings);
        Self {
            emulator,
            alb_emulator,
            backstage,
            proxy,
            new_proxy,
            alb,
            keys,
            catalog,
            database,
            client: Client::builder().no_proxy().timeout(Duration::from_secs(30)).build().expect("a client"),
            denied,
            users: AtomicU64::new(0),
            application: Application::start().await,
            _folders: folders,
        }
    }

    /// Names and addresses for Prometheus.
    pub fn jobs(&self) -> Vec<(&'static str, String)> {
        let lines = &self.backstage.start_lines;
        let metrics = lines.lines().find_map(|line| line.trim().strip_prefix("Metrics")).expect("an address").trim();
        let metrics = metrics.split_once("http://").expect("a URL").1.split('/').next().expect("an address");
        vec![
            ("backstage-auth", metrics.to_owned()),
            ("alb-auth-proxy", self.proxy.admin().to_string()),
            ("new-alb-auth-proxy", self.new_proxy.admin().to_string()),
            ("alb-emulator", self.alb_emulator.address("Metrics").to_string()),
            ("application", self.application.address.to_string()),
        ]
    }

    /// A user who was not seen before.
    pub fn new_user(&self) -> User {
        let number = self.users.fetch_add(1, Ordering::SeqCst);
        User::jane().claim("sub", format!("user-{number}")).claim("email", format!("user-{number}@example.com"))
    }

    /// A request to the proxy with this token.
    pub async fn at_proxy(&self, token: &str) -> u16 {
        self.send(&format!("http://{}/", self.proxy.address()), &[token]).await
    }

    pub async fn at_new_proxy(&self, token: &str) -> u16 {
        self.send(&format!("http://{}/", self.new_proxy.address()), &[token]).await
    }

    /// A request without a session to the emulator that is a program.
    pub async fn at_alb_emulator(&self) -> u16 {
        let url = self.alb_emulator.named("Open");
        let port = url.rsplit(':').next().expect("a port");
        let client =
            Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy().build().expect("a client");
        client.get(format!("http://127.0.0.1:{port}/")).send().await.expect("a response").status().as_u16()
    }

    /// A session of Backstage with this token.
    pub async fn at_backstage(&self, token: &str) -> u16 {
        self.send(&self.backstage.at("/api/auth/awsalb/refresh"), &[token]).await
    }

    /// Past the load balancer, with as many tokens as a client likes.
    pub async fn send(&self, url: &str, tokens: &[&str]) -> u16 {
        let mut request = self.client.get(url).header("x-requested-with", "XMLHttpRequest");
        for token in tokens {
            request = request.header("x-amzn-oidc-data", *token);
        }
        request.send().await.expect("a response").status().as_u16()
    }

    pub async fn sign_out(&self, token: &str) -> u16 {
        let request = self.client.post(self.backstage.at("/api/auth/awsalb/logout"));
        let request = request.header("x-amzn-oidc-data", token).header("origin", "http://localhost:3000");
        request.send().await.expect("a response").status().as_u16()
    }

    /// As a load balancer does.
    pub async fn probe(&self) {
        let paths = [
            format!("http://{}/.alb-auth-proxy/ready", self.proxy.address()),
            self.backstage.at("/.backstage/health/v1/readiness"),
        ];
        for path in paths {
            self.client.get(path).send().await.expect("a response");
        }
    }

    /// Denies a user whose stream the proxy passes on, and waits for its end.
    pub async fn stream_of_a_denied_user(&self) {
        let token = self.alb.sign(&User::jane());
        let request = self.client.get(format!("http://{}/stream", self.proxy.address()));
        let response = request.header("x-amzn-oidc-data", token).send().await.expect("a response");
        assert_eq!(response.status(), 200);
        fs::write(&self.denied, "{\"email\": \"jane.doe@example.com\"}\n").expect("written");
        let mut pieces = response.bytes_stream();
        while pieces.next().await.is_some_and(|piece| piece.is_ok()) {}
    }

    /// Puts a folder in the place of the proxy's audit file, and sends new users until an event cannot be written.
    pub async fn lose_audit_events(&self) {
        let file = self.denied.with_file_name("audit.jsonl");
        fs::remove_file(&file).expect("removed");
        fs::create_dir(&file).expect("a folder");
        let until = Instant::now() + MAX_WAIT;
        // An event within a second of the one before goes into the file that was removed.
        while !self.proxy.log().contains("audit events are lost") {
            assert!(Instant::now() < until, "{}", self.proxy.log());
            assert_eq!(self.at_proxy(&self.alb.sign(&self.new_user())).await, 200);
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    pub async fn at_application(&self) -> u16 {
        self.application.request().await
    }

    /// A request without a bearer token where machines have one.
    pub async fn at_machines(&self) -> u16 {
        self.application.request_through(&self.application.machines).await
    }
}

/// The settings of a Backstage behind the mock load balancer.
fn app_config(alb: &MockAlb, keys: &str, database: &Server) -> String {
    let (issuer, signer, client_id, port) = (alb.issuer(), alb.signer(), alb.client_id(), database.port());
    format!(
        "\
app: {{ baseUrl: 'http://localhost:3000' }}
backend:
  baseUrl: http://localhost:3000
  database:
    client: pg
    connection: {{ host: 127.0.0.1, port: {port}, user: {USER}, password: '{PASSWORD}', ssl: false }}
auth:
  providers:
    awsalb:
      issuer: {issuer}
      signer: {signer}
      clientIds: [{client_id}]
      keyEndpoint: {keys}
      acceptMissingEmailVerified: true
      signIn:
        resolvers:
          - resolver: emailLocalPartMatchingUserEntityName
            allowedDomains: [example.com]
"
    )
}

/// A catalog in which every user is, except for `unknown`.
pub struct Catalog {
    url: String,
    /// In milliseconds; `DOWN` responds with 500.
    delay: Arc<AtomicU64>,
}

const DOWN: u64 = u64::MAX;

impl Catalog {
    async fn start() -> Self {
        let delay = Arc::new(AtomicU64::new(0));
        let waiting = Arc::clone(&delay);
        let by_name = get(async move |Path(name): Path<String>| match waiting.load(Ordering::SeqCst) {
            DOWN => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
            _ if name == "unknown" => StatusCode::NOT_FOUND.into_response(),
            delay => {
                tokio::time::sleep(Duration::from_millis(delay)).await;
                let entity = json!({ "kind": "User", "metadata": { "name": name }, "spec": {}, "relations": [] });
                Json(entity).into_response()
            }
        });
        let url = serve(Router::new().route("/api/catalog/entities/by-name/User/default/{name}", by_name)).await;
        Self { url, delay }
    }

    /// Responds after so long.
    pub fn responds_after(&self, delay: Duration) {
        self.delay.store(u64::try_from(delay.as_millis()).expect("short"), Ordering::SeqCst);
    }

    pub fn fails(&self) {
        self.delay.store(DOWN, Ordering::SeqCst);
    }
}

/// An application whose route requires a user, and which has no layer around it; another route is for machines. Its metrics are those of
/// the thread of the test.
struct Application {
    address: SocketAddr,
    machines: MachineLayer,
    _guard: metrics::LocalRecorderGuard<'static>,
}

impl Application {
    async fn start() -> Self {
        // Lives as long as the test binary: the guard borrows it.
        let recorder: &'static _ = Box::leak(Box::new(PrometheusBuilder::new().build_recorder()));
        let handle = recorder.handle();
        let guard = metrics::set_default_local_recorder(recorder);
        // Another layer of the same process registers the counters.
        let _ = MockAlb::new().layer();
        let tokens = MachineTokens::new("https://idp.example.com").audience("api://orders").client("nightly-report");
        let machines = MachineLayer::new(tokens).expect("sound");
        let app = Router::new().route("/metrics", get(async move || handle.render()));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { address, machines, _guard: guard }
    }

    async fn request(&self) -> u16 {
        self.request_through(&RequireLayer::signed_in()).await
    }

    async fn request_through<L>(&self, layer: &L) -> u16
    where
        L: tower::Layer<Handler>,
        L::Service: tower::Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
    {
        let service = layer.layer(tower::service_fn(handler as fn(_) -> _));
        let response = service.oneshot(Request::new(Body::empty())).await.expect("infallible");
        response.status().as_u16()
    }
}

type Handler = tower::util::ServiceFn<fn(Request<Body>) -> Ready<Result<Response<Body>, Infallible>>>;

fn handler(_: Request<Body>) -> Ready<Result<Response<Body>, Infallible>> {
    ready(Ok(Response::new(Body::empty())))
}
