//! The services under test, and what is around them.

use std::{
    fs,
    net::SocketAddr,
    process::Command,
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, Instant, SystemTime},
};

use axum::{Json, Router, extract::Request, routing::any};
use rustls::pki_types::CertificateDer;
use serde_json::json;
use tempfile::TempDir;
use tower_alb_auth::{
    AlbAuthConfig, AlbAuthLayer, AlbAuthSettings, BackgroundTask, BackstageIdentity, Clock, ConfigError,
    deny_list::DenyList, layer::Watch, sign_in::EmailLocalPart, test_util::MockAlb,
};

use super::{
    doubles::{Catalog, Keys, grpc_service, service},
    ledger::{Ledger, Target},
};
use crate::{
    our_programs::{auth_proxy, backstage_auth, command, trust_as_variables, trust_of_backstage, write},
    support::{
        port::free_port,
        postgres::{
            database::AUTH,
            server::{PASSWORD, Server, USER},
        },
        process::Program,
    },
};

/// Tokens that a program remembers: few, so that the cache is full early and tokens are always removed from it.
const MAX_TOKENS: usize = 500;

/// The user in every deny list.
pub const DENIED: &str = "mallory";

/// One that can be replaced by another process at the same address.
struct Replica {
    program: Option<Program>,
    address: SocketAddr,
    /// How often it was started.
    starts: u64,
    /// The lines of each process before.
    logs: Vec<Vec<String>>,
}

/// The lines of its log so far.
fn lines_of(program: &Program) -> Vec<String> {
    program.log().lines().map(str::to_owned).collect()
}

pub struct Site {
    pub ledger: Ledger,
    pub keys: Keys,
    pub catalog: Catalog,
    pub database: tokio::sync::Mutex<Server>,
    pub folder: TempDir,
    pub clock: Stepped,
    /// Whose key signs what must be refused.
    pub attacker: MockAlb,
    alb: Mutex<MockAlb>,
    certificates: Mutex<Vec<CertificateDer<'static>>>,
    programs: [(Target, Mutex<Replica>); 5],
    axum: SocketAddr,
    clocked: SocketAddr,
    _watching: BackgroundTask<ConfigError>,
}

/// The clocks of the system, with a wall clock that is wrong by some seconds.
#[derive(Clone, Default)]
pub struct Stepped(Arc<AtomicI64>);

impl Stepped {
    pub fn set(&self, seconds: i64) {
        self.0.store(seconds, Ordering::SeqCst);
    }
}

impl Clock for Stepped {
    fn now(&self) -> SystemTime {
        let by = self.0.load(Ordering::SeqCst);
        let distance = Duration::from_secs(by.unsigned_abs());
        if by < 0 { SystemTime::now() - distance } else { SystemTime::now() + distance }
    }

    fn monotonic(&self) -> Instant {
        Instant::now()
    }
}

/// A certificate for `localhost`, and its key.
pub fn certificate() -> (CertificateDer<'static>, String, String) {
    let key = rcgen::KeyPair::generate().expect("a key");
    let made = rcgen::CertificateParams::new(["localhost".to_owned()]).and_then(|params| params.self_signed(&key));
    let made = made.expect("a certificate");
    (made.der().clone(), made.pem(), key.serialize_pem())
}

/// The whole deny list. A part of it does not have the number of entries of its first line.
pub fn deny_list() -> String {
    format!("{{\"entries\": 2}}\n{{\"user\": \"user:default/{DENIED}\"}}\n{{\"email\": \"{DENIED}@example.com\"}}\n")
}

pub fn axum_settings(alb: &MockAlb, key_endpoint: &str) -> String {
    json!({
        "trust": [{ "signers": [alb.signer()], "issuer": alb.issuer(), "client_ids": [alb.client_id()], "key_endpoint": key_endpoint }],
        "sign_in": { "email_local_part": { "domains": ["example.com"] } },
        "accept_missing_email_verified": true,
    })
    .to_string()
}

