//! A stock replica with short tokens and replicas of ours with long ones on one database.

use std::time::{Duration, SystemTime};

use serde_json::json;
use tower_alb_auth::{
    Clock,
    backstage::{TokenIssuer, store::PublicKeyStore},
    test_util::TestClock,
};

use crate::{
    postgres::people::{ISSUER, JANE, USER_KEYS, jane, key, kids, verified_by},
    support::postgres::{backstage::Stock, database::AUTH, server::Server},
};

const MINUTE: Duration = Duration::from_secs(60);

#[tokio::test]
#[ignore = "peer: PostgreSQL, and Backstage's auth backend, installed by .ci/peers"]
async fn f_45_a_stock_replica_with_ten_minutes_lists_our_keys_for_as_long_as_our_tokens_live() {
    let server = Server::start();
    let stock = Stock::start_with_lifetime(&server, "database", json!({ "minutes": 10 })).await;
    let database = server.stores(AUTH).build().unwrap();
    let rows = database.user_keys();
    // Ours began 45 minutes ago, so that three of the stock replica's lifetimes are over.
    let now = SystemTime::now();
    let clock = TestClock::at(now - 45 * MINUTE);
    let replica = || {
        let builder = TokenIssuer::builder(ISSUER).user_keys(rows.clone()).token_lifetime(24 * 60 * MINUTE);
        builder.clock(clock.clone()).build().unwrap()
    };
    let (ends, stays) = (replica(), replica());
    let mut tokens = Vec::new();
    for replica in [&ends, &stays] {
        let jane = jane();
        let issued = replica.user_token(&jane.user_entity_ref, &jane.ownership_entity_refs).await.unwrap();
        tokens.push(issued.expose().to_owned());
    }
    drop(ends);
    // A row of the same age that names no end.
    rows.publish(key("without-end", clock.now())).await.unwrap();
    // The first check is due an interval after this.
    stays.readiness();
    while clock.now() < now {
        clock.advance(5 * MINUTE);
        stays.readiness();
        renewed(&rows, &clock).await;
    }

    for _ in 0..2 {
        let listed = stock.json(USER_KEYS, None).await;
        for token in &tokens {
            assert_eq!(verified_by(&listed, token), JANE);
            let principal = stock.json("/api/catalog/whose", Some(token)).await;
            assert_eq!(principal["userEntityRef"], JANE);
        }
        // It drops what it finds too old beside its response.
        gone(&rows, "without-end").await;
    }
}

/// Waits until the rows of ours are as young as the clock.
async fn renewed(rows: &impl PublicKeyStore, clock: &TestClock) {
    let all = async {
        loop {
            let listed = rows.list().await.unwrap();
            let mut ours = listed.iter().filter(|row| row.key.json().contains("\"exp\":"));
            if ours.all(|row| row.created_at + MINUTE > clock.now()) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), all).await.expect("the rows are renewed");
}

async fn gone(rows: &impl PublicKeyStore, kid: &str) {
    let gone = async {
        while kids(&rows.list().await.unwrap()).contains(&kid) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), gone).await.expect("the stock replica drops rows of that age");
}
