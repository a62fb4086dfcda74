//! Another key under a kid that is held.

use std::{
    future::ready,
    sync::{Arc, Mutex},
};

use http::Request;
use tower_alb_auth::{
    AuthErrorKind::InvalidSignature,
    keys::{KeyFetch, KeyRequest, KeySource},
    test_util::{MockAlb, User},
};

use crate::store::setup::{JANE, REFRESH_AGE, Setup};

/// Gives this key for any kid.
#[derive(Clone)]
struct Replaceable(Arc<Mutex<String>>);

impl KeySource for Replaceable {
    fn fetch(&self, _: KeyRequest) -> KeyFetch {
        Box::pin(ready(Ok(self.0.lock().unwrap().clone().into_bytes())))
    }
}

/// What is remembered of a token is worth as much as the key that verified it.
#[tokio::test(start_paused = true)]
async fn s_45_a_remembered_token_of_a_key_that_was_replaced_under_its_kid_is_refused() {
    let source = Replaceable(Arc::default());
    let setup = Setup::build(|builder, alb| {
        *source.0.lock().unwrap() = alb.public_key_pem();
        builder.key_source(source.clone())
    });
    setup.warm().await;
    *source.0.lock().unwrap() = MockAlb::new().public_key_pem();
    setup.clock.advance(REFRESH_AGE);

    let token = setup.alb.sign(&User::jane());
    let again = || -> Request<String> { setup.alb.request("/").token(&token).into() };
    // The held key verifies it, while the key is fetched again.
    let remembered = setup.handle.stats().tokens;
    setup.app.call(again()).await.assert_ok(JANE);
    assert_eq!(setup.handle.stats().tokens, remembered + 1);
    setup.settle().await;
    setup.app.call(again()).await.assert_401(InvalidSignature);
    setup.call().await.assert_401(InvalidSignature);
}
