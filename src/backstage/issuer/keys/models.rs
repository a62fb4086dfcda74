//! A model of the signing keys of three replicas on one store, whose clocks are two minutes apart.

use shuttle::future::{block_on, spawn as task, yield_now};

use super::*;
use crate::{
    backstage::store::{MemoryPublicKeys, StoreFuture, StoredKey},
    internal::model::check,
    test_util::TestClock,
};

const LIFETIME: Duration = Duration::from_secs(60 * 60);
const APART: Duration = Duration::from_secs(120);

/// A store on another machine: other tasks go on before it has the request, and before its response is here.
#[derive(Clone, Default)]
struct Remote(MemoryPublicKeys);

impl PublicKeyStore for Remote {
    fn publish(&self, key: StoredKey) -> StoreFuture<'_, ()> {
        Box::pin(async move {
            yield_now().await;
            let published = self.0.publish(key).await;
            yield_now().await;
            published
        })
    }

    fn list(&self) -> StoreFuture<'_, Vec<StoredKey>> {
        Box::pin(async {
            yield_now().await;
            let listed = self.0.list().await;
            yield_now().await;
            listed
        })
    }

    fn remove(&self, kids: Vec<String>) -> StoreFuture<'_, ()> {
        Box::pin(async move {
            yield_now().await;
            self.0.remove(kids).await
        })
    }
}

struct Replica {
    ring: Arc<KeyRing>,
    clock: TestClock,
}

/// Every token that a replica signs verifies at every other one, when it is signed and until it expires, while keys are
/// generated, published, listed and dropped, and while the replicas' clocks differ.
#[test]
fn what_one_replica_signs_verifies_at_each_of_them_until_it_expires() {
    check(|| {
        let store: Arc<dyn PublicKeyStore> = Arc::new(Remote::default());
        let start = std::time::SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
        let replicas: [Arc<Replica>; 3] = [0, 1, 2].map(|number| {
            let clock = TestClock::at(start + APART * number);
            let ring = KeyRing::new("user", Arc::clone(&store), SharedClock::new(clock.clone()), LIFETIME, None, None);
            Arc::new(Replica { ring, clock })
        });
        let mut signed: Vec<(String, Duration)> = Vec::new();
        let mut passed = Duration::ZERO;
        // Through the first key's lifetime, past the publication of its successor, to the end of the first tokens.
        for step in [0, 35 * 60, 24 * 60, 3 * 60, 50 * 60].map(Duration::from_secs) {
            passed += step;
            replicas.iter().for_each(|replica| replica.clock.advance(step));
            // Two requests to one of them, so that one signs while the other publishes.
            let requests = [0, 0, 1, 2].map(|number| {
                let all = replicas.clone();
                task(async move {
                    let key = all[number].ring.signing_key().await.expect("a key");
                    let kid = key.public().kid().to_owned();
                    verified_by_all(&all, &kid).await;
                    kid
                })
            });
            let listing = task({
                let replica = Arc::clone(&replicas[0]);
                async move { replica.ring.public_keys().await.expect("the store works").len() }
            });
            block_on(async {
                for request in requests {
                    signed.push((request.await.unwrap(), passed));
                }
                listing.await.unwrap();
                // Background work of this step ends, in any order.
                yield_now().await;
                let alive = signed.iter().filter(|(_, at)| passed < *at + LIFETIME);
                for (kid, _) in alive {
                    verified_by_all(&replicas, kid).await;
                }
            });
        }
    });
}

async fn verified_by_all(replicas: &[Arc<Replica>], kid: &str) {
    for replica in replicas {
        let found = replica.ring.find(kid).await.expect("the store works");
        assert!(found.is_some(), "a replica does not know the key of a valid token");
    }
}

/// Many requests for a first key: one key, whichever of them comes first.
#[test]
fn a_first_key_is_generated_once() {
    check(|| {
        let store = Remote::default();
        let clock = SharedClock::new(TestClock::new());
        let ring = KeyRing::new("user", Arc::new(store.clone()), clock, LIFETIME, None, None);
        let requests = [(); 3].map(|()| {
            let ring = Arc::clone(&ring);
            task(async move { ring.signing_key().await.expect("a key").public().kid().to_owned() })
        });
        block_on(async {
            let mut kids = Vec::new();
            for request in requests {
                kids.push(request.await.unwrap());
            }
            assert!(kids.iter().all(|kid| *kid == kids[0]), "two keys sign");
            assert_eq!(store.list().await.unwrap().len(), 1);
        });
    });
}
