//! New keys beside old ones.

use futures::future::join_all;
use tower_alb_auth::{
    AlbAuthConfig, AlbAuthLayer,
    AuthErrorKind::{InvalidSignature, UnknownKey},
    test_util::{MockAlb, User},
};

use crate::{
    store::{
        setup::{JANE, Setup, finish},
        source::{Source, no_such_key},
    },
    support::App,
};

#[tokio::test(start_paused = true)]
async fn f_15_a_rotation_costs_one_fetch_and_rejects_no_user() {
    let mut setup = Setup::new();
    setup.warm().await;
    let old = setup.alb.clone();
    setup.alb.rotate();
    let new = &setup.alb;

    // Nodes of a load balancer change over one after the other, so both keys are in use for a while.
    let users: Vec<User> = (0..500).map(|n| User::entra(&format!("user{n}"))).collect();
    let calls = users.iter().enumerate().map(|(n, user)| {
        let alb = if n % 2 == 0 { &old } else { new };
        setup.app.call(alb.request("/").user(user))
    });
    for (n, answer) in join_all(calls).await.into_iter().enumerate() {
        answer.assert_ok(&format!("user:default/user{n}"));
    }
    assert_eq!(setup.alb.key_fetches(), 2, "one fetch a key");
    assert_eq!(setup.handle.stats().keys, 2);

    // The old key's tokens, seen and unseen, are good until the endpoint withdraws it.
    setup.app.call(old.request("/").user(&User::jane())).await.assert_ok(JANE);
    assert_eq!(setup.alb.key_fetches(), 2);
}

/// Two load balancers whose tokens name the same kid, each with an endpoint of its own.
struct TwoEndpoints {
    albs: [MockAlb; 2],
    app: App,
    source: Source,
}

const KID: &str = "c6f14c2f-0a57-4b0e-9f3a-6d7c2b1e5a90";
const ENDPOINTS: [&str; 2] = ["https://one.example.com/keys", "https://two.example.com/keys"];

impl TwoEndpoints {
    fn new() -> Self {
        let albs = [MockAlb::new(), MockAlb::new()];
        let [one, two] = albs.each_ref().map(MockAlb::public_key_pem);
        let source = Source::new(move |request| {
            let pem = if request.endpoint.as_str() == ENDPOINTS[0] { &one } else { &two };
            let answer = Ok(pem.clone().into_bytes());
            async { answer }
        });
        let [one, two] = &albs;
        let builder = AlbAuthConfig::builder()
            .trust(one.trusted().key_endpoint(ENDPOINTS[0]))
            .trust(two.trusted().key_endpoint(ENDPOINTS[1]))
            .key_source(source.clone());
        let app = App::new(AlbAuthLayer::new(finish(builder)));
        Self { albs, app, source }
    }

    /// A token that says it is of one load balancer, signed with the key of one.
    async fn call(&self, says: usize, signed_by: usize) -> crate::support::Answer {
        let token = self.albs[signed_by].token(&User::jane()).header("kid", KID);
        let token = token.header("signer", self.albs[says].signer()).sign();
        self.app.call(self.albs[says].request("/").token(&token)).await
    }
}

#[tokio::test]
async fn s_44_one_kid_at_two_endpoints_is_two_keys() {
    let both = TwoEndpoints::new();
    for _ in 0..2 {
        both.call(0, 0).await.assert_ok(JANE);
        both.call(1, 1).await.assert_ok(JANE);
        both.call(0, 1).await.assert_401(InvalidSignature);
        both.call(1, 0).await.assert_401(InvalidSignature);
    }
    assert_eq!(both.source.fetches(), 2, "one fetch an endpoint");
}

#[tokio::test]
async fn s_44_what_one_endpoint_does_not_know_may_be_at_the_other() {
    let both = TwoEndpoints::new();
    let pem = both.albs[1].public_key_pem();
    both.source.set(move |request| {
        let here = request.endpoint.as_str() == ENDPOINTS[1];
        let answer = if here { Ok(pem.clone().into_bytes()) } else { no_such_key() };
        async { answer }
    });
    both.call(0, 0).await.assert_401(UnknownKey);
    both.call(1, 1).await.assert_ok(JANE);
    both.call(0, 1).await.assert_401(UnknownKey);
    assert_eq!(both.source.fetches(), 2);
}
