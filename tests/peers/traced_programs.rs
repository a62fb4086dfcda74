//! S-159: secrets in what the programs print at level TRACE, their libraries included, in responses and in metrics.
//!
//! | secret | where it is |
//! |---|---|
//! | token and access token of the load balancer, cookies, a bearer token, a query | the request |
//! | Backstage's token of the user | the response of `/awsalb/refresh`, and the request of `/v1/userinfo` |
//! | password of the database, token of the catalog, private keys | files |

use http::HeaderMap;
use serde_json::json;
use tower_alb_auth::test_util::{MockAlb, User};

use crate::{
    our_programs::{auth_proxy, backstage_auth, command, tls, trust_of_backstage, trust_of_proxy, write},
    support::postgres::{
        database::AUTH,
        server::{PASSWORD, Server, USER},
    },
};

/// What no line may contain. Each has the word, except for tokens, of which parts are looked for.
const CANARY: &str = "canary";
const ACCESS_TOKEN: &str = "canary-access-token";

fn jane() -> User {
    User::jane().claim("custom:private", "canary-claim")
}

/// The headers of a request with every secret that a client has.
fn headers(token: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in [
        ("x-amzn-oidc-data", token),
        ("x-amzn-oidc-accesstoken", ACCESS_TOKEN),
        ("cookie", "AWSELBAuthSessionCookie-0=canary-cookie; own=canary-own-cookie"),
        ("x-requested-with", "XMLHttpRequest"),
    ] {
        headers.insert(name, value.parse().expect("a value"));
    }
    headers
}

/// That this text has none of the secrets.
#[track_caller]
fn assert_unseen(what: &str, text: &str, tokens: &[&str], more: &[&str]) {
    let around = |at: usize| text[at.saturating_sub(200)..].chars().take(400).collect::<String>();
    for secret in [CANARY].iter().chain(more) {
        assert_eq!(text.find(secret).map(around), None, "{what}: {secret}");
    }
    for token in tokens {
        for segment in token.split('.').skip(1).filter(|segment| segment.len() >= 32) {
            for piece in [&segment[..16], &segment[segment.len() / 2..][..16]] {
                assert_eq!(text.find(piece).map(around), None, "{what}: a piece of a token");
            }
        }
    }
}

#[tokio::test]
#[ignore = "peer: PostgreSQL, installed by .ci/peers"]
async fn s_159_no_secret_is_in_what_backstage_auth_prints_at_level_trace() {
    let (alb, folder) = (MockAlb::new().serve().await, tempfile::tempdir().expect("a folder"));
    let server = tokio::task::spawn_blocking(Server::start).await.expect("a server");
    drop(server.create(AUTH).await);
    let catalog = axum::Router::new().fallback(async || {
        axum::Json(json!({
            "kind": "User",
            "metadata": { "name": "jane.doe", "namespace": "default" },
            "spec": { "profile": { "email": "jane.doe@example.com" } },
        }))
    });
    let listener = tower_alb_auth::listen("127.0.0.1:0").await.expect("a free port");
    let catalog_at = listener.local_addr().expect("an address");
    tokio::spawn(async move { axum::serve(listener, catalog).await });
    let connection = json!({ "host": "127.0.0.1", "port": server.port(), "user": USER, "password": PASSWORD });
    let settings = format!(
        "app: {{ baseUrl: 'http://127.0.0.1:7007' }}\nbackend:\n  baseUrl: http://127.0.0.1:7007\n  database: {{ client: pg, connection: {connection} }}\n  \
         auth: {{ externalAccess: [{{ type: static, options: {{ token: canary-token-of-the-catalog, subject: s }} }}] }}\n\
         auth:\n  session: {{ secret: canary-session }}\n  providers:\n    awsalb:\n{}      signIn:\n        resolvers:\n          - resolver: emailLocalPartMatchingUserEntityName\n            \
         allowedDomains: [example.com]\ndiscovery:\n  endpoints:\n    - target: http://{catalog_at}/api/catalog\n      plugins: [catalog]\n",
        trust_of_backstage(&alb, &alb.config().key_endpoints()[0].to_string()),
    );
    write(&folder, "app-config.yaml", settings);
    let mut command = command(env!("CARGO_BIN_EXE_backstage-auth"));
    command.current_dir(folder.path()).env("RUST_LOG", "trace");
    command.args(["--listen", "127.0.0.1:0", "--create-tables", "--metrics", "127.0.0.1:0"]);
    let program = backstage_auth(command);
    let url = format!("http://{}/api/auth", program.address("Listens at"));
    let metrics = format!("http://{}/metrics", program.address("Metrics"));

    let client = reqwest::Client::builder().no_proxy().build().expect("a client");
    let token = alb.sign(&jane());
    let get = async |path: &str, headers: HeaderMap| {
        let response = client.get(format!("{url}{path}?code=canary-query")).headers(headers).send().await;
        let response = response.expect("a response");
        (response.status().as_u16(), format!("{:?}", response.headers()), response.text().await.expect("a body"))
    };
    let (status, _, session) = get("/awsalb/refresh", headers(&token)).await;
    assert_eq!(status, 200, "{}", program.log());
    let session: serde_json::Value = serde_json::from_str(&session).expect("JSON");
    let issued = session["backstageIdentity"]["token"].as_str().expect("a token").to_owned();
    let mut all = String::new();
    let bearer = |token: &str| {
        let mut headers = headers(token);
        headers.insert("authorization", format!("Bearer {token}").parse().expect("a value"));
        headers
    };
    let forged = format!("{}.canary-payload.{}", "a".repeat(40), "b".repeat(40));
    for (path, headers, expected) in [
        ("/v1/userinfo", bearer(&issued), 200),
        ("/v1/userinfo", bearer(&forged), 401),
        ("/awsalb/refresh", headers(&forged), 401),
        ("/awsalb/refresh", headers(&alb.sign(&jane().claim("email", "canary@elsewhere.example"))), 403),
        ("/canary/refresh", headers(&token), 404),
    ] {
        let (status, headers, body) = get(path, headers).await;
        assert_eq!(status, expected, "{path}: {body}");
        // A path that does not exist is repeated to the client that sent it.
        if expected != 404 {
            all += &format!("{headers}\n{body}\n");
        }
    }
    assert_unseen("responses", &all, &[&token], &[]);
    let text = client.get(metrics).send().await.expect("a response").text().await.expect("a body");
    assert!(text.contains("alb_auth_decisions_total"), "{text}");
    assert_unseen("metrics", &text, &[&token, &issued], &["jane", "private"]);
    let logged = program.log().replace("path=\"/api/auth/canary/refresh\"", "");
    assert!(logged.contains("TRACE") && logged.contains("hyper"), "libraries log too: {}", &logged[..2_000]);
    assert_unseen("log", &logged, &[&token, &issued, &forged], &["canary p@ss", "jane.doe@example.com", "Jane Doe"]);
}

