//! S-93 and F-46: how soon an entry of a shared deny list is in force, and by which way.

use std::{
    convert::Infallible,
    fs,
    time::{Duration, Instant},
};

use futures::{FutureExt as _, future::BoxFuture};
use http::{Request, Response};
use tokio_postgres::Client;
use tower::{ServiceExt as _, service_fn};
use tower_alb_auth::{
    backstage::{
        settings::Secret,
        store::{UserInfoStore as _, postgres::PostgresDenyList},
    },
    deny_list::DenyList,
    test_util::{MockAlb, User},
};
use tracing::Level;

use super::{BOUND, LOAD};
use crate::{
    postgres::relay::Relay,
    support::{
        postgres::{
            database::AUTH,
            server::{PASSWORD, Server},
        },
        traced::Traced,
    },
};

/// Maximum wait for what has no bound.
const MAX_WAIT: Duration = Duration::from_secs(30);

/// The sessions of the deny list that wait for notifications.
const LISTENING: &str = "from pg_stat_activity where query = 'listen tower_alb_auth_denied'";
/// The last read of the table.
const LAST_READ: &str = "select coalesce(max(query_start)::text, '') from pg_stat_activity \
    where query like 'select kind::text%tower_alb_auth_denied%'";
const DENY: &str = "insert into tower_alb_auth_denied (kind, name) values ('user', 'user:default/jane.doe')";
const ALLOW: &str = "delete from tower_alb_auth_denied";

/// Waits until it is so, and returns how long that took.
async fn until(most: Duration, what: &str, mut is_so: impl AsyncFnMut() -> bool) -> Duration {
    let started = Instant::now();
    while !is_so().await {
        assert!(started.elapsed() < most, "{what}: not after {:?}", started.elapsed());
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    started.elapsed()
}

/// A replica's layer, and what it does with Jane's requests.
struct Gate {
    alb: MockAlb,
    layer: tower_alb_auth::AlbAuthLayer,
    request: Request<()>,
}

impl Gate {
    fn new(list: &DenyList) -> Self {
        let alb = MockAlb::new();
        let (layer, request) = (alb.layer().deny_list(list), alb.request("/").user(&User::jane()).into());
        Self { alb, layer, request }
    }

    /// The token is remembered after the first time.
    async fn is_refused(&self) -> bool {
        let behind = service_fn(|_: Request<()>| async { Ok::<_, Infallible>(Response::new(())) });
        let service = tower::Layer::layer(&self.layer, behind);
        let status = service.oneshot(self.request.clone()).await.expect("infallible").status().as_u16();
        assert!([200, 403].contains(&status), "{status} behind {:?}", self.alb);
        status == 403
    }

    /// From the change to the first refusal, or to the first request that is accepted again.
    async fn time_of(&self, what: &str, is_denied: bool, change: impl Future<Output = ()>) -> Duration {
        assert_eq!(self.is_refused().await, !is_denied, "{what}");
        self.time_after(what, is_denied, change).await
    }

    /// The same for several gates at once: a check before the change could see the change of another one.
    async fn time_after(&self, what: &str, is_denied: bool, change: impl Future<Output = ()>) -> Duration {
        change.await;
        until(BOUND + LOAD, what, async || self.is_refused().await == is_denied).await
    }
}

struct Denying {
    operator: Client,
    denied: PostgresDenyList,
}

impl Denying {
    /// A replica behind the relay, once it listens; and an operator who does not need the relay.
    async fn start(server: &Server, relay: &Relay) -> Self {
        let operator = server.create(AUTH).await;
        let denied = server.stores(AUTH).port(relay.port()).build().unwrap().deny_list().await.unwrap();
        let denying = Self { operator, denied };
        until(MAX_WAIT, "LISTEN", async || denying.listens().await).await;
        denying
    }

    async fn listens(&self) -> bool {
        !self.operator.query(&format!("select 1 {LISTENING}"), &[]).await.unwrap().is_empty()
    }

    async fn run(&self, sql: &str) {
        self.operator.batch_execute(sql).await.unwrap();
    }

    async fn last_read(&self) -> String {
        self.operator.query_one(LAST_READ, &[]).await.unwrap().get(0)
    }

    /// Waits until the table has just been read, so that the next read by the clock is a second away.
    async fn read_just_now(&self) {
        let before = self.last_read().await;
        until(MAX_WAIT, "a read", async || self.last_read().await != before).await;
    }

    /// Changes the table directly after a read, several times. Returns the median of the times after which that was in force.
    async fn median_after_a_read(&self, and_notify: &str) -> Duration {
        let mut times = Vec::new();
        for (change, entries) in [(DENY, 1), (ALLOW, 0), (DENY, 1), (ALLOW, 0), (DENY, 1)] {
            self.read_just_now().await;
            self.run(&format!("{change}; {and_notify}")).await;
            let in_force = async || self.denied.list().len() == entries;
            times.push(until(BOUND + LOAD, "in force", in_force).await);
        }
        self.run(ALLOW).await;
        until(BOUND + LOAD, "in force", async || self.denied.list().is_empty()).await;
        times.sort_unstable();
        times[2]
    }
}

/// A notification makes the table be read at once, so before the next read by the clock, which is a second after the last one.
const AT_ONCE: Duration = Duration::from_millis(500);
const NOTIFY: &str = "notify tower_alb_auth_denied";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "peer: PostgreSQL"]
async fn s_93_a_notification_is_followed_at_once_and_polling_goes_on_without_it() {
    let server = Server::start();
    let relay = Relay::start(server.port()).await;
    let denying = Denying::start(&server, &relay).await;
    let notified = denying.median_after_a_read(NOTIFY).await;
    assert!(notified < AT_ONCE, "by the clock alone it is a second: {notified:?}");
    // The measurement distinguishes the two ways.
    let polled = denying.median_after_a_read("select 1").await;
    assert!(polled > AT_ONCE, "without a notification there is the clock alone: {polled:?}");

    // The session that listens is ended, and no new one is possible: polling goes on, on the connections that are open.
    relay.hang(true);
    denying.run(&format!("select pg_terminate_backend(pid) {LISTENING}")).await;
    tokio::time::timeout(MAX_WAIT, relay.has_hung()).await.expect("the replica tries to listen again");
    let gate = Gate::new(denying.denied.list());
    for _ in 0..3 {
        for (change, is_denied) in [(DENY, true), (ALLOW, false)] {
            let time = gate.time_of("while new connections hang", is_denied, denying.run(change)).await;
            assert!(time < BOUND + LOAD, "{time:?} while new connections hang");
            assert!(!denying.listens().await, "it was to be shown without LISTEN");
        }
    }
    // It listens again by itself.
    relay.hang(false);
    until(MAX_WAIT, "LISTEN", async || denying.listens().await).await;
    let notified = denying.median_after_a_read(NOTIFY).await;
    assert!(notified < AT_ONCE, "{notified:?} after it listens again");
}

