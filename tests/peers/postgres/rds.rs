//! Passwords that change: from a source, and as tokens of IAM for Amazon RDS.

use std::{
    fs,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use tempfile::TempDir;
use tower_alb_auth::backstage::{
    settings::Secret,
    store::{PublicKeyStore, StoreError, postgres::Postgres},
};

use crate::{
    postgres::{
        aws::{Aws, FIXED, POD_TOKEN, REGION, ROLE, WEB_TOKEN},
        people::{at, key, kids},
        tls::{authority, by_name, protected},
    },
    support::backstage_auth::{Service, run, sound_with_database},
    support::postgres::database::AUTH,
    support::postgres::server::{PASSWORD, Server, USER},
    support::process::MAX_WAIT,
};

const IAM_USER: &str = "iam_user";

#[tokio::test]
#[ignore = "peer: PostgreSQL"]
async fn f_44_each_new_connection_asks_for_the_password_and_open_ones_stay() {
    let ours = authority("ours");
    let mut server = protected(&ours).await;
    let asked = Arc::new(AtomicUsize::new(0));
    let current = Arc::new(Mutex::new("canary first".to_owned()));
    let client = admin(&server).await;
    let change = async |to: &str| {
        client.batch_execute(&format!("alter role rotating password '{to}'")).await.unwrap();
        to.clone_into(&mut current.lock().unwrap());
    };
    client.batch_execute(&format!("create role rotating login; {}", grants("rotating"))).await.unwrap();
    change("canary first").await;
    let source = {
        let (asked, current) = (Arc::clone(&asked), Arc::clone(&current));
        move || {
            asked.fetch_add(1, Ordering::SeqCst);
            let password = Secret::new(current.lock().unwrap().clone());
            async move { Ok(password) }
        }
    };
    let builder = by_name(&server).user("rotating").tls(pem(&ours)).connections(1).password_source(source);
    let keys = builder.build().unwrap().user_keys();
    keys.publish(key("one", at(1_800_000_000))).await.unwrap();
    change("canary second").await;
    assert_eq!(kids(&keys.list().await.unwrap()), ["one"], "an open connection needs no password");
    assert_eq!(asked.load(Ordering::SeqCst), 1);

    drop(client);
    server.stop();
    server.start_again();
    assert_eq!(kids(&keys.list().await.unwrap()), ["one"]);
    assert_eq!(asked.load(Ordering::SeqCst), 2, "a new connection has a new password");
}

#[tokio::test]
#[ignore = "peer: PostgreSQL"]
async fn a_password_source_that_fails_or_hangs_is_named_in_time_and_shows_no_password() {
    let ours = authority("ours");
    let server = protected(&ours).await;
    let builder = || by_name(&server).tls(pem(&ours)).timeout(Duration::from_secs(2));
    let started = Instant::now();
    let hangs = builder().password_source(std::future::pending);
    let fails = builder().password_source(|| async { Err(StoreError::new("the vault is sealed")) });
    let wrong = builder().password_source(|| async { Ok(Secret::new("canary wrong")) });
    for (builder, said) in [
        (hangs, "the source of backstage's password did not respond within 1s"),
        (fails, "no password for backstage to open a connection to PostgreSQL at localhost"),
        (wrong, "check that the password source returns the password of backstage"),
    ] {
        let store = builder.build().unwrap();
        let error = store.user_keys().list().await.unwrap_err().to_string();
        assert!(error.contains(said), "{error}");
        assert!(!error.contains("canary") && !format!("{store:?}").contains("canary"), "{error}");
    }
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
}

/// A database with IAM, and the service's files for it.
struct Rds {
    aws: Aws,
    server: Server,
    folder: TempDir,
}

impl Rds {
    async fn start() -> Self {
        let (aws, ours) = (Aws::start().await, authority("ours"));
        let mut server = protected(&ours).await;
        let create = format!("create role {IAM_USER} login; {}", grants(IAM_USER));
        admin(&server).await.batch_execute(&create).await.unwrap();
        server.stop();
        server.write(
            "pg_hba.conf",
            &format!("hostssl all {USER} 127.0.0.1/32 scram-sha-256\n{}", aws.hba_line(IAM_USER)),
        );
        server.start_again();
        aws.set_endpoint(&format!("localhost:{}", server.port()));
        let folder = tempfile::tempdir().expect("a folder");
        for (name, text) in
            [("ca.pem", ours.pem()), ("pod-token", POD_TOKEN.to_owned()), ("web-token", WEB_TOKEN.to_owned())]
        {
            fs::write(folder.path().join(name), text).expect("written");
        }
        let rds = Self { aws, server, folder };
        rds.write("ssl: { ca: { $file: ca.pem } }");
        rds
    }

    /// The service's file, with these keys in the connection.
    fn write(&self, keys: &str) {
        let port = self.server.port();
        let connection = format!(
            "    connection:
      type: rds
      host: localhost
      port: {port}
      user: {IAM_USER}
      {keys}
"
        );
        fs::write(self.folder.path().join("app-config.yaml"), sound_with_database(&connection)).expect("written");
    }

    fn service(&self, variables: &[(&str, &str)]) -> Service {
        Service::start_in(self.folder.path(), &["--listen", "127.0.0.1:0"], variables)
    }
}

/// Whether it becomes ready, which needs the database. The reason is in the log alone.
async fn ready(service: &Service, or_until: &str) -> Result<(), String> {
    let started = Instant::now();
    loop {
        let response = reqwest::get(service.at("/.backstage/health/v1/readiness")).await.expect("a response");
        if response.status() == 200 {
            return Ok(());
        }
        let log = service.log();
        if log.contains(or_until) {
            return Err(log);
        }
        assert!(started.elapsed() < MAX_WAIT, "{log}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "peer: PostgreSQL"]
async fn the_service_signs_in_to_rds_with_the_credentials_of_each_kind_of_container() {
    let rds = Rds::start().await;
    let (url, region) = (rds.aws.url(), ("AWS_REGION", REGION));
    let pod = format!("{url}/pod");
    for (case, variables) in [
        (
            "EKS Pod Identity",
            vec![
                ("AWS_CONTAINER_CREDENTIALS_FULL_URI", pod.as_str()),
                ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "pod-token"),
                region,
            ],
        ),
        (
            "ECS with a token",
            vec![
                ("AWS_CONTAINER_CREDENTIALS_FULL_URI", pod.as_str()),
                ("AWS_CONTAINER_AUTHORIZATION_TOKEN", POD_TOKEN),
                region,
            ],
        ),
        (
            "IRSA",
            vec![
                ("AWS_WEB_IDENTITY_TOKEN_FILE", "web-token"),
                ("AWS_ROLE_ARN", ROLE),
                ("AWS_ENDPOINT_URL_STS", url.as_str()),
                region,
            ],
        ),
        (
            "environment",
            vec![("AWS_ACCESS_KEY_ID", FIXED.0), ("AWS_SECRET_ACCESS_KEY", FIXED.1), ("AWS_DEFAULT_REGION", REGION)],
        ),
    ] {
        let before = rds.aws.accepted().len();
        let service = rds.service(&variables);
        assert_eq!(ready(&service, "AWS credentials").await, Ok(()), "{case}");
        assert!(rds.aws.accepted().len() > before, "{case}");
        let log = service.log();
        assert!(!log.contains("canary") && !log.contains("X-Amz"), "{case}: {log}");
        service.signal("TERM");
    }
    assert_eq!(rds.aws.refused(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "peer: PostgreSQL"]
async fn f_44_tokens_and_credentials_that_expire_are_replaced_under_way() {
    let mut rds = Rds::start().await;
    let pod = format!("{}/pod", rds.aws.url());
    rds.aws.set_lifetime(Duration::from_secs(60));
    let variables = [
        ("AWS_CONTAINER_CREDENTIALS_FULL_URI", pod.as_str()),
        ("AWS_CONTAINER_AUTHORIZATION_TOKEN", POD_TOKEN),
        ("AWS_REGION", REGION),
    ];
    let service = rds.service(&variables);
    assert_eq!(ready(&service, "AWS credentials").await, Ok(()));
    let before = rds.aws.accepted();

    // Nothing that was used so far opens a connection now, and all connections are cut off.
    rds.aws.advance(Duration::from_secs(61));
    assert!(before.iter().all(|token| rds.aws.accepts(IAM_USER, token).is_err()));
    // Later credentials live for an hour, and their tokens for 15 minutes.
    rds.aws.set_lifetime(Duration::from_secs(3600));
    rds.server.stop();
    rds.server.start_again();
    let key_set = service.at("/api/auth/.well-known/jwks.json");
    let response = reqwest::get(&key_set).await.expect("a response");
    assert_eq!(response.status(), 200, "{}", service.log());
    let after = rds.aws.accepted();
    assert!(after.len() > before.len(), "a connection was opened with a new token");
    assert!(!before.contains(after.last().expect("a token")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "peer: PostgreSQL"]
async fn without_credentials_or_rights_it_is_not_ready_and_says_what_to_change() {
    let rds = Rds::start().await;
    let pod = format!("{}/pod", rds.aws.url());
    let region = ("AWS_REGION", REGION);
    rds.aws.refuse(true);
    for (case, variables, said) in [
        ("none", vec![region], "this process has no AWS credentials to sign a token for RDS: set AWS_ACCESS_KEY_ID"),
        (
            "refused",
            vec![
                ("AWS_CONTAINER_CREDENTIALS_FULL_URI", pod.as_str()),
                ("AWS_CONTAINER_AUTHORIZATION_TOKEN", POD_TOKEN),
                region,
            ],
            "127.0.0.1 responded with status 403",
        ),
        (
            "another secret",
            vec![("AWS_ACCESS_KEY_ID", FIXED.0), ("AWS_SECRET_ACCESS_KEY", "canary"), region],
            "check that iam_user has the role rds_iam",
        ),
        (
            "another region",
            vec![("AWS_ACCESS_KEY_ID", FIXED.0), ("AWS_SECRET_ACCESS_KEY", FIXED.1), ("AWS_REGION", "us-east-1")],
            "and the region",
        ),
    ] {
        let service = rds.service(&variables);
        let problem = ready(&service, said).await.expect_err(case);
        assert!(!problem.contains("canary") && !service.log().contains("canary"), "{case}: {problem}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "peer: PostgreSQL"]
async fn a_token_is_sent_over_verified_tls_alone_unless_that_danger_is_accepted() {
    let rds = Rds::start().await;
    let variables = [("AWS_ACCESS_KEY_ID", FIXED.0), ("AWS_SECRET_ACCESS_KEY", FIXED.1), ("AWS_REGION", REGION)];
    for keys in ["ssl: false", "region: eu-central-1", "ssl: { rejectUnauthorized: false }"] {
        rds.write(keys);
        let ended = run(rds.folder.path(), &["--listen", "127.0.0.1:0"]);
        assert_ne!(ended.code, 0, "{keys}");
        assert!(ended.stderr.contains("no TLS with a verified certificate"), "{keys}: {}", ended.stderr);
    }
    rds.write("ssl: { rejectUnauthorized: false }\n      dangerouslyAllowRdsWithoutVerifiedTls: true");
    let service = rds.service(&variables);
    assert_eq!(ready(&service, "AWS credentials").await, Ok(()), "{}", service.log());
    assert!(service.log().contains("sent without verified TLS"), "{}", service.log());
    // Another authority than the server's: the token stays here.
    let before = rds.aws.accepted().len() + rds.aws.refused();
    fs::write(rds.folder.path().join("ca.pem"), authority("a stranger").pem()).expect("written");
    rds.write("ssl: { ca: { $file: ca.pem } }");
    let service = rds.service(&variables);
    ready(&service, "the TLS connection to PostgreSQL").await.expect_err("no connection");
    assert_eq!(rds.aws.accepted().len() + rds.aws.refused(), before);
}

#[tokio::test]
#[ignore = "peer: PostgreSQL"]
async fn in_code_too_a_changing_password_needs_verified_tls() {
    let source = || async { Ok(Secret::new("canary")) };
    let server = Server::start();
    let plain = || server.stores(AUTH).password_source(source);
    let error = plain().build().map(drop).unwrap_err().to_string();
    assert!(error.contains("clear text") && error.contains("pem_roots") && !error.contains("canary"), "{error}");
    assert!(plain().dangerously_allow_changing_password_without_verified_tls().build().is_ok());
    let socket = Postgres::builder(server.socket_folder().to_str().expect("UTF-8"), AUTH).user(USER);
    assert!(socket.password_source(source).build().is_ok());
}

fn pem(
    authority: &rcgen::CertifiedIssuer<'static, rcgen::KeyPair>,
) -> tower_alb_auth::backstage::settings::DatabaseTls {
    tower_alb_auth::backstage::settings::DatabaseTls::pem_roots(authority.pem())
}

/// Beside TLS, by the socket.
async fn admin(server: &Server) -> tokio_postgres::Client {
    let mut settings = tokio_postgres::Config::new();
    settings.host_path(server.socket_folder()).port(server.port()).user(USER).password(PASSWORD).dbname(AUTH);
    let (client, connection) = settings.connect(tokio_postgres::NoTls).await.expect("a connection");
    tokio::spawn(connection);
    client
}

fn grants(role: &str) -> String {
    format!("grant select, insert, update, delete on all tables in schema public to {role}")
}
