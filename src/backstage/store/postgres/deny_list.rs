//! The table `tower_alb_auth_denied`: a deny list that replicas share.
//!
//! It is this crate's own: Backstage's migrations do not know it, and it is created beside Backstage's tables if it is missing.

use std::{
    convert::Infallible,
    fmt,
    future::{pending, poll_fn},
    sync::Arc,
    time::{Duration, SystemTime},
};

use tokio::{
    sync::{Notify, oneshot},
    time::timeout_at,
};
use tokio_postgres::{AsyncMessage, Row, types::Type};

use super::{
    Postgres,
    accounts::Accounts,
    added_table::{self, name_of},
    database::Database,
};
use crate::{
    backstage::store::StoreError,
    deny_list::{Denied, DenyList},
    internal::{Entry, WeakDenyList, catch_panics, spawn, telemetry::OncePerMinute},
};

pub(super) const TABLE: &str = "tower_alb_auth_denied";
const CHANNEL: &str = "tower_alb_auth_denied";
pub(super) const COLUMNS: &str = "kind varchar(16) not null check (kind in ('user', 'email', 'subject')),
    issuer varchar(1024) not null default '',
    name varchar(1024) not null,
    until timestamptz,
    note text,
    created_at timestamptz not null default now(),
    primary key (kind, issuer, name)";
/// Notifications make a change take effect at once; without them, polling does within this time.
const POLL_INTERVAL: Duration = Duration::from_secs(1);
/// How often a lost connection for notifications is opened again.
const LISTEN_INTERVAL: Duration = Duration::from_secs(5);
/// A longer table is not read: the entries beyond would be accepted users.
const MAX_ROWS: usize = 100_000;

/// The deny list of replicas on one database. Made by [`Postgres::deny_list`].
///
/// [`list`](Self::list) is what a layer is given. Entries that are made through this value are in the table, and apply to all
/// replicas; operators may also write rows:
///
/// ```sql
/// insert into tower_alb_auth_denied (kind, name, note) values ('user', 'user:default/jane.doe', 'left on Monday');
/// insert into tower_alb_auth_denied (kind, name, until) values ('email', 'john@example.com', now() + interval '1 week');
/// insert into tower_alb_auth_denied (kind, issuer, name) values ('subject', 'https://idp.example.com', '00u1a2b3c4');
/// notify tower_alb_auth_denied; -- Optional: in force at once, otherwise after a second.
/// ```
#[derive(Clone)]
pub struct PostgresDenyList {
    database: Arc<Database>,
    /// The connection for reads. Queries that occupy all others, because a migration holds a lock, do not delay an entry.
    reads: Arc<Database>,
    list: DenyList,
    reading: Reading,
}

/// Held from the start of a read until its entries are in force, so that no older read replaces a newer one.
type Reading = Arc<tokio::sync::Mutex<()>>;

impl Postgres {
    /// The deny list in the table `tower_alb_auth_denied`, which is read now and followed from now on, until the last clone of the
    /// list is gone: by `LISTEN`, and by a query a second for connections without it (PgBouncer in transaction mode).
    ///
    /// It takes two connections beside those of the other stores ([`PostgresBuilder::connections`](super::PostgresBuilder::connections)): one
    /// for reads, so that queries that wait for a lock do not delay an entry, and one for notifications.
    ///
    /// If there is no such table, it is created, in the schema of the others; nothing of Backstage's is touched. If the database is
    /// out of reach later, or a row is not an entry, then the former entries stay in force, and a warning is logged once a minute.
    ///
    /// # Errors
    /// The table cannot be read or created now, or a row is not an entry. Without a list to fall back on, the service should not
    /// start.
    pub async fn deny_list(&self) -> Result<PostgresDenyList, StoreError> {
        let (database, list) = (Arc::clone(&self.database), DenyList::new());
        added_table::create(&database, TABLE, COLUMNS).await?;
        let reads = Arc::new(database.with_own_connection()?);
        list.replace_source(read(&reads).await?);
        let reading = Reading::default();
        let follower = Follower {
            reads: Arc::clone(&reads),
            list: list.downgrade(),
            reading: Arc::clone(&reading),
            warned: OncePerMinute::default(),
        };
        spawn(follower.run());
        Ok(PostgresDenyList { database, reads, list, reading })
    }
}

