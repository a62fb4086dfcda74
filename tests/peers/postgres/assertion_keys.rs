//! Assertions of two replicas of `alb-auth-proxy`, whose keys are in one database, and one service that verifies them.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, Once},
    time::Duration,
};

use axum::{Router, extract::Request};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header, jwk::JwkSet};
use serde_json::Value;
use tower_alb_auth::{
    auth_proxy::{AuthProxy, Settings},
    test_util::{MockAlb, User},
};

use crate::support::postgres::server::{PASSWORD, Server, USER};

const ISSUER: &str = "http://127.0.0.1:1";
const LONG: Duration = Duration::from_secs(60);

/// What both replicas stand between: the load balancer, its keys, and a service that keeps the last assertion.
struct Site {
    alb: MockAlb,
    database: String,
    keys: SocketAddr,
    service: SocketAddr,
    seen: Arc<Mutex<Option<String>>>,
    folder: tempfile::TempDir,
}

async fn serve(app: Router) -> SocketAddr {
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move { axum::serve(listener, app).await });
    address
}

impl Site {
    async fn on(server: &Server, database: &str) -> Self {
        let (alb, seen) = (MockAlb::new(), Arc::new(Mutex::new(None)));
        let pem = alb.public_key_pem();
        let keys = serve(Router::new().fallback(async move || pem)).await;
        let of_service = Arc::clone(&seen);
        let service = serve(Router::new().fallback(async move |request: Request| {
            let assertion =
                request.headers().get("x-jwt-assertion").map(|value| value.to_str().expect("ASCII").to_owned());
            *of_service.lock().expect("a lock") = assertion;
        }))
        .await;
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("password"), format!("{PASSWORD}\n")).expect("written");
        let database = format!("postgres://{USER}@127.0.0.1:{}/{database}?sslmode=disable", server.port());
        Self { alb, database, keys, service, seen, folder }
    }

    async fn replica(&self, more: &str) -> AuthProxy {
        let password = self.folder.path().join("password");
        let text = format!(
            "trust:\n  - signers: ['{}']\n    issuer: {}\n    client_ids: [{}]\n    key_endpoint: http://{}\n\
             sign_in: {{ email_local_part: {{ domains: [example.com] }} }}\nupstream: http://{}\nlisten: 127.0.0.1:0\n\
             assertion_issuer: {ISSUER}\nassertion_audience: grafana\nassertion_listen: 127.0.0.1:0\n\
             assertion_database: {}\nassertion_database_password_file: {}\n{more}",
            self.alb.signer(),
            self.alb.issuer(),
            self.alb.client_id(),
            self.keys,
            self.service,
            self.database,
            password.display(),
        );
        let file = self.folder.path().join("proxy.yaml");
        std::fs::write(&file, text).expect("written");
        let settings = Settings::read(Some(&file), &[], &[]).expect("settings");
        AuthProxy::start(settings).await.expect("it starts")
    }

    /// The assertion that the service gets of this replica. It may have to wait for the database.
    async fn assertion(&self, replica: &AuthProxy) -> String {
        let client = reqwest::Client::builder().no_proxy().build().expect("a client");
        let url = format!("http://{}/", replica.addresses().reverse_proxy.expect("an address"));
        let got = async {
            loop {
                let request = client.get(&url).header("x-amzn-oidc-data", self.alb.sign(&User::jane()));
                let status = request.send().await.expect("a response").status().as_u16();
                if status == 200 {
                    return self.seen.lock().expect("a lock").take().expect("an assertion");
                }
                assert_eq!(status, 503, "the key cannot be published yet");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(LONG, got).await.expect("in time")
    }
}

/// As a service does that fetches the keys from this replica.
async fn verify(replica: &AuthProxy, token: &str) -> Result<Value, String> {
    let address = replica.addresses().assertion.expect("an address");
    let client = reqwest::Client::builder().no_proxy().build().expect("a client");
    let keys = client.get(format!("http://{address}/.well-known/jwks.json")).send().await.expect("a response");
    let keys: JwkSet = keys.json().await.expect("a key set");
    let kid = decode_header(token).expect("a header").kid.expect("a kid");
    static PROVIDER: Once = Once::new();
    // The emulator and the tests enable one each.
    PROVIDER.call_once(|| _ = jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER.install_default());
    let key = DecodingKey::from_jwk(keys.find(&kid).ok_or("the key is not listed")?).expect("a key");
    let mut validation = Validation::new(Algorithm::ES256);
    validation.set_issuer(&[ISSUER]);
    validation.set_audience(&["grafana"]);
    decode::<Value>(token, &key, &validation).map(|data| data.claims).map_err(|error| error.to_string())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "peer: PostgreSQL, installed by .ci/peers"]
async fn s_119_replicas_share_the_public_keys_of_assertions_in_postgresql() {
    let server = Server::start();
    let client = server.create("sso").await;
    let site = Site::on(&server, "sso").await;
    let (one, other) = (site.replica("").await, site.replica("").await);
    let mut tokens = Vec::new();
    for replica in [&one, &other] {
        let token = site.assertion(replica).await;
        // At once: a key is in the database before it signs.
        for at in [&one, &other] {
            let claims = verify(at, &token).await.expect("any replica lists the key");
            assert_eq!(claims["email"], "jane.doe@example.com");
        }
        tokens.push(token);
    }
    let kid = |token: &str| decode_header(token).expect("a header").kid;
    assert_ne!(kid(&tokens[0]), kid(&tokens[1]), "each replica has a key of its own");

    // A replica is replaced: its key stays listed, and the new one's is added.
    drop(one);
    let third = site.replica("").await;
    tokens.push(site.assertion(&third).await);
    for (at, token) in [&other, &third].into_iter().flat_map(|at| tokens.iter().map(move |token| (at, token))) {
        verify(at, token).await.expect("listed until no assertion needs it");
    }

    let rows = client.query("select key from alb_auth_proxy.signing_keys", &[]).await.expect("rows");
    assert!(rows.len() >= 3, "a key of each replica, and perhaps the next one: {}", rows.len());
    for row in rows {
        let key: Value = serde_json::from_str(row.get(0)).expect("a JWK");
        assert!(key.get("d").is_none() && key["kty"] == "EC", "no private key is in the database");
    }
    // Another issuer has a schema of its own, and knows nothing of these keys.
    let stranger = site.replica("assertion_database_schema: another\n").await;
    let token = site.assertion(&stranger).await;
    assert!(verify(&stranger, &tokens[0]).await.is_err());
    assert!(verify(&other, &token).await.is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "peer: PostgreSQL, installed by .ci/peers"]
async fn s_119_without_the_database_no_assertion_is_signed_with_a_key_that_is_not_listed() {
    let mut server = Server::start();
    drop(server.create("sso").await);
    let site = Site::on(&server, "sso").await;
    let before = site.replica("").await;
    let token = site.assertion(&before).await;
    server.stop();
    let replica = site.replica("").await;
    let client = reqwest::Client::builder().no_proxy().build().expect("a client");
    let url = format!("http://{}/", replica.addresses().reverse_proxy.expect("an address"));
    let request = client.get(&url).header("x-amzn-oidc-data", site.alb.sign(&User::jane()));
    assert_eq!(request.send().await.expect("a response").status(), 503);
    assert_eq!(*site.seen.lock().expect("a lock"), None, "the service got no request");
    // One whose key is published goes on.
    site.assertion(&before).await;
    server.start_again();
    let late = site.assertion(&replica).await;
    verify(&before, &late).await.expect("listed");
    verify(&replica, &token).await.expect("listed");
}
