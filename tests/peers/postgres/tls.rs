//! Whether the connection is as safe as the settings say.

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use tower_alb_auth::backstage::{
    settings::DatabaseTls,
    store::{PublicKeyStore, postgres::Postgres, postgres::PostgresBuilder},
};
use tracing::Level;

use crate::{
    postgres::people::{at, key, kids},
    support::postgres::backstage::migrate_all,
    support::postgres::database::AUTH,
    support::postgres::server::{PASSWORD, Server, USER},
    support::traced::Traced,
};

pub fn authority(name: &str) -> CertifiedIssuer<'static, KeyPair> {
    let mut settings = CertificateParams::new(Vec::new()).expect("no names");
    settings.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    settings.distinguished_name.push(DnType::CommonName, name);
    CertifiedIssuer::self_signed(settings, KeyPair::generate().expect("a key pair")).expect("an authority")
}

/// The server with a certificate for `localhost`, which accepts no connection without TLS.
pub async fn protected(authority: &CertifiedIssuer<'static, KeyPair>) -> Server {
    let mut server = Server::start();
    drop(server.create(AUTH).await);
    migrate_all(&server, AUTH, None).await;
    let key = KeyPair::generate().expect("a key pair");
    let certificate = CertificateParams::new(["localhost".to_owned()]).expect("a name").signed_by(&key, authority);
    server.stop();
    server.write("server.crt", &certificate.expect("a certificate").pem());
    server.write("server.key", &key.serialize_pem());
    server.write("postgresql.conf", "ssl = on\n");
    server
        .write("pg_hba.conf", &format!("local all {USER} scram-sha-256\nhostssl all all 127.0.0.1/32 scram-sha-256\n"));
    server.start_again();
    server
}

/// By the name in the certificate.
pub fn by_name(server: &Server) -> PostgresBuilder {
    Postgres::builder("localhost", AUTH).port(server.port()).user(USER).password(PASSWORD)
}

async fn refused(builder: PostgresBuilder) -> String {
    let error = builder.build().expect("sound").user_keys().list().await.unwrap_err().to_string();
    assert!(!error.contains("canary"), "{error}");
    error
}

#[tokio::test]
#[ignore = "peer: PostgreSQL"]
async fn a_server_is_believed_by_its_certificate_alone() {
    let (ours, stranger) = (authority("ours"), authority("a stranger"));
    let server = protected(&ours).await;
    let roots = DatabaseTls::pem_roots(ours.pem());

    let keys = by_name(&server).tls(roots.clone()).build().unwrap().user_keys();
    keys.publish(key("one", at(1_800_000_000))).await.unwrap();
    assert_eq!(kids(&keys.list().await.unwrap()), ["one"]);

    let by_address = server.stores(AUTH).tls(roots);
    for (case, builder, said) in [
        ("another authority", by_name(&server).tls(DatabaseTls::pem_roots(stranger.pem())), "the TLS connection"),
        ("Mozilla's, the default", by_name(&server), "the TLS connection"),
        ("another name", by_address, "the TLS connection"),
        ("no TLS", by_name(&server).tls(DatabaseTls::off()), "pg_hba.conf"),
    ] {
        let error = refused(builder).await;
        assert!(error.contains(said), "{case}: {error}");
    }
}

#[tokio::test]
#[ignore = "peer: PostgreSQL"]
async fn any_certificate_does_only_where_that_danger_is_named() {
    let (traced, _guard) = Traced::begin();
    let server = protected(&authority("ours")).await;
    assert!(traced.lines(Level::WARN).is_empty(), "{:?}", traced.lines(Level::WARN));
    let url = server.url(AUTH).replace("sslmode=disable", "sslmode=no-verify");
    for builder in [
        by_name(&server).tls(DatabaseTls::dangerously_accept_any_certificate()),
        Postgres::from_url(&url).expect("an address"),
    ] {
        let keys = builder.build().unwrap().user_keys();
        assert!(keys.list().await.unwrap().is_empty());
    }
    let warned: Vec<String> = traced.lines(Level::WARN);
    let dangers = warned.iter().filter(|line| line.contains("rejectUnauthorized: false"));
    assert_eq!(dangers.count(), 2, "{warned:?}");
}

#[tokio::test]
#[ignore = "peer: PostgreSQL"]
async fn a_server_without_tls_is_not_talked_to_unprotected() {
    let server = Server::start();
    drop(server.create(AUTH).await);
    let error = refused(by_name(&server)).await;
    assert!(error.contains("the TLS connection") && error.contains("server does not support TLS"), "{error}");
}
