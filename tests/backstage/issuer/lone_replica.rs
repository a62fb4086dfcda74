//! The start of a replica: whether it waits until verifiers know its key.

use tower_alb_auth::{
    backstage::{
        IssueError,
        store::{PublicKeyStore, StoreError, StoreFuture, StoredKey},
    },
    test_util::TestClock,
};

use crate::issuer::{
    files::Folder,
    site::{MINUTE, Store, builder, jane, second, settle, token},
};

/// A store that knows whether others use it.
#[derive(Clone)]
struct Knows(Store, Result<bool, StoreError>);

impl PublicKeyStore for Knows {
    fn publish(&self, key: StoredKey) -> StoreFuture<'_, ()> {
        self.0.publish(key)
    }

    fn list(&self) -> StoreFuture<'_, Vec<StoredKey>> {
        self.0.list()
    }

    fn remove(&self, kids: Vec<String>) -> StoreFuture<'_, ()> {
        self.0.remove(kids)
    }

    fn has_other_processes(&self) -> StoreFuture<'_, bool> {
        Box::pin(async { self.1.clone() })
    }
}

#[tokio::test]
async fn a_lone_replica_is_ready_at_once_after_a_restart() {
    for (others, is_ready) in [(Ok(false), true), (Ok(true), false), (Err(StoreError::new("no answer")), false)] {
        let (clock, store) = (TestClock::new(), Store::default());
        token(&builder(&clock).user_keys(store.clone()).build().unwrap()).await;
        clock.advance(MINUTE);
        let restarted = builder(&clock).user_keys(Knows(store, others.clone())).build().unwrap();
        restarted.readiness();
        settle().await;
        assert_eq!(restarted.readiness().is_ready(), is_ready, "{others:?}: {:?}", restarted.readiness());
    }
}

#[tokio::test]
async fn a_replica_that_waits_says_for_what_and_how_long() {
    let (clock, store) = (TestClock::new(), Store::default());
    token(&builder(&clock).user_keys(store.clone()).build().unwrap()).await;
    let joins = builder(&clock).user_keys(store).build().unwrap();
    token(&joins).await;
    clock.advance(second(12));
    let readiness = joins.readiness();
    assert_eq!(readiness.ready_in(), Some(second(23)));
    insta::assert_snapshot!(readiness.problems().join("\n"), @"the signing key for user tokens is new, and other replicas are running: back ends that have just fetched their key set do not fetch it again for 30 s and reject the new key; ready 35 s after the key was published");
    clock.advance(second(23));
    assert_eq!((joins.readiness().is_ready(), joins.readiness().ready_in()), (true, None));
}

#[tokio::test]
async fn a_restart_with_the_same_key_files_does_not_wait() {
    let (clock, store, folder) = (TestClock::new(), Store::default(), Folder::with_key("one"));
    folder.add_key("two");
    let start = || {
        let keys = folder.keys(&["one", "two"]).unwrap();
        builder(&clock).user_signing_keys(keys).user_keys(store.clone()).build().unwrap()
    };
    token(&start()).await;
    for (after, is_ready) in [(second(10), false), (second(35), true)] {
        clock.advance(after);
        let restarted = start();
        restarted.readiness();
        settle().await;
        assert_eq!(restarted.readiness().is_ready(), is_ready, "after {after:?}: {:?}", restarted.readiness());
    }
}

#[tokio::test]
async fn a_wrong_clock_is_not_the_stores_fault() {
    let (clock, store) = (TestClock::new(), Store::default());
    clock.set_date(std::time::SystemTime::UNIX_EPOCH - second(1));
    let issuer = builder(&clock).user_keys(store.clone()).plugin_keys(store.clone()).build().unwrap();
    let error = issuer.user_token(&jane(), &[]).await.unwrap_err();
    assert!(matches!(error, IssueError::Clock(_)), "{error:?}");
    assert!(matches!(issuer.plugin_token("catalog").await, Err(IssueError::Clock(_))));
    assert_eq!(store.publications(), 0, "no key with a date that no other replica can read");
    store.set_down(true);
    clock.set_date(std::time::SystemTime::now());
    // The store is queried again when the wait after the failure is over.
    let error = issuer.user_token(&jane(), &[]).await.unwrap_err();
    assert_eq!(error, IssueError::Store(StoreError::new("the database is down")));
    assert!(std::error::Error::source(&error).is_some());
}