pub fn app_config(alb: &MockAlb, key_endpoint: &str, catalog: &str, database_port: u16) -> String {
    let connection = json!({ "host": "127.0.0.1", "port": database_port, "user": USER, "password": PASSWORD });
    format!(
        "app: {{ baseUrl: 'http://127.0.0.1:7007' }}\nbackend:\n  baseUrl: http://127.0.0.1:7007\n  database: {{ client: pg, connection: {connection} }}\n\
         auth:\n  providers:\n    awsalb:\n{}      limits: {{ maxTokens: {MAX_TOKENS} }}\n      signIn:\n        resolvers:\n          - resolver: emailLocalPartMatchingUserEntityName\n            \
         allowedDomains: [example.com]\ndiscovery:\n  endpoints:\n    - target: {catalog}\n      plugins: [catalog]\n",
        trust_of_backstage(alb, key_endpoint)
    )
}

impl Site {
    pub async fn start() -> Self {
        let (keys, catalog, alb) = (Keys::start().await, Catalog::start().await, MockAlb::new());
        keys.add(&alb);
        let database = tokio::task::spawn_blocking(Server::start).await.expect("a server");
        drop(database.create(AUTH).await);
        let folder = tempfile::tempdir().expect("a folder");
        let (echo, grpc) = (service().await, grpc_service().await);

        write(&folder, "denied.jsonl", deny_list());
        write(&folder, "app-config.yaml", app_config(&alb, &keys.url, &catalog.url, database.port()));
        let (certificate, certificate_pem, key_pem) = certificate();
        write(&folder, "certificate.pem", certificate_pem);
        write(&folder, "key.pem", key_pem);
        let proxy = |more: &str| {
            "deny_list: denied.jsonl\nprofile: grafana\nlog_format: json\nlog_filter: tower_alb_auth=info,warn\n"
                .to_owned()
                + more
        };
        write(&folder, "proxy-a.yaml", proxy(&format!("upstream: http://{echo}\n")));
        let tls = "tls_certificate: certificate.pem\ntls_key: key.pem\n";
        write(&folder, "proxy-b.yaml", proxy(&format!("upstream: http://{echo}\n{tls}")));
        write(&folder, "grpc.yaml", proxy(&format!("upstream: http://{grpc}\nupstream_protocol: http2\n")));
        write(&folder, "axum.json", axum_settings(&alb, &keys.url));

        let (layer, watching) = watched(&folder);
        let axum = handler(layer).await;
        let clock = Stepped::default();
        let trusted = alb.trusted().key_endpoint(&keys.url);
        let builder = AlbAuthConfig::builder().trust(trusted).clock(clock.clone()).accept_missing_email_verified();
        let config = builder.sign_in(EmailLocalPart::in_domains(["example.com"])).build().expect("sound");
        let denied = DenyList::from_file(folder.path().join("denied.jsonl")).expect("a list");
        let clocked = handler(AlbAuthLayer::new(config).deny_list(&denied)).await;

        let replica = |target| (target, Mutex::new(Replica::new()));
        let programs =
            [Target::BackstageA, Target::BackstageB, Target::ProxyA, Target::ProxyB, Target::Grpc].map(replica);
        let site = Self {
            ledger: Ledger::default(),
            keys,
            catalog,
            database: tokio::sync::Mutex::new(database),
            folder,
            clock,
            attacker: MockAlb::new(),
            alb: Mutex::new(alb),
            certificates: Mutex::new(vec![certificate]),
            programs,
            axum,
            clocked,
            _watching: watching,
        };
        for (target, _) in &site.programs {
            site.begin(*target);
        }
        site
    }

    /// The load balancer, with its newest key.
    pub fn alb(&self) -> MockAlb {
        self.alb.lock().unwrap().clone()
    }

    /// From now on the load balancer signs with a new key, which is at the endpoint.
    pub fn rotate(&self) {
        let mut alb = self.alb.lock().unwrap();
        alb.rotate();
        self.keys.add(&alb);
    }