/// The medians keep the promise on a busy machine, too; a single change may meet its scheduler.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "peer: PostgreSQL"]
async fn s_93_an_entry_is_in_force_within_2_s_on_every_replica_by_file_by_notification_and_by_polling() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("denied.jsonl");
    let write = async |entries: &str| fs::write(&file, entries).expect("written");
    write("{\"entries\": 0}\n").await;
    let of_file = [DenyList::from_file(&file).unwrap(), DenyList::from_file(&file).unwrap()];

    let server = Server::start();
    let relay = Relay::start(server.port()).await;
    let denying = Denying::start(&server, &relay).await;
    let other = server.stores(AUTH).build().unwrap().deny_list().await.unwrap();
    let of_table = [denying.denied.list().clone(), other.list().clone()];

    // All replicas get requests at once, and the last one counts.
    let slowest = async |lists: &[DenyList; 2], what: &str, is_denied: bool, change: BoxFuture<'_, ()>| {
        let [a, b] = lists.each_ref().map(Gate::new);
        for gate in [&a, &b] {
            assert_eq!(gate.is_refused().await, !is_denied, "{what}");
        }
        let change = change.shared();
        let (a, b) = tokio::join!(a.time_after(what, is_denied, change.clone()), b.time_after(what, is_denied, change));
        a.max(b)
    };
    let mut report = String::new();
    for (what, lists) in [("file", &of_file), ("notification", &of_table), ("polling", &of_table)] {
        let mut times = Vec::new();
        for is_denied in [true, false].into_iter().cycle().take(10) {
            let sql = if is_denied { DENY } else { ALLOW };
            let entries = if is_denied { "{\"user\": \"user:default/jane.doe\"}\n" } else { "{\"entries\": 0}\n" };
            let change: BoxFuture<'_, ()> = match what {
                "file" => Box::pin(write(entries)),
                "notification" => Box::pin(async { denying.run(&format!("{sql}; {NOTIFY}")).await }),
                _ => Box::pin(denying.run(sql)),
            };
            times.push(slowest(lists, what, is_denied, change).await);
        }
        times.sort_unstable();
        let (median, slowest) = (times[times.len() / 2], times[times.len() - 1]);
        report += &format!("{what:<13} median {median:>8.1?}  slowest {slowest:>8.1?} of {} changes\n", times.len());
        assert!(median < BOUND, "{report}");
    }
    println!("{report}");
}