#[tokio::test]
async fn s_159_no_secret_is_in_what_alb_auth_proxy_prints_at_level_trace() {
    let (alb, folder) = (MockAlb::new().serve().await, tempfile::tempdir().expect("a folder"));
    let upstream = axum::Router::new().fallback(async || "from the service");
    let listener = tower_alb_auth::listen("127.0.0.1:0").await.expect("a free port");
    let upstream_at = listener.local_addr().expect("an address");
    tokio::spawn(async move { axum::serve(listener, upstream).await });
    let key = rcgen::KeyPair::generate().expect("a key");
    let certificate = rcgen::CertificateParams::new(["localhost".to_owned()])
        .and_then(|params| params.self_signed(&key))
        .expect("a certificate");
    write(&folder, "certificate.pem", certificate.pem());
    write(&folder, "tls.pem", key.serialize_pem());
    std::fs::create_dir(folder.path().join("keys")).expect("a folder");
    let assertion = rcgen::KeyPair::generate().expect("a key").serialize_pem();
    std::fs::write(folder.path().join("keys/one.pem"), &assertion).expect("written");
    let settings = trust_of_proxy(&alb, &alb.config().key_endpoints()[0].to_string())
        + &format!("upstream: http://{upstream_at}\nlisten: 127.0.0.1:0\nadmin_listen: 127.0.0.1:0\n")
        + "forward_auth_listen: 127.0.0.1:0\nlog_filter: trace\ntls_certificate: certificate.pem\ntls_key: tls.pem\nprofile: grafana\n\
           assertion_issuer: http://127.0.0.1:1\nassertion_audience: grafana\nassertion_keys: keys\n";
    write(&folder, "proxy.yaml", settings);
    let mut command = command(env!("CARGO_BIN_EXE_alb-auth-proxy"));
    command.current_dir(folder.path()).args(["--config", "proxy.yaml"]);
    let program = auth_proxy(command);

    let (token, mut all) = (alb.sign(&jane()), String::new());
    let certificates = [certificate.der().clone()];
    let send = async |address: &str, path: &str, headers: HeaderMap| {
        let mut connection = tls(program.address(address), &certificates).await.expect("a connection");
        let uri = format!("https://localhost{path}?code=canary-query");
        let mut request = http::Request::get(uri).body(String::new()).expect("a request");
        *request.headers_mut() = headers;
        let response = connection.send_request(request).await.expect("a response");
        let (parts, body) = response.into_parts();
        let body = http_body_util::BodyExt::collect(body).await.expect("a body").to_bytes();
        let body = String::from_utf8_lossy(&body).into_owned();
        (parts.status.as_u16(), format!("{:?}\n{body}\n", parts.headers))
    };
    let forged = format!("{}.canary-payload.{}", "a".repeat(40), "b".repeat(40));
    let elsewhere = alb.sign(&jane().claim("email", "canary@elsewhere.example"));
    for (token, expected) in [(&token, 200), (&forged, 401), (&elsewhere, 403)] {
        let (status, shown) = send("Reverse proxy", "/a", headers(token)).await;
        assert_eq!(status, expected, "{shown}");
        all += &shown;
    }
    // Forward auth gives the gateway what the service is to get, and nothing else.
    let (status, shown) = send("Forward auth", "/a", headers(&token)).await;
    assert_eq!(status, 200, "{shown}");
    assert_unseen("forward auth", &shown, &[&token], &[]);
    let admin = format!("http://{}/metrics", program.address("Health, metrics"));
    let client = reqwest::Client::builder().no_proxy().build().expect("a client");
    let metrics = client.get(admin).send().await.expect("a response").text().await.expect("a body");
    assert!(metrics.contains("alb_auth_decisions_total"), "{metrics}");
    all += &metrics;
    assert_unseen("responses and metrics", &all, &[&token, &elsewhere], &["jane"]);
    let logged = program.log();
    assert!(logged.contains("TRACE") && logged.contains("hyper"), "libraries log too: {}", &logged[..2_000]);
    let bodies = [&key.serialize_pem(), &assertion].map(|pem| pem.lines().nth(1).expect("a line").to_owned());
    let secrets = [bodies[0].as_str(), &bodies[1], "jane.doe@example.com", "Jane Doe"];
    assert_unseen("log", &logged, &[&token, &forged, &elsewhere], &secrets);
}
