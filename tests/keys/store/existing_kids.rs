//! A stranger who names kids that exist: of other regions, or of the same one, with signatures that are made up.

use std::{collections::HashMap, future::ready, time::Duration};

use base64::{Engine as _, engine::general_purpose::URL_SAFE};
use tower_alb_auth::{
    AuthErrorKind::{InvalidSignature, KeysUnavailable},
    KeyLimits,
    test_util::{MockAlb, User},
};

use crate::store::{
    flood::Stranger,
    setup::{JANE, REFRESH_AGE, SECOND, Setup, finish, kid_number},
    source::Source,
};

/// A source that knows the load balancer's keys, and has a key for each kid a stranger can name.
pub fn all_kids_exist(albs: &[&MockAlb]) -> Source {
    let known: HashMap<String, String> = albs.iter().map(|alb| (alb.kid().to_owned(), alb.public_key_pem())).collect();
    let foreign = MockAlb::new().public_key_pem();
    Source::new(move |request| {
        let pem = known.get(&request.kid.to_string()).unwrap_or(&foreign);
        ready(Ok(pem.clone().into_bytes()))
    })
}

struct Flood {
    kids: usize,
    /// Requests of the stranger for each one of a user.
    ratio: usize,
    /// Requests of users, and the milliseconds between two of them.
    requests: usize,
    apart: u64,
}

impl Flood {
    /// How many of the users' requests are refused.
    async fn run(&self) -> usize {
        let source = Source::new(|_| async { crate::store::source::no_such_key() });
        let mut setup = Setup::with_source(source.clone());
        let old = setup.alb.clone();
        setup.alb.rotate();
        let answers = all_kids_exist(&[&old, &setup.alb]);
        source.set(move |request| tower_alb_auth::keys::KeySource::fetch(&answers, request));
        // Two keys in use, as during a rotation.
        let albs = [old, setup.alb.clone()];
        for alb in &albs {
            setup.app.call(alb.request("/").user(&User::jane())).await.assert_ok(JANE);
        }
        let stranger = Stranger::new(&setup);
        let (mut number, mut refused) = (0, 0);
        for step in 0..self.requests {
            for _ in 0..self.ratio {
                number = (number + 1) % self.kids;
                let answer = stranger.call(&setup, number).await;
                assert!(matches!(answer.kind(), Some(InvalidSignature | KeysUnavailable)), "{answer:?}");
            }
            let answer = setup.app.call(albs[step % 2].request("/").user(&User::jane())).await;
            if answer.status != 200 {
                assert_eq!(answer.kind(), Some(KeysUnavailable), "{answer:?}");
                refused += 1;
            }
            setup.clock.advance(Duration::from_millis(self.apart));
        }
        let asked = source.fetches();
        println!("{} kids, {} to 1: {refused} of {} refused, {asked} fetches", self.kids, self.ratio, self.requests);
        refused
    }
}

#[tokio::test(start_paused = true)]
async fn s_82_kids_that_exist_cost_no_honest_request_its_answer() {
    let floods = [(64, 1, 1_000, 30), (64, 10, 1_000, 30), (10_000, 1, 1_000, 100), (10_000, 10, 1_000, 100)];
    let mut refused = Vec::new();
    for (kids, ratio, requests, apart) in floods {
        refused.push(Flood { kids, ratio, requests, apart }.run().await);
    }
    assert_eq!(refused, [0; 4], "refused requests of users, by flood");
}