impl PostgresDenyList {
    /// The list, for [`AlbAuthLayer::deny_list`](crate::AlbAuthLayer::deny_list).
    pub fn list(&self) -> &DenyList {
        &self.list
    }

    /// Shuts a user out on all replicas. An entry of the same user is replaced, with its end.
    ///
    /// # Errors
    /// The database is out of reach. The user is not denied then: use [`AlbAuthHandle::deny`](crate::AlbAuthHandle::deny) for this
    /// process.
    pub async fn deny(&self, user: &Denied) -> Result<(), StoreError> {
        let (kind, issuer, name, until) = user.columns();
        let sql = format!(
            "with written as (insert into {} (kind, issuer, name, until) values ($1, $2, $3, $4) \
             on conflict (kind, issuer, name) do update set until = excluded.until returning 1) \
             select pg_catalog.pg_notify('{CHANNEL}', '') from written",
            name_of(&self.database, TABLE)
        );
        let parameters = [
            (&kind as _, Type::TEXT),
            (&issuer as _, Type::TEXT),
            (&name as _, Type::TEXT),
            (&until as _, Type::TIMESTAMPTZ),
        ];
        self.write(&sql, &parameters).await
    }

    /// Removes the entry of a user, on all replicas. An email is removed in the form in which [`deny`](Self::deny) writes it.
    ///
    /// # Errors
    /// The database is out of reach.
    pub async fn allow(&self, user: &Denied) -> Result<(), StoreError> {
        let (kind, issuer, name, _) = user.columns();
        let sql = format!(
            "with removed as (delete from {} where kind = $1 and issuer = $2 and name = $3 returning 1) \
             select pg_catalog.pg_notify('{CHANNEL}', '') from removed",
            name_of(&self.database, TABLE)
        );
        self.write(&sql, &[(&kind as _, Type::TEXT), (&issuer as _, Type::TEXT), (&name as _, Type::TEXT)]).await
    }

    /// The accounts of the users who sign in, beside this list.
    pub(in crate::backstage) async fn accounts(&self) -> Result<Accounts, StoreError> {
        Accounts::open(Arc::clone(&self.database)).await
    }

    /// Here it is in force when this returns.
    async fn write(&self, sql: &str, parameters: &[super::database::Parameter<'_>]) -> Result<(), StoreError> {
        let written = self.database.rows(self.database.deadline(), sql, parameters).await;
        written.map_err(|failure| self.database.label().error(failure))?;
        let _turn = self.reading.lock().await;
        self.list.replace_source(read(&self.reads).await?);
        Ok(())
    }
}

impl fmt::Debug for PostgresDenyList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresDenyList").field("database", &self.database).field("list", &self.list).finish()
    }
}

/// Follows the table while the list is in use.
struct Follower {
    reads: Arc<Database>,
    list: WeakDenyList,
    reading: Reading,
    warned: OncePerMinute,
}

impl Follower {
    async fn run(self) {
        let notified = Arc::new(Notify::new());
        // To open a connection can take as long as the timeout, again and again. Polling goes on in the meantime.
        let (_in_use, ended) = oneshot::channel::<Infallible>();
        spawn(listen_until(ended, Arc::clone(&self.reads), Arc::clone(&notified)));
        loop {
            // The timeout is the fallback for a database that sends no notification.
            let _ = tokio::time::timeout(POLL_INTERVAL, notified.notified()).await;
            let _turn = self.reading.lock().await;
            // A new connection requests a password from the application's source. If that panics, the next read may not.
            let read = catch_panics(Box::pin(read(&self.reads))).await;
            let read = read.unwrap_or_else(|| Err(StoreError::new("the source of the database's password panicked")));
            let Some(list) = self.list.upgrade() else { return };
            match read {
                Ok(entries) => list.replace_source(entries),
                Err(error) => {
                    let problem = error.to_string();
                    list.report(&problem);
                    if self.warned.is_due() {
                        tracing::warn!(
                            target: "tower_alb_auth",
                            "the deny list cannot be read, the former entries stay in force: {problem}"
                        );
                    }
                }
            }
        }
    }
}

