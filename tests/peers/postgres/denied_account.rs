//! S-190 and F-99: tokens of users who are denied by subject or email, at replicas that did not sign them in.

use std::time::{Duration, Instant};

use tokio_postgres::Client;
use tower_alb_auth::backstage::store::postgres::PostgresDenyList;

use super::{BOUND, LOAD};
use crate::{
    postgres::people::{JANE, Replica},
    support::{
        backstage_auth::{Service, sound_with_database},
        postgres::{
            backstage::migrate_all,
            database::AUTH,
            server::{PASSWORD, Server, USER},
        },
    },
};

const USER_INFO: &str = "/api/auth/v1/userinfo";

struct Sharing {
    replica: Replica,
    /// The list is followed as long as this is kept.
    _denied: PostgresDenyList,
}

impl Sharing {
    async fn start(server: &Server) -> Self {
        let database = server.stores(AUTH).timeout(BOUND).build().unwrap();
        let denied = database.deny_list().await.unwrap();
        let replica = Replica::start_with(&database, |layer| layer.deny_list(denied.list()));
        replica.auth.share_accounts(&denied).await.unwrap();
        Self { replica, _denied: denied }
    }

    async fn user_info(&self, token: &str) -> u16 {
        self.replica.get(USER_INFO, Some(token)).await.0
    }

