//! F-40: many forged tokens beside honest traffic.

use tower_alb_auth::{
    AuthErrorKind::InvalidSignature,
    test_util::{MockAlb, User},
};

use crate::{
    service::{inside::JANE, tokens::forged},
    support::App,
};

const FORGERS: usize = 4;
const FORGED: usize = 200;
const HONEST: usize = 100;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f_40_a_flood_of_forged_signatures_stops_no_user_and_leaves_nothing() {
    let alb = MockAlb::new();
    let layer = alb.layer();
    let handle = layer.handle();
    let app = App::new(layer);
    let forgers = (0..FORGERS).map(|forger| {
        let (alb, app) = (alb.clone(), app.clone());
        tokio::spawn(async move {
            for number in 0..FORGED {
                let token = forged(&alb.sign(&User::jane().claim("number", forger * FORGED + number)));
                app.call(alb.request("/").token(&token)).await.assert_401(InvalidSignature);
                tokio::task::yield_now().await;
            }
        })
    });
    let forgers: Vec<_> = forgers.collect();
    for number in 0..HONEST {
        app.call(alb.request("/").user(&User::jane().claim("number", number))).await.assert_ok(JANE);
        tokio::task::yield_now().await;
    }
    for forger in forgers {
        forger.await.expect("no task panics");
    }
    let stats = handle.stats();
    assert_eq!((stats.tokens, stats.keys, stats.unknown_kids), (HONEST, 1, 0));
    assert_eq!((app.calls(), alb.key_fetches()), (HONEST, 1));
}
