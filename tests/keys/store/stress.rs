//! Everything at once, on several threads.
//!
//! No lock is held across an await: clippy's `await_holding_lock` is denied for the whole crate. This looks for what a lint
//! cannot see: locks taken in two orders, and answers that are wrong only now and then.

use std::{
    ops::Deref,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use tower_alb_auth::{
    TokenLimits,
    keys::KeySourceErrorKind as Kind,
    test_util::{MockAlb, User},
};

use crate::store::{
    setup::{JANE, REFRESH_AGE, Setup, finish, kid_number, settle},
    source::{Source, failure, no_such_key},
};

/// How often each of those who change something does so.
const ROUNDS: usize = 300;

/// Longer than it takes on a busy machine by far. What is tested is that it ends.
const MAX_WAIT: Duration = Duration::from_secs(120);

/// A source that knows this load balancer's key; of other kids it says one thing or another, each a moment later.
fn moody(alb: &MockAlb) -> Source {
    let (kid, pem) = (alb.kid().to_owned(), alb.public_key_pem());
    Source::new(move |request| {
        let (asked, pem) = (request.kid.to_string(), pem.clone());
        let known = asked == kid;
        async move {
            tokio::task::yield_now().await;
            match asked.as_bytes().last() {
                _ if known => Ok(pem.into_bytes()),
                Some(b'0'..=b'3') => Ok(b"junk".to_vec()),
                Some(b'4'..=b'5') => failure(Kind::Connection),
                Some(b'6') => panic!("the source panics"),
                _ => no_such_key(),
            }
        }
    })
}

/// Tokens may live for a day, since time jumps while they are on their way.
fn a_day() -> TokenLimits {
    TokenLimits::new().max_lifetime(Duration::from_secs(24 * 3600))
}

/// Everybody's, until the last one goes.
struct Everything {
    setup: Setup,
    source: Source,
    over: AtomicBool,
}

impl Deref for Everything {
    type Target = Setup;

    fn deref(&self) -> &Setup {
        &self.setup
    }
}

impl Everything {
    fn new() -> &'static Self {
        let source = Source::new(|_| async { no_such_key() });
        let setup = Setup::build(|builder, _| builder.token_limits(a_day()).key_source(source.clone()));
        let answers = moody(&setup.alb);
        source.set(move |request| tower_alb_auth::keys::KeySource::fetch(&answers, request));
        Box::leak(Box::new(Self { setup, source, over: AtomicBool::new(false) }))
    }

    /// Users, who must not notice anything.
    async fn users(&self) -> usize {
        let mut calls = 0;
        while !self.over.load(Ordering::Relaxed) {
            // Good for a day, since time jumps while it is on its way.
            let token = self.alb.token(&User::jane()).expires_at(self.alb.unix_now() + 23 * 3600).sign();
            self.app.call(self.alb.request("/").token(&token)).await.assert_ok(JANE);
            calls += 1;
            tokio::task::yield_now().await;
        }
        calls
    }

    async fn strangers(&self, offset: usize) {
        for number in 0..ROUNDS * 4 {
            let answer = self.call_with_kid(&kid_number(offset + number % 500)).await;
            assert!(matches!(answer.status.as_u16(), 401 | 503), "{answer:?}");
            tokio::task::yield_now().await;
        }
    }

    async fn time_passes(&self) {
        for _ in 0..ROUNDS {
            self.clock.advance(REFRESH_AGE / 4);
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    async fn reloads(&self) {
        for _ in 0..ROUNDS {
            self.handle.reload(finish(self.alb.config_builder().token_limits(a_day()).key_source(self.source.clone())));
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    async fn readers(&self) {
        while !self.over.load(Ordering::Relaxed) {
            let stats = self.handle.stats();
            assert!(stats.keys <= 1 && stats.unknown_kids <= 4096, "{stats:?}");
            assert!(self.handle.readiness().problems().len() <= 1);
            let _known_or_not = self.handle.warm_up_kids([self.kid()]).await;
            tokio::task::yield_now().await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn f_35_look_ups_floods_refreshes_reloads_and_readers_do_not_stand_in_each_others_way() {
    let everything = Everything::new();
    everything.warm().await;
    let _refresh = everything.handle.refresh_in_background();
    let users = [(); 3].map(|()| tokio::spawn(everything.users()));
    let readers = tokio::spawn(everything.readers());
    let strangers = [0, 250].map(|offset| tokio::spawn(everything.strangers(offset)));

    let work = async {
        tokio::join!(everything.time_passes(), everything.reloads());
        for stranger in strangers {
            stranger.await.unwrap();
        }
        everything.over.store(true, Ordering::Relaxed);
        readers.await.unwrap();
        for user in users {
            assert!(user.await.unwrap() > 0, "users got no turn");
        }
    };
    tokio::time::timeout(MAX_WAIT, work).await.expect("it ends: no task waits for ever");
    settle(&everything.handle).await;
    everything.call().await.assert_ok(JANE);
}