#[tokio::test]
#[ignore = "peer: PostgreSQL"]
async fn f_46_a_row_that_is_no_entry_is_logged_once_and_the_former_list_stays_in_force() {
    let (traced, _guard) = Traced::begin();
    let server = Server::start();
    let relay = Relay::start(server.port()).await;
    let denying = Denying::start(&server, &relay).await;
    let gate = Gate::new(denying.denied.list());
    gate.time_of("an entry", true, denying.run(DENY)).await;
    let warnings = || {
        let lines = traced.lines(Level::WARN).into_iter();
        lines.filter(|line| line.contains("the deny list cannot be read")).collect::<Vec<_>>()
    };
    assert!(warnings().is_empty(), "{:?}", warnings());
    let canary = "insert into tower_alb_auth_denied (kind, name) values ('user', 'group:default/canary')";
    denying.run(&format!("begin; {ALLOW}; {canary}; commit")).await;
    until(MAX_WAIT, "a warning", async || !warnings().is_empty()).await;
    for _ in 0..2 {
        denying.read_just_now().await;
    }
    let expected =
        "the deny list cannot be read, the former entries stay in force: row 1 of the table tower_alb_auth_denied";
    assert_eq!(warnings().len(), 1, "once a minute, not at each read: {:?}", warnings());
    assert!(warnings()[0].starts_with(expected) && warnings()[0].contains("denies no user"), "{:?}", warnings());
    assert!(!traced.all().contains("canary"), "the name of a row may be that of a user");
    assert!(gate.is_refused().await, "the former list");
    denying.run(ALLOW).await;
    until(BOUND + LOAD, "the table is right again", async || !gate.is_refused().await).await;
    assert_eq!(denying.denied.list().problem(), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "peer: PostgreSQL"]
async fn s_93_queries_that_wait_for_a_lock_do_not_keep_the_list_from_being_read() {
    let server = Server::start();
    let mut migration = server.create(AUTH).await;
    let database = server.stores(AUTH).create_own_tables().build().unwrap();
    let users = database.user_info();
    users.find("user:default/jane.doe").await.unwrap();
    let denied = database.deny_list().await.unwrap();
    let gate = Gate::new(denied.list());
    let operator = server.client(AUTH).await;
    for (change, is_denied) in [(DENY, true), (ALLOW, false)] {
        let transaction = migration.transaction().await.unwrap();
        transaction.batch_execute("lock table user_info in access exclusive mode").await.unwrap();
        // More than there are connections, for as long as the timeout.
        let mut waiting = tokio::task::JoinSet::new();
        for _ in 0..8 {
            let users = users.clone();
            waiting.spawn(async move { users.find("user:default/jane.doe").await.is_ok() });
        }
        let locked = "select count(*) from pg_stat_activity where wait_event_type = 'Lock'";
        let all_wait = async || operator.query_one(locked, &[]).await.unwrap().get::<_, i64>(0) >= 4;
        until(MAX_WAIT, "all connections wait", all_wait).await;
        let time = gate.time_of("while all connections wait", is_denied, async {
            operator.batch_execute(change).await.unwrap();
        });
        let time = time.await;
        assert!(time < BOUND + LOAD, "{time:?} while all connections wait");
        drop(transaction);
        waiting.join_all().await;
    }
}

/// The source is the application's code. Without the list's task an entry would never be in force again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "peer: PostgreSQL"]
async fn f_46_a_password_source_that_panics_leaves_the_former_list_and_later_ones_are_read() {
    let server = Server::start();
    let operator = server.create(AUTH).await;
    let (panics, is_panicking) = tokio::sync::watch::channel(false);
    let (requests, mut requested) = tokio::sync::mpsc::unbounded_channel();
    let source = move || {
        let panics = *is_panicking.borrow();
        if panics {
            let _ = requests.send(());
        }
        async move {
            assert!(!panics, "the source panics, as the test wants it");
            Ok(Secret::new(PASSWORD))
        }
    };
    let database = server.stores(AUTH).dangerously_allow_changing_password_without_verified_tls();
    let denied = database.password_source(source).build().unwrap().deny_list().await.unwrap();
    let gate = Gate::new(denied.list());
    gate.time_of("an entry", true, async { operator.batch_execute(DENY).await.unwrap() }).await;

    panics.send_replace(true);
    let all = "select pg_terminate_backend(pid) from pg_stat_activity where application_name like 'tower-alb-auth%'";
    operator.batch_execute(all).await.unwrap();
    // The connection for reads, and the one for notifications.
    for _ in 0..2 {
        tokio::time::timeout(MAX_WAIT, requested.recv()).await.expect("a new connection").expect("the source");
    }
    until(MAX_WAIT, "a problem", async || denied.list().problem().is_some()).await;
    let problem = denied.list().problem().unwrap();
    assert!(problem.contains("password panicked"), "{problem}");
    assert!(gate.is_refused().await, "the former list");
    panics.send_replace(false);
    operator.batch_execute(ALLOW).await.unwrap();
    until(BOUND + LOAD, "the table is read again", async || !gate.is_refused().await).await;
}