#[tokio::test(start_paused = true)]
async fn s_82_a_key_that_verified_nothing_is_not_refreshed() {
    let setup = Setup::new();
    let source = all_kids_exist(&[&setup.alb]);
    setup.handle.reload(finish(setup.alb.config_builder().key_source(source.clone())));
    setup.warm().await;
    setup.call_with_kid(&kid_number(1)).await.assert_401(InvalidSignature);
    setup.call_with_kid(&kid_number(1)).await.assert_401(InvalidSignature);
    assert_eq!(source.fetches_of(&kid_number(1)), 1, "it is held");
    let _refresh = setup.handle.refresh_in_background();
    setup.clock.advance(REFRESH_AGE);
    while source.fetches_of(setup.alb.kid()) < 2 {
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    setup.settle().await;
    assert_eq!(source.fetches_of(&kid_number(1)), 1, "it has no part in the budget of refreshes");
    // Naming it once more is naming a kid that is not held.
    setup.call_with_kid(&kid_number(1)).await.assert_401(InvalidSignature);
    assert_eq!(source.fetches_of(&kid_number(1)), 2);
}

#[tokio::test(start_paused = true)]
async fn s_82_keys_named_by_strangers_are_few() {
    let limits = KeyLimits::new().fetch_burst(1000).fetches_per_second(1000);
    let source = Source::new(|_| async { crate::store::source::no_such_key() });
    let setup = Setup::build(|builder, _| builder.key_source(source.clone()).key_limits(limits));
    let answers = all_kids_exist(&[&setup.alb]);
    source.set(move |request| tower_alb_auth::keys::KeySource::fetch(&answers, request));
    setup.warm().await;
    let stranger = Stranger::new(&setup);
    for number in 0..200 {
        stranger.call(&setup, number).await.assert_401(InvalidSignature);
    }
    assert_eq!(setup.handle.stats().keys, 17, "sixteen beside the one in use");
    setup.warm().await;
    assert_eq!(source.fetches_of(setup.alb.kid()), 1);
}

/// Kids whose keys have verified tokens, all but the last one long ago, and a stranger's tokens that name the others.
struct OldKids {
    setup: Setup,
    source: Source,
    in_use: MockAlb,
    others: Vec<MockAlb>,
    forged: Vec<String>,
}

impl OldKids {
    async fn new(old: usize, max_keys: usize) -> Self {
        let source = Source::new(|_| async { crate::store::source::no_such_key() });
        let limits = KeyLimits::new().max_keys(max_keys);
        let mut setup = Setup::build(|builder, _| builder.key_source(source.clone()).key_limits(limits));
        let rotate = |setup: &mut Setup| {
            setup.alb.rotate();
            setup.alb.clone()
        };
        let albs: Vec<MockAlb> = (0..=old).map(|_| rotate(&mut setup)).collect();
        let answers = all_kids_exist(&albs.iter().collect::<Vec<_>>());
        source.set(move |request| tower_alb_auth::keys::KeySource::fetch(&answers, request));
        for alb in &albs {
            setup.app.call(alb.request("/").user(&User::jane())).await.assert_ok(JANE);
            setup.clock.advance(SECOND);
        }
        let (in_use, others) = albs.split_last().expect("one at least");
        let (in_use, others) = (in_use.clone(), others.to_vec());
        let mut site = Self { setup, source, in_use, others, forged: Vec::new() };
        site.forge();
        site
    }

    /// Makes the stranger's tokens, which are good for two minutes.
    fn forge(&mut self) {
        let signed = self.in_use.sign(&User::jane());
        let (_, rest) = signed.split_once('.').expect("a token");
        let header = |alb: &MockAlb| URL_SAFE.encode(alb.token(&User::jane()).header_json());
        self.forged = self.others.iter().map(|alb| format!("{}.{rest}", header(alb))).collect();
    }

    async fn strangers(&self, from: usize, count: usize) {
        for number in from..from + count {
            let answer =
                self.setup.app.call(self.setup.alb.request("/").token(&self.forged[number % self.forged.len()]));
            let answer = answer.await;
            assert!(matches!(answer.kind(), Some(InvalidSignature | KeysUnavailable)), "{answer:?}");
        }
    }

    async fn jane(&self) -> bool {
        self.setup.app.call(self.in_use.request("/").user(&User::jane())).await.status == 200
    }
}

/// That a kid has verified tokens once is no verified use of its key now.
#[tokio::test(start_paused = true)]
async fn s_82_kids_that_were_in_use_once_cost_no_honest_request_its_answer() {
    for (old, max_keys) in [(100, 64), (20, 2)] {
        let site = OldKids::new(old, max_keys).await;
        let mut refused = 0;
        for step in 0..200 {
            site.strangers(step * 100, 100).await;
            refused += usize::from(!site.jane().await);
            site.setup.clock.advance(Duration::from_millis(30));
        }
        assert_eq!(refused, 0, "of 200, with {old} old kids and max_keys {max_keys}");
        assert_eq!(site.source.fetches_of(site.in_use.kid()), 1, "it was held all the time");
    }
}

#[tokio::test(start_paused = true)]
async fn s_82_kids_that_were_in_use_once_keep_no_key_from_its_refresh() {
    let mut site = OldKids::new(40, 2).await;
    site.setup.clock.advance(REFRESH_AGE);
    site.forge();
    for step in 0..20 {
        site.strangers(step * 100, 100).await;
        assert!(site.jane().await);
        site.setup.clock.advance(SECOND);
    }
    site.setup.settle().await;
    assert_eq!(site.source.fetches_of(site.in_use.kid()), 2);
}
