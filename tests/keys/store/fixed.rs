//! Keys that are given: no endpoint, no runtime, no age.

use futures::executor::block_on;
use tower_alb_auth::{
    AlbAuthConfig, AlbAuthLayer,
    AuthErrorKind::{InvalidSignature, UnknownKey},
    keys::FixedKeys,
    test_util::{MockAlb, User},
};

use crate::{
    store::setup::{JANE, Setup, finish, kid_number, seconds},
    support::App,
};

fn with_keys(keys: impl FnOnce(&MockAlb) -> FixedKeys) -> Setup {
    Setup::build(|builder, alb| builder.fixed_keys(keys(alb)))
}

fn own_key(alb: &MockAlb) -> FixedKeys {
    FixedKeys::new().add(alb.kid(), &alb.public_key_pem()).unwrap()
}

#[test]
fn fixed_keys_need_no_runtime_and_no_endpoint() {
    let setup = with_keys(own_key);
    for _ in 0..3 {
        block_on(setup.call()).assert_ok(JANE);
    }
    setup.clock.advance(seconds(10 * 365 * 24 * 3600));
    block_on(setup.call()).assert_ok(JANE);
    assert_eq!(setup.alb.key_fetches(), 0);
}

#[test]
fn a_kid_that_is_not_among_them_is_refused() {
    let mut setup = with_keys(own_key);
    for _ in 0..3 {
        block_on(setup.call_with_kid(&kid_number(1))).assert_401(UnknownKey);
    }
    setup.alb.rotate();
    block_on(setup.call()).assert_401(UnknownKey);
    let nobody = with_keys(|_| FixedKeys::new());
    block_on(nobody.call()).assert_401(UnknownKey);
    assert_eq!((setup.app.calls(), nobody.app.calls()), (0, 0));
}

#[test]
fn a_kid_with_another_key_is_refused() {
    let setup = with_keys(|alb| FixedKeys::new().add(alb.kid(), &MockAlb::new().public_key_pem()).unwrap());
    block_on(setup.call()).assert_401(InvalidSignature);
}

#[test]
fn several_keys_stand_side_by_side() {
    let old = MockAlb::new();
    let mut new = old.clone();
    new.rotate();
    let keys = own_key(&old).add(new.kid(), &new.public_key_pem()).unwrap();
    let app = App::new(AlbAuthLayer::new(finish(old.config_builder().fixed_keys(keys))));
    for alb in [&old, &new, &old] {
        block_on(app.call(alb.request("/").user(&User::jane()))).assert_ok(JANE);
    }
    assert_eq!(old.key_fetches(), 0);
}

#[test]
fn what_is_no_key_is_not_added() {
    let alb = MockAlb::new();
    let pem = alb.public_key_pem();
    for (case, kid, pem, word) in [
        ("upper case", alb.kid().to_uppercase(), pem.clone(), "lower case"),
        ("no UUID", "key-1".to_owned(), pem.clone(), "lower case"),
        ("no kid", String::new(), pem.clone(), "lower case"),
        ("no key", kid_number(1), String::new(), "PEM"),
        ("a page", kid_number(1), "<html>".to_owned(), "PEM"),
        ("a private key's label", kid_number(1), pem.replace("PUBLIC", "PRIVATE"), "PEM"),
        ("two keys", kid_number(1), format!("{pem}{pem}"), "PEM"),
        ("twice", alb.kid().to_owned(), pem.clone(), "twice"),
    ] {
        let error = own_key(&alb).add(&kid, &pem).expect_err(case).to_string();
        assert!(error.contains(word), "{case}: {error}");
        assert!(error.contains(&*kid), "{case}: the kid is not named: {error}");
    }
}

#[tokio::test]
async fn fixed_keys_are_always_ready() {
    let setup = with_keys(own_key);
    setup.call_with_kid(&kid_number(1)).await.assert_401(UnknownKey);
    let readiness = setup.handle.readiness();
    assert!(readiness.is_ready() && readiness.problems().is_empty(), "{readiness:?}");
    setup.handle.warm_up().await.unwrap();
    setup.handle.warm_up_kids([setup.kid()]).await.unwrap();
    let stats = setup.handle.stats();
    assert_eq!((stats.key_fetches_under_way, stats.unknown_kids), (0, 0));
}

const ENDPOINTS: [&str; 2] = ["https://one.example.com/keys", "https://two.example.com/keys"];

/// An application that trusts two load balancers, each with a key endpoint of its own.
fn two_endpoints(albs: &[MockAlb; 2], keys: FixedKeys) -> App {
    let [one, two] = albs;
    let builder = AlbAuthConfig::builder()
        .trust(one.trusted().key_endpoint(ENDPOINTS[0]))
        .trust(two.trusted().key_endpoint(ENDPOINTS[1]));
    App::new(AlbAuthLayer::new(finish(builder.fixed_keys(keys))))
}

#[test]
fn s_80_a_fixed_key_signs_for_its_own_endpoint_alone() {
    let albs = [MockAlb::new(), MockAlb::new()];
    let of = |index: usize| own_key(&albs[index]).for_endpoint(ENDPOINTS[index]).unwrap();
    let app = two_endpoints(&albs, of(0).and(of(1)).unwrap());
    for (says, signs) in [(0, 1), (1, 0)] {
        // Signer, issuer and client of one entry, kid and signature of the other.
        let forged = albs[signs].token(&User::jane()).header("signer", albs[says].signer()).sign();
        block_on(app.call(albs[says].request("/").token(&forged))).assert_401(UnknownKey);
        block_on(app.call(albs[says].request("/").user(&User::jane()))).assert_ok(JANE);
    }
}

#[test]
fn s_80_one_kid_at_two_endpoints_is_two_fixed_keys() {
    let albs = [MockAlb::new(), MockAlb::new()];
    let of = |index: usize| {
        let keys = FixedKeys::new().add(&kid_number(7), &albs[index].public_key_pem()).unwrap();
        keys.for_endpoint(ENDPOINTS[index]).unwrap()
    };
    let app = two_endpoints(&albs, of(0).and(of(1)).unwrap());
    for (says, signs) in [(0, 0), (1, 1), (0, 1), (1, 0)] {
        let token = albs[signs].token(&User::jane()).header("signer", albs[says].signer()).header("kid", kid_number(7));
        let answer = block_on(app.call(albs[says].request("/").token(&token.sign())));
        if says == signs { answer.assert_ok(JANE) } else { answer.assert_401(InvalidSignature) }
    }
}