/// Wakes the follower by notifications until it has ended. A connection that is lost, or cannot be opened, is opened again.
async fn listen_until(ended: oneshot::Receiver<Infallible>, database: Arc<Database>, notified: Arc<Notify>) {
    let listening = async {
        loop {
            // As in the follower: the source of passwords is the application's.
            let _ = catch_panics(Box::pin(listen(&database, &notified))).await;
            tokio::time::sleep(LISTEN_INTERVAL).await;
        }
    };
    tokio::select! {
        () = listening => {}
        _ = ended => {}
    }
}

/// Opens a connection and wakes the follower at each notification, until the connection is lost. `None` if it cannot be opened in time.
async fn listen(database: &Database, notified: &Notify) -> Option<()> {
    let deadline = database.deadline();
    let (client, mut connection) = timeout_at(deadline, database.connect()).await.ok()?.ok()?;
    let notifications = async {
        while let Some(Ok(message)) = poll_fn(|context| connection.poll_message(context)).await {
            if matches!(message, AsyncMessage::Notification(_)) {
                notified.notify_one();
            }
        }
    };
    let listen = async {
        let sql = format!("listen {CHANNEL}");
        if matches!(timeout_at(deadline, client.batch_execute(&sql)).await, Ok(Ok(()))) {
            // An entry from before is read now.
            notified.notify_one();
            pending::<()>().await;
        }
    };
    tokio::select! {
        () = notifications => {}
        () = listen => {}
    }
    Some(())
}

/// # Errors
/// A row is not an entry: no entry of the table is used then.
async fn read(database: &Database) -> Result<Vec<Entry>, StoreError> {
    let sql = format!(
        "select kind::text, issuer::text, name::text, until from {} order by kind, issuer, name limit {}",
        name_of(database, TABLE),
        MAX_ROWS.saturating_add(1)
    );
    let rows =
        database.rows(database.deadline(), &sql, &[]).await.map_err(|failure| database.label().error(failure))?;
    if rows.len() > MAX_ROWS {
        return Err(StoreError::new(format!(
            "the table {TABLE} has more than {MAX_ROWS} rows: remove those that have ended"
        )));
    }
    rows.iter().zip(1_usize..).map(|(row, number)| entry(row, number)).collect()
}

/// The message names the row by its kind and its place in the order of the primary key: its name is that of a user.
fn entry(row: &Row, number: usize) -> Result<Entry, StoreError> {
    let wrong = |kind: &str, why: &str| {
        StoreError::new(format!("row {number} of the table {TABLE} (by kind, issuer, name), of the kind {kind}, {why}"))
    };
    let text =
        |index| row.try_get::<_, String>(index).map_err(|_| wrong("unknown", "has no text in kind, issuer or name"));
    let (kind, issuer, name) = (text(0)?, text(1)?, text(2)?);
    let denied = match kind.as_str() {
        "user" => Denied::from_user_text(&name),
        "email" => Denied::email(&name).map_err(|error| error.to_string()),
        "subject" => Denied::subject(&issuer, &name).map_err(|error| error.to_string()),
        _ => return Err(wrong("unknown", "has another kind than user, email and subject")),
    };
    let denied = denied.map_err(|why| wrong(&kind, &format!("is not an entry: {why}")))?;
    let until: Option<SystemTime> = row
        .try_get(3)
        .map_err(|_| wrong(&kind, "has an end that is not a time: leave it null for an entry without end"))?;
    let denied = until.into_iter().fold(denied, Denied::until);
    Ok(Entry::new(denied, format!("{TABLE}, row {number} by kind, issuer, name")))
}