    pub fn certificates(&self) -> Vec<CertificateDer<'static>> {
        self.certificates.lock().unwrap().clone()
    }

    pub fn trust_certificate(&self, certificate: CertificateDer<'static>) {
        self.certificates.lock().unwrap().push(certificate);
    }

    pub fn address(&self, target: Target) -> SocketAddr {
        match target {
            Target::Axum => self.axum,
            Target::Clocked => self.clocked,
            _ => self.replica(target).lock().unwrap().address,
        }
    }

    pub fn url(&self, target: Target) -> String {
        format!("http://{}", self.address(target))
    }

    pub fn start_of(&self, target: Target) -> u64 {
        self.replica(target).lock().unwrap().starts
    }

    fn replica(&self, target: Target) -> &Mutex<Replica> {
        let found = self.programs.iter().find(|(of, _)| *of == target);
        &found.unwrap_or_else(|| panic!("{target:?} is no program")).1
    }

    /// The processes that run, by name.
    pub fn processes(&self) -> Vec<(Target, u32)> {
        let id = |(target, replica): &(Target, Mutex<Replica>)| {
            Some((*target, replica.lock().unwrap().program.as_ref()?.id()))
        };
        self.programs.iter().filter_map(id).collect()
    }

    pub fn process(&self, target: Target) -> u32 {
        self.replica(target).lock().unwrap().program.as_ref().expect("it runs").id()
    }

    /// The log lines of each process, by replica.
    pub fn logs(&self) -> Vec<(Target, Vec<String>)> {
        let of = |(target, replica): &(Target, Mutex<Replica>)| {
            let replica = replica.lock().unwrap();
            let logs = replica.logs.iter().cloned().chain(replica.program.as_ref().map(lines_of));
            logs.map(|log| (*target, log)).collect::<Vec<_>>()
        };
        self.programs.iter().flat_map(of).collect()
    }

    pub fn end(&self, target: Target) {
        let mut replica = self.replica(target).lock().unwrap();
        let mut program = replica.program.take().expect("it runs");
        program.kill();
        replica.logs.push(lines_of(&program));
    }

    pub fn begin(&self, target: Target) {
        let mut replica = self.replica(target).lock().unwrap();
        let listen = replica.address.to_string();
        let program = match target {
            Target::BackstageA | Target::BackstageB => {
                let mut command = self.in_folder(env!("CARGO_BIN_EXE_backstage-auth"));
                command.env("RUST_LOG", "info,tower_http=warn").args(["--listen", &listen, "--log-format", "json"]);
                command.args(["--create-tables", "--replicas", "2", "--deny-list", "denied.jsonl"]);
                backstage_auth(command)
            }
            _ => {
                let mut command = self.in_folder(env!("CARGO_BIN_EXE_alb-auth-proxy"));
                let file = match target {
                    Target::ProxyA => "proxy-a.yaml",
                    Target::ProxyB => "proxy-b.yaml",
                    _ => "grpc.yaml",
                };
                command.args(["--config", file, "--listen", &listen]);
                command.envs(trust_as_variables(&self.alb(), &self.keys.url));
                command.env("ALB_AUTH_LIMIT_MAX_TOKENS", MAX_TOKENS.to_string());
                auth_proxy(command)
            }
        };
        replica.program = Some(program);
        replica.starts += 1;
    }

    fn in_folder(&self, program: &str) -> Command {
        let mut command = command(program);
        command.current_dir(self.folder.path());
        command
    }
}

impl Replica {
    fn new() -> Self {
        Self { program: None, address: ([127, 0, 0, 1], free_port()).into(), starts: 0, logs: Vec::new() }
    }
}

/// A layer whose settings are in a file that is watched.
fn watched(folder: &TempDir) -> (AlbAuthLayer, BackgroundTask<ConfigError>) {
    let file = folder.path().join("axum.json");
    let load = move || {
        let text = fs::read_to_string(&file).map_err(ConfigError::message)?;
        let settings: AlbAuthSettings = serde_json::from_str(&text).map_err(ConfigError::message)?;
        settings.to_builder().build()
    };
    let watch = Watch::files([folder.path().join("axum.json")]).every(Duration::from_millis(500));
    let layer = AlbAuthLayer::new(load().expect("sound settings"));
    let layer = layer.deny_list(&DenyList::from_file(folder.path().join("denied.jsonl")).expect("a list"));
    let watching = layer.handle().watch(watch, load);
    (layer, watching)
}

/// A service of an application, with the layer around it.
async fn handler(layer: AlbAuthLayer) -> SocketAddr {
    let say = async |user: BackstageIdentity, request: Request| {
        Json(json!({ "user": user.user_entity_ref().as_str(), "path": request.uri().path() }))
    };
    let app = Router::new().fallback(any(say)).layer(layer);
    let listener = tower_alb_auth::listen("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move { axum::serve(listener, app).await });
    address
}
