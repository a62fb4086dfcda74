//! S-93 and F-46: a deny list that replicas share through the database.

use std::time::{Duration, Instant};

use tower_alb_auth::{
    backstage::store::postgres::PostgresDenyList,
    deny_list::{Denied, DenyList},
};

use super::{BOUND, LOAD};
use crate::{
    postgres::people::{JANE, Replica, entity},
    support::postgres::backstage::migrate_all,
    support::postgres::database::AUTH,
    support::postgres::server::Server,
};

const USER_INFO: &str = "/api/auth/v1/userinfo";

struct Denying {
    replica: Replica,
    denied: PostgresDenyList,
}

impl Denying {
    async fn start(server: &Server) -> Self {
        let database = server.stores(AUTH).timeout(BOUND).build().unwrap();
        let denied = database.deny_list().await.unwrap();
        Self { replica: Replica::start_with(&database, |layer| layer.deny_list(denied.list())), denied }
    }

    /// The statuses of a new session of Jane's, and of a token from before.
    async fn jane(&self, token: &str) -> [u16; 2] {
        [self.replica.session().await.0, self.replica.get(USER_INFO, Some(token)).await.0]
    }

    /// Waits until this is what Jane gets.
    async fn until(&self, token: &str, expected: [u16; 2]) {
        let started = Instant::now();
        while self.jane(token).await != expected {
            assert!(started.elapsed() < BOUND + LOAD, "{:?}", self.jane(token).await);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

async fn two_replicas() -> (Server, [Denying; 2]) {
    let server = Server::start();
    drop(server.create(AUTH).await);
    migrate_all(&server, AUTH, None).await;
    let (a, b) = tokio::join!(Denying::start(&server), Denying::start(&server));
    (server, [a, b])
}

#[tokio::test]
#[ignore = "peer: PostgreSQL"]
async fn s_93_an_entry_is_in_force_on_every_replica() {
    let (server, [a, b]) = two_replicas().await;
    let token = a.replica.sign_in().await;
    assert_eq!(b.jane(&token).await, [200, 200]);
    let jane = Denied::user(entity(JANE));
    a.denied.deny(&jane).await.unwrap();
    assert_eq!(a.jane(&token).await, [403, 403], "at once, where it was written");
    b.until(&token, [403, 403]).await;
    a.denied.allow(&jane).await.unwrap();
    b.until(&token, [200, 200]).await;

    // By an operator's hand, without a notification; an entry whose end has passed denies no user.
    let client = server.client(AUTH).await;
    let write = async |sql: &str| client.batch_execute(sql).await.unwrap();
    write("insert into tower_alb_auth_denied (kind, name, until) values ('user', 'User:default/Jane.Doe', now() - interval '1 s')").await;
    write("insert into tower_alb_auth_denied (kind, name) values ('email', 'JANE.doe@example.com')").await;
    for replica in [&a, &b] {
        // The account that B knows of: Jane has signed in there.
        replica.until(&token, [403, 403]).await;
    }
    write("delete from tower_alb_auth_denied").await;
    b.until(&token, [200, 200]).await;
    // A replica that starts now reads what is there.
    b.denied.deny(&jane).await.unwrap();
    assert_eq!(Denying::start(&server).await.jane(&token).await, [403, 403]);
}

#[tokio::test]
#[ignore = "peer: PostgreSQL"]
async fn f_46_while_the_database_is_down_or_a_row_is_no_entry_the_former_list_stays_in_force() {
    let (mut server, [a, b]) = two_replicas().await;
    let token = a.replica.sign_in().await;
    a.denied.deny(&Denied::user(entity(JANE))).await.unwrap();
    b.until(&token, [403, 403]).await;
    let problem = async |list: &DenyList, named: &str| {
        let started = Instant::now();
        while !list.problem().is_some_and(|problem| problem.contains(named) && !problem.contains("canary")) {
            assert!(started.elapsed() < Duration::from_secs(20), "{:?}", list.problem());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let client = server.client(AUTH).await;
    client.batch_execute("begin; delete from tower_alb_auth_denied; insert into tower_alb_auth_denied (kind, name) values ('user', 'group:default/canary'); commit").await.unwrap();
    problem(b.denied.list(), "row 1 of the table tower_alb_auth_denied").await;
    assert_eq!(b.jane(&token).await, [403, 403], "the former list");
    let refused = server.stores(AUTH).build().unwrap().deny_list().await.unwrap_err().to_string();
    assert!(refused.contains("which denies no user"), "{refused}");
    client.batch_execute("begin; delete from tower_alb_auth_denied; insert into tower_alb_auth_denied (kind, name) values ('user', 'user:default/jane.doe'); commit").await.unwrap();
    let repaired = Instant::now();
    while let Some(problem) = b.denied.list().problem() {
        assert!(repaired.elapsed() < BOUND + LOAD, "{problem}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(b.jane(&token).await, [403, 403], "by the entry that is there now");
    drop(client);

    server.stop();
    problem(b.denied.list(), "cannot be reached").await;
    assert_eq!(b.denied.list().len(), 1);
    assert_eq!(b.replica.session().await.0, 403, "the store is down, and the list is still in force");
    assert!(a.denied.deny(&Denied::user(entity("user:default/john"))).await.is_err());
    let started = server.stores(AUTH).timeout(BOUND).build().unwrap().deny_list().await;
    assert!(started.is_err(), "without a list at the start there is no service");
    server.start_again();
    b.until(&token, [403, 403]).await;
    a.denied.allow(&Denied::user(entity(JANE))).await.unwrap();
    b.until(&token, [200, 200]).await;
}

#[tokio::test]
#[ignore = "peer: PostgreSQL"]
async fn backstage_s_migrations_run_on_a_database_that_has_the_table() {
    let server = Server::start();
    drop(server.create(AUTH).await);
    let database = server.stores(AUTH).build().unwrap();
    let denied = database.deny_list().await.unwrap();
    denied.deny(&Denied::user(entity(JANE))).await.unwrap();
    migrate_all(&server, AUTH, None).await;
    database.check().await.unwrap();
    assert_eq!(database.deny_list().await.unwrap().list().len(), 1);
}

/// The follower may have read the table before an entry was written, and must not bring that list back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "peer: PostgreSQL"]
async fn s_93_an_entry_stays_in_force_while_the_table_is_read() {
    let server = Server::start();
    drop(server.create(AUTH).await);
    let denied = server.stores(AUTH).build().unwrap().deny_list().await.unwrap();
    let client = server.client(AUTH).await;
    let notifying =
        tokio::spawn(async move { while client.batch_execute("notify tower_alb_auth_denied").await.is_ok() {} });
    for number in 1..=200 {
        denied.deny(&Denied::user(entity(&format!("user:default/user.{number}")))).await.unwrap();
        for _ in 0..10 {
            assert_eq!(denied.list().len(), number, "an entry is gone again");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
    notifying.abort();
}
