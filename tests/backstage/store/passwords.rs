//! Passwords that change, as the server receives them.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};
use tower_alb_auth::backstage::{
    settings::{DatabaseTls, Secret},
    store::{PublicKeyStore, postgres::Postgres},
};

/// Requires a password in clear text, as RDS does (PostgreSQL's protocol, section 54.2), and hangs up with it.
async fn password_of(mut connection: TcpStream) -> Option<String> {
    let length = connection.read_u32().await.ok()?;
    let mut startup = vec![0; usize::try_from(length.checked_sub(4)?).ok()?];
    connection.read_exact(&mut startup).await.ok()?;
    connection.write_all(&[b'R', 0, 0, 0, 8, 0, 0, 0, 3]).await.ok()?;
    let (kind, length) = (connection.read_u8().await.ok()?, connection.read_u32().await.ok()?);
    let mut password = vec![0; usize::try_from(length.checked_sub(4)?).ok()?];
    connection.read_exact(&mut password).await.ok()?;
    (kind == b'p').then(|| String::from_utf8_lossy(&password).trim_end_matches('\0').to_owned())
}

#[tokio::test]
async fn f_44_each_new_connection_sends_a_new_password() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let number = Arc::new(AtomicUsize::new(0));
    let source = move || {
        let number = number.fetch_add(1, Ordering::SeqCst);
        async move { Ok(Secret::new(format!("canary {number}"))) }
    };
    let builder = Postgres::builder("127.0.0.1", "auth").port(port).user("backstage").tls(DatabaseTls::off());
    let builder = builder.password_source(source).dangerously_allow_changing_password_without_verified_tls();
    let keys = builder.build().unwrap().user_keys();
    for number in 0..3 {
        let (error, password) = tokio::join!(keys.list(), async {
            let (connection, _) = listener.accept().await.unwrap();
            password_of(connection).await
        });
        assert_eq!(password, Some(format!("canary {number}")));
        let error = error.expect_err("it hung up").to_string();
        assert!(!error.contains("canary"), "{error}");
    }
}
