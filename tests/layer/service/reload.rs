//! F-36: what clones share, and what a reload changes.

use std::sync::Arc;

use futures::future::join_all;
use http::Request;
use tokio::sync::Semaphore;
use tower_alb_auth::{
    AlbAuthConfig, AlbAuthLayer,
    AuthErrorKind::{SignInRefused, UntrustedClient, UntrustedSigner},
    EntityRef, TrustedAlb,
    keys::{KeyFetch, KeyRequest, KeySource},
    sign_in::{self, ClaimsOnly, EmailLocalPart, SignIn},
    test_util::{MockAlb, User},
};

use crate::{
    service::inside::{JANE, jane},
    support::App,
};

#[tokio::test]
async fn f_36_a_thousand_clones_share_one_state() {
    const CLONES: usize = 1_000;
    let alb = MockAlb::new();
    let layer = alb.layer();
    let handle = layer.handle();
    let apps: Vec<App> = (0..CLONES).map(|_| App::new(layer.clone())).collect();
    join_all(apps.iter().enumerate().map(async |(number, app)| {
        let user = User::jane().claim("number", number);
        app.call(alb.request("/").user(&user)).await.assert_ok(JANE);
    }))
    .await;
    assert_eq!(alb.key_fetches(), 1);
    let stats = layer.handle().stats();
    assert_eq!((stats, stats.tokens, stats.keys), (handle.stats(), CLONES, 1));

    drop(apps);
    App::new(layer).call(jane(&alb)).await.assert_ok(JANE);
    assert_eq!((alb.key_fetches(), handle.stats().tokens), (1, CLONES + 1));
}

#[tokio::test]
async fn f_36_a_reload_is_in_force_at_once_for_every_clone_and_keeps_the_keys() {
    let alb = MockAlb::new();
    let layer = alb.layer();
    let handle = layer.handle();
    let (one, other) = (App::new(layer.clone()), App::new(layer));
    let token = alb.sign(&User::jane());
    let call = async |app: &App| app.call(alb.request("/").token(&token)).await;
    call(&one).await.assert_ok(JANE);
    assert_eq!((handle.stats().tokens, handle.stats().keys), (1, 1));

    let domains = |domain: &str| alb.config_builder().sign_in(EmailLocalPart::in_domains([domain])).build().unwrap();
    handle.reload(domains("partner.example"));
    assert_eq!((handle.stats().tokens, handle.stats().keys), (0, 1), "tokens are forgotten, keys are kept");
    for app in [&one, &other] {
        assert_eq!(call(app).await.kind(), Some(SignInRefused));
    }

    let client = TrustedAlb::new(alb.signer(), alb.issuer()).client_id("another application");
    let builder = alb.keys_and_clock(AlbAuthConfig::builder().trust(client)).sign_in(ClaimsOnly);
    handle.reload(builder.build().unwrap());
    for app in [&one, &other] {
        call(app).await.assert_401(UntrustedClient);
    }
    assert_eq!(handle.stats().tokens, 0);

    handle.reload(domains("example.com"));
    for app in [&one, &other] {
        call(app).await.assert_ok(JANE);
    }
    assert_eq!((alb.key_fetches(), handle.stats().tokens), (1, 1));
}

/// Trusts another load balancer, and reads `claims` of all users.
fn others(alb: &MockAlb) -> AlbAuthConfig {
    let stranger = MockAlb::with_keys_of(alb);
    let builder = alb.keys_and_clock(AlbAuthConfig::builder().trust(stranger.trusted()));
    builder.sign_in(ClaimsOnly).build().unwrap()
}

#[tokio::test]
async fn f_36_a_request_that_waits_for_its_sign_in_ends_by_the_configuration_it_began_with() {
    let alb = MockAlb::new();
    let gate = Arc::new(Semaphore::new(0));
    let waits = Arc::clone(&gate);
    let policy = sign_in::from_async_fn(move |_| {
        let gate = Arc::clone(&waits);
        async move {
            let _ = gate.acquire().await.expect("open");
            Ok(SignIn::user(EntityRef::user("by.the.old").expect("a name")))
        }
    });
    let layer = AlbAuthLayer::new(alb.config_builder().sign_in(policy).build().unwrap());
    let handle = layer.handle();
    let app = App::new(layer);
    let mut began = Box::pin(app.call(jane(&alb)));
    for _ in 0..10 {
        assert!(futures::poll!(&mut began).is_pending());
        tokio::task::yield_now().await;
    }
    assert_eq!(handle.stats().tokens, 1, "verified, and waits for its sign-in");

    handle.reload(others(&alb));
    app.call(jane(&alb)).await.assert_401(UntrustedSigner);
    gate.add_permits(1);
    began.await.assert_ok("user:default/by.the.old");
    assert_eq!(handle.stats().tokens, 0, "and left nothing in the new one");
}

/// The load balancer's key, once the gate is open.
struct Gated {
    pem: String,
    gate: Arc<Semaphore>,
}

impl KeySource for Gated {
    fn fetch(&self, _: KeyRequest) -> KeyFetch {
        let (pem, gate) = (self.pem.clone(), Arc::clone(&self.gate));
        Box::pin(async move {
            let _ = gate.acquire().await.expect("open");
            Ok(pem.into_bytes())
        })
    }
}

#[tokio::test]
async fn f_36_a_request_that_waits_for_its_key_ends_by_the_configuration_it_began_with() {
    let alb = MockAlb::new();
    let gate = Arc::new(Semaphore::new(0));
    let source = Gated { pem: alb.public_key_pem(), gate: Arc::clone(&gate) };
    let policy = EmailLocalPart::in_domains(["example.com"]);
    let layer = AlbAuthLayer::new(alb.config_builder().key_source(source).sign_in(policy).build().unwrap());
    let handle = layer.handle();
    let app = App::new(layer);
    let token = alb.sign(&User::jane());
    let request = || -> Request<String> { alb.request("/").token(&token).into() };
    let mut began = Box::pin(app.call(request()));
    assert!(futures::poll!(&mut began).is_pending());

    handle.reload(others(&alb));
    app.call(request()).await.assert_401(UntrustedSigner);
    gate.add_permits(1);
    began.await.assert_ok(JANE);
    assert_eq!(handle.stats().tokens, 0, "what it verified is remembered where it was verified");
    app.call(request()).await.assert_401(UntrustedSigner);
    assert_eq!(Arc::strong_count(&gate), 1, "nothing holds the old configuration any longer");
}
