//! S-42: many users at once, each of whom must get the response of no other.

use std::sync::Arc;

use tower_alb_auth::{
    AlbAuthLayer, CacheLimits,
    sign_in::ClaimsOnly,
    test_util::{MockAlb, User},
};

use crate::support::App;

const TOKENS: usize = 10_000;
const TASKS: usize = 64;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn s_42_every_user_gets_the_response_of_that_user_and_of_no_other() {
    let alb = MockAlb::new();
    // Smaller than the crowd, so that entries come and go while others are read.
    let builder = alb.config_builder().sign_in(ClaimsOnly).cache_limits(CacheLimits::new().max_tokens(2_000));
    let layer = AlbAuthLayer::new(builder.build().unwrap());
    let handle = layer.handle();
    let app = App::new(layer);
    // Tokens that differ in as little as can be: one digit of the subject, and the signature.
    let user = |number| User::empty().claim("sub", format!("subject-{number:05}"));
    let tokens: Arc<Vec<String>> = Arc::new((0..TOKENS).map(|number| alb.sign(&user(number))).collect());

    let tasks: Vec<_> = (0..TASKS)
        .map(|task| {
            let (app, alb, tokens) = (app.clone(), alb.clone(), Arc::clone(&tokens));
            tokio::spawn(async move {
                for own in (task..TOKENS).step_by(TASKS) {
                    // The own one, and one that another task is using at about this time: fresh, or remembered.
                    for number in [own, own - task + (task * 7 + own) % TASKS] {
                        let Some(token) = tokens.get(number) else { continue };
                        let answer = app.call(alb.request("/").token(token)).await;
                        answer.assert_ok(&format!("claims subject-{number:05}"));
                    }
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.expect("no task panics");
    }
    assert!(app.calls() >= TOKENS + TOKENS / 2, "{} requests", app.calls());
    assert!(handle.stats().tokens <= 2_000, "{:?}", handle.stats());
    assert_eq!(alb.key_fetches(), 1);
}
