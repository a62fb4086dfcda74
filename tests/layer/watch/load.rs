//! F-36: reloads while requests come. None is lost, and none is answered by half of each configuration.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::{Router, routing::get};
use tokio::net::TcpListener;
use tower_alb_auth::{
    AlbAuthConfig, AlbAuthLayer, BackstageIdentity, Claims,
    sign_in::EmailLocalPart,
    test_util::{MockAlb, User},
};

use crate::support::wire::{Caller, Http};

const REQUESTS: usize = 10_000;
const CALLERS: usize = 20;

/// Two configurations that agree in nothing but the load balancer: client, domain and namespace go together.
struct Sides {
    one: MockAlb,
    other: MockAlb,
}

impl Sides {
    async fn begin() -> Self {
        let one = MockAlb::new().with_client_id("one").serve().await;
        let other = one.clone().with_client_id("other");
        Self { one, other }
    }

    fn config(&self, alb: &MockAlb, name: &str) -> AlbAuthConfig {
        let policy = EmailLocalPart::in_domains([format!("{name}.example")]).in_namespace(name);
        alb.config_builder().sign_in(policy).build().expect("a sound configuration")
    }

    fn both(&self) -> [AlbAuthConfig; 2] {
        [self.config(&self.one, "one"), self.config(&self.other, "other")]
    }
}

fn jane(domain: &str) -> User {
    User::jane().claim("email", format!("jane@{domain}.example"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f_36_of_ten_thousand_requests_none_is_lost_and_none_is_answered_by_a_mixture() {
    let sides = Arc::new(Sides::begin().await);
    let configs = sides.both();
    let layer = AlbAuthLayer::new(configs[0].clone());
    let handle = layer.handle();
    let me = |user: BackstageIdentity, claims: Claims| async move {
        let client: Option<String> = claims.get("asked_by").expect("a text");
        format!("{} {}", user.user_entity_ref(), client.unwrap_or_default())
    };
    let app = Router::new().route("/", get(me)).layer(layer);
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free loopback port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move { axum::serve(listener, app).await });

    let (ended, reloads) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let reloading = tokio::spawn({
        let (ended, reloads) = (Arc::clone(&ended), Arc::clone(&reloads));
        async move {
            for config in configs.iter().cycle() {
                if ended.load(Ordering::SeqCst) {
                    break;
                }
                handle.reload(config.clone());
                reloads.fetch_add(1, Ordering::SeqCst);
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        }
    });

    let callers = (0..CALLERS).map(|number| {
        let sides = Arc::clone(&sides);
        tokio::spawn(async move {
            let caller = Caller::new(if number % 2 == 0 { Http::One } else { Http::Two }, address);
            let mut seen = [0; 4];
            for round in 0..REQUESTS / CALLERS {
                // The client of one side, the domain of the same or of the other.
                let (client, domain) =
                    [("one", "one"), ("other", "other"), ("one", "other"), ("other", "one")][round % 4];
                let alb = if client == "one" { &sides.one } else { &sides.other };
                let user = jane(domain).claim("asked_by", client);
                let answer = caller.call(alb.request("/").user(&user)).await;
                let own = format!("user:{client}/jane {client}");
                match answer.said() {
                    // Under its own configuration, as a whole,
                    (200, said) if client == domain && said == own => seen[0] += 1,
                    // refused by the policy, since the token is of this side and the email of the other,
                    (403, _) if client != domain => seen[1] += 1,
                    // or under the other configuration, whose client it is not.
                    (401, _) if client == domain => seen[2] += 1,
                    (401, _) => seen[3] += 1,
                    other => panic!("{client}, {domain}: {other:?}"),
                }
            }
            seen
        })
    });
    let mut seen = [0; 4];
    for caller in callers.collect::<Vec<_>>() {
        let of_this = caller.await.expect("no panic");
        seen.iter_mut().zip(of_this).for_each(|(sum, count)| *sum += count);
    }
    ended.store(true, Ordering::SeqCst);
    reloading.await.expect("no panic");
    assert_eq!(seen.iter().sum::<usize>(), REQUESTS, "none is lost");
    assert!(seen.iter().all(|count| *count > 100), "each way was gone: {seen:?}");
    assert!(reloads.load(Ordering::SeqCst) > 100, "{reloads:?} reloads");
}
