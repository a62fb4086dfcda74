//! Models of the key store: publication against look-up, proof and reload.

use shuttle::future::{block_on, spawn as task, yield_now};

use super::*;
use crate::{
    alb::{signer::AlbSigner, test_key},
    keys::{KeyFetch, KeySource, source::KeyRequest},
    sync::{
        model::{check, until_none},
        spawn,
    },
};

/// Two keys, at two kids of one endpoint.
struct Pair {
    endpoint: KeyEndpoint,
    kids: [Kid; 2],
    pems: [String; 2],
    fetches: std::sync::Mutex<[usize; 2]>,
}

impl Pair {
    /// Keys are the same in all schedules: generating them takes longer than a schedule.
    fn new() -> Arc<Self> {
        static PEMS: std::sync::OnceLock<[String; 2]> = std::sync::OnceLock::new();
        let pems = PEMS.get_or_init(|| [(); 2].map(|()| AlbSigner::generate().unwrap().public_key_pem())).clone();
        let kid = |last| Kid::parse(&format!("00000000-0000-4000-8000-00000000000{last}")).unwrap();
        let endpoint = KeyEndpoint::parse("https://keys.example.com").unwrap();
        Arc::new(Self { endpoint, kids: [kid(1), kid(2)], pems, fetches: std::sync::Mutex::default() })
    }

    fn key(&self, number: usize) -> PublicKey {
        PublicKey::from_pem(self.pems[number].as_bytes()).unwrap()
    }

    fn id(&self, number: usize) -> KeyId {
        KeyId { endpoint: self.endpoint.clone(), kid: self.kids[number] }
    }

    fn store(self: &Arc<Self>) -> Arc<KeyStore> {
        let (source, limits) = (SharedSource::new(Arc::clone(self)), KeyLimits::new());
        Arc::new(KeyStore::new(Some(source), Vec::new(), limits, SharedClock::default()))
    }
}

impl KeySource for Pair {
    fn fetch(&self, request: KeyRequest) -> KeyFetch {
        let number = self.kids.iter().position(|kid| *kid == request.kid).unwrap();
        self.fetches.lock().unwrap()[number] += 1;
        let pem = self.pems[number].clone().into_bytes();
        Box::pin(async move {
            yield_now().await;
            Ok(pem)
        })
    }
}

/// A request: looks the key up, waits for it, verifies a token with it.
async fn request(store: Arc<KeyStore>, pair: Arc<Pair>, number: usize) {
    let (key, second) = match store.lookup(&pair.endpoint, pair.kids[number]) {
        Lookup::Ready(key, second) => (key, second),
        Lookup::Wait(key) => (key.await.expect("the source has it"), store.second()),
        Lookup::Refused(error) => panic!("{error}"),
    };
    assert!(*key == pair.key(number), "the key of another kid");
    store.proven(&pair.endpoint, pair.kids[number], &key, second);
}

#[test]
fn no_publication_and_no_proof_is_lost() {
    check(|| {
        let (pair, numbers) = (Pair::new(), [0, 0, 1, 1]);
        let store = pair.store();
        let requests = numbers.map(|number| task(request(Arc::clone(&store), Arc::clone(&pair), number)));
        block_on(async {
            for request in requests {
                request.await.unwrap();
            }
        });
        let set = store.set.load();
        for number in [0, 1] {
            let held = set.find(&pair.endpoint, pair.kids[number]).expect("a published key is held");
            assert!(*held.key == pair.key(number) && held.is_proven(), "a key that verified a token is in use");
            assert!(set.is_proven_kid(&pair.id(number)), "its kid is remembered");
        }
        assert_eq!(*pair.fetches.lock().unwrap(), [1, 1], "one fetch a key");
        block_on(until_none(|| store.in_flight.len()));
    });
}

/// A key under a kid that is fetched again, and changes: a look-up gets the old key or the new one, and the new one stays.
#[test]
fn an_older_fetch_never_replaces_the_key_of_a_later_one() {
    check(|| {
        let pair = Pair::new();
        let store = pair.store();
        let (early, late) = (Instant::now(), Instant::now() + Duration::from_secs(1));
        let publish = |number: usize, at: Instant| {
            let (store, pair) = (Arc::clone(&store), Arc::clone(&pair));
            task(async move {
                let key = store.publish(pair.id(0), at, pair.key(number));
                assert!(*key == pair.key(1) || number == 0);
            })
        };
        let tasks = [publish(0, early), publish(1, late)];
        block_on(async {
            for task in tasks {
                task.await.unwrap();
            }
        });
        let set = store.set.load();
        assert!(*set.find(&pair.endpoint, pair.kids[0]).unwrap().key == pair.key(1));
    });
}

/// A reload takes keys over from a store that is still written to. What the new store holds is one of the old one's sets, and
/// requests to either get their keys.
#[test]
fn a_reload_beside_fetches_leaves_two_stores_that_work() {
    check(|| {
        let pair = Pair::new();
        let (store, next) = (pair.store(), pair.store());
        let requests = [0, 1].map(|number| task(request(Arc::clone(&store), Arc::clone(&pair), number)));
        let (from, to, held) = (Arc::clone(&store), Arc::clone(&next), Arc::clone(&pair));
        let reload = task(async move {
            to.adopt(&from, std::slice::from_ref(&held.endpoint));
            request(Arc::clone(&to), Arc::clone(&held), 0).await;
            request(to, held, 1).await;
        });
        block_on(async {
            reload.await.unwrap();
            for request in requests {
                request.await.unwrap();
            }
        });
        for store in [store, next] {
            let set = store.set.load();
            assert!((0..2).all(|number| set.is_proven_kid(&pair.id(number)) && set.len() == 2));
        }
    });
}

/// A source that panics once: its request fails, and the next one gets the key.
#[test]
fn a_source_that_panics_leaves_the_kid_to_the_next_request() {
    struct Panics(std::sync::atomic::AtomicBool);
    impl KeySource for Panics {
        fn fetch(&self, _: KeyRequest) -> KeyFetch {
            let first = !self.0.swap(true, std::sync::atomic::Ordering::SeqCst);
            Box::pin(async move {
                yield_now().await;
                if first {
                    crate::sync::model::expected_panic();
                }
                Ok(b"-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEaxfR8uEsQkf4vOblY6RA8ncDfYEt
6zOg9KE5RdiYwpZP40Li/hp/m47n60p8D54WK84zV2sxXs7LtkBoN79R9Q==
-----END PUBLIC KEY-----"
                    .to_vec())
            })
        }
    }
    check(|| {
        let pair = Pair::new();
        let source = SharedSource::new(Panics(std::sync::atomic::AtomicBool::new(false)));
        let store = Arc::new(KeyStore::new(Some(source), Vec::new(), KeyLimits::new(), SharedClock::default()));
        let fetched = |store: Arc<KeyStore>, pair: Arc<Pair>| async move {
            match store.lookup(&pair.endpoint, pair.kids[0]) {
                Lookup::Ready(key, _) => Some(key),
                Lookup::Wait(key) => key.await.ok(),
                Lookup::Refused(error) => panic!("{error}"),
            }
        };
        let requests = [(); 2].map(|()| task(fetched(Arc::clone(&store), Arc::clone(&pair))));
        block_on(async {
            for request in requests {
                let _ = request.await.unwrap();
            }
            let key = fetched(Arc::clone(&store), pair).await.expect("the source works now");
            assert!(*key == test_key());
        });
        block_on(until_none(|| store.in_flight.len()));
        // The runtime is there for all of this.
        assert_eq!(spawn(async {}), Some(()));
    });
}