    async fn until(&self, token: &str, expected: u16, what: &str) {
        let started = Instant::now();
        while self.user_info(token).await != expected {
            assert!(started.elapsed() < BOUND + LOAD, "{what}: {} after 2 s", self.user_info(token).await);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

/// A server with the tables of stock Backstage, and its operator.
async fn server() -> (Server, Client) {
    let server = Server::start();
    let operator = server.create(AUTH).await;
    migrate_all(&server, AUTH, None).await;
    (server, operator)
}

async fn accounts(operator: &Client) -> Vec<(String, String, String, Option<Vec<String>>)> {
    let sql = "select user_entity_ref, issuer, subject, emails from tower_alb_auth_accounts order by 1";
    let rows = operator.query(sql, &[]).await.unwrap();
    rows.iter().map(|row| (row.get(0), row.get(1), row.get(2), row.get(3))).collect()
}

#[tokio::test]
#[ignore = "peer: PostgreSQL"]
async fn s_190_a_user_who_is_denied_by_subject_or_email_is_refused_by_replicas_that_have_not_signed_the_user_in() {
    let (server, operator) = server().await;
    let (a, b) = tokio::join!(Sharing::start(&server), Sharing::start(&server));
    let token = a.replica.sign_in().await;
    assert_eq!([a.user_info(&token).await, b.user_info(&token).await], [200, 200]);
    let (user, issuer, subject, emails) = accounts(&operator).await.remove(0);
    assert_eq!((&*user, emails), (JANE, Some(vec!["jane.doe@example.com".to_owned()])));
    for (kind, issuer, name) in [
        ("email", "", "jane.doe@example.com"),
        ("email", "", "JANE.Doe+x@example.com"),
        ("subject", &*issuer, &*subject),
        ("user", "", JANE),
    ] {
        let sql = "insert into tower_alb_auth_denied (kind, issuer, name) values ($1, $2, $3)";
        operator.execute(sql, &[&kind, &issuer, &name]).await.unwrap();
        b.until(&token, 403, name).await;
        a.until(&token, 403, name).await;
        // It has seen no sign-in at all.
        assert_eq!(Sharing::start(&server).await.user_info(&token).await, 403, "{name}");
        operator.batch_execute("delete from tower_alb_auth_denied").await.unwrap();
        b.until(&token, 200, name).await;
    }
    // Entries of other users, at another issuer, and one that has ended.
    operator
        .batch_execute(
            "insert into tower_alb_auth_denied (kind, issuer, name, until) values \
             ('email', '', 'john.doe@example.com', null), ('subject', 'https://other.example.com', 'subject', null), \
             ('email', '', 'jane.doe@example.com', now() - interval '1 s')",
        )
        .await
        .unwrap();
    let others =
        format!("insert into tower_alb_auth_denied (kind, issuer, name) values ('subject', 'https://x', '{subject}')");
    operator.batch_execute(&others).await.unwrap();
    assert_eq!(Sharing::start(&server).await.user_info(&token).await, 200);
    // The emails of a sign-in that could not be read may be those of an entry.
    operator.batch_execute("update tower_alb_auth_accounts set emails = null").await.unwrap();
    assert_eq!(Sharing::start(&server).await.user_info(&token).await, 403);
}

#[tokio::test]
#[ignore = "peer: PostgreSQL"]
async fn s_190_accounts_are_kept_only_where_they_are_shared_and_until_the_token_has_expired() {
    let (server, operator) = server().await;
    let database = server.stores(AUTH).build().unwrap();
    let denied = database.deny_list().await.unwrap();
    let alone = Replica::start_with(&database, |layer| layer.deny_list(denied.list()));
    alone.sign_in().await;
    let exists = "select to_regclass('tower_alb_auth_accounts') is not null";
    assert!(!operator.query_one(exists, &[]).await.unwrap().get::<_, bool>(0), "no personal data without the setting");

    let a = Sharing::start(&server).await;
    operator
        .batch_execute(
            "insert into tower_alb_auth_accounts values \
             ('user:default/expired', 'https://idp.example.com', 'a', '{a@example.com}', now() - interval '61 min'), \
             ('user:default/leeway', 'https://idp.example.com', 'c', '{c@example.com}', now() - interval '1 s'), \
             ('user:default/valid', 'https://idp.example.com', 'b', '{b@example.com}', now() + interval '1 hour')",
        )
        .await
        .unwrap();
    a.replica.sign_in().await;
    let kept: Vec<String> = accounts(&operator).await.into_iter().map(|(user, ..)| user).collect();
    assert_eq!(kept, [JANE, "user:default/leeway", "user:default/valid"], "a token is accepted within the leeway");
    let until =
        "select extract(epoch from expires_at - now())::int from tower_alb_auth_accounts where user_entity_ref = $1";
    let left: i32 = operator.query_one(until, &[&JANE]).await.unwrap().get(0);
    assert!((3_500..=3_600).contains(&left), "as long as the token is valid: {left} s");
    // A token with a longer life was issued before.
    let longer =
        "update tower_alb_auth_accounts set expires_at = now() + interval '2 hours' where user_entity_ref = $1";
    operator.execute(longer, &[&JANE]).await.unwrap();
    a.replica.sign_in().await;
    let left: i32 = operator.query_one(until, &[&JANE]).await.unwrap().get(0);
    assert!(left > 7_000, "a later sign-in does not shorten it: {left} s");
    // Stock migrations do not know the table.
    migrate_all(&server, AUTH, None).await;
    database.check().await.unwrap();
    assert_eq!(accounts(&operator).await.len(), 3);
}

#[tokio::test]
#[ignore = "peer: PostgreSQL"]
async fn f_99_without_the_table_of_accounts_there_is_no_session_and_no_user_info_for_a_list_that_needs_it() {
    let (server, operator) = server().await;
    let a = Sharing::start(&server).await;
    let token = a.replica.sign_in().await;
    operator.batch_execute("alter table tower_alb_auth_accounts rename to away").await.unwrap();
    let (status, body) = a.replica.session().await;
    assert_eq!(status, 503, "{body}");
    assert!(!body.contains("token\":"), "{body}");
    assert_eq!(a.user_info(&token).await, 200, "no entry needs an account");
    let entry = "insert into tower_alb_auth_denied (kind, name) values ('email', 'john.doe@example.com')";
    operator.batch_execute(entry).await.unwrap();
    a.until(&token, 503, "an entry needs an account").await;
    operator.batch_execute("alter table away rename to tower_alb_auth_accounts").await.unwrap();
    assert_eq!(a.user_info(&token).await, 200);
    a.replica.sign_in().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "peer: PostgreSQL"]
async fn s_190_the_program_shares_accounts_if_its_list_is_in_the_database() {
    let (server, operator) = server().await;
    let folder = tempfile::tempdir().expect("a folder");
    let port = server.port();
    let connection =
        format!("    connection: {{ host: 127.0.0.1, port: {port}, user: {USER}, password: '{PASSWORD}' }}\n");
    std::fs::write(folder.path().join("app-config.yaml"), sound_with_database(&connection)).expect("written");
    let exists = "select to_regclass('tower_alb_auth_accounts') is not null";
    for (arguments, expected) in [(&[][..], false), (&["--deny-list-in-database"][..], true)] {
        let arguments = [&["--listen", "127.0.0.1:0"], arguments].concat();
        let _service = tokio::task::block_in_place(|| Service::start(folder.path(), &arguments));
        assert_eq!(operator.query_one(exists, &[]).await.unwrap().get::<_, bool>(0), expected, "{arguments:?}");
    }
}
