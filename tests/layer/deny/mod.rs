//! S-93: users that are shut out, although load balancer and identity provider sign them in.

mod addresses;
mod file;
mod letters;
mod long_connections;
mod remembered;
mod reported;
mod settings;
mod unsettled;
mod variants;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use http::StatusCode;
use tokio::sync::Notify;
use tower_alb_auth::{
    AlbAuthLayer, AuthErrorKind, Clock,
    deny_list::{Denied, DenyList},
    sign_in::{ClaimsOnly, SignIn, SignInError, from_async_fn},
    test_util::{MockAlb, TestClock, User},
};
use tracing::Level;

use crate::{
    support::traced::Traced,
    support::{Answer, App},
};

const JANE: &str = "user:default/jane.doe";
const SAYS_403: &str = "You are signed in, but this application does not let you in.\n";

#[track_caller]
pub fn assert_denied(answer: &Answer, case: &str) {
    assert_eq!(
        (answer.status, answer.kind()),
        (StatusCode::FORBIDDEN, Some(AuthErrorKind::Denied)),
        "{case}: {answer:?}"
    );
    assert_eq!((answer.body.as_str(), answer.header("cache-control")), (SAYS_403, Some("no-store")), "{case}");
    let reason = answer.error.as_ref().expect("an error").operator_message();
    assert!(!reason.to_lowercase().contains("jane"), "{case} names the user: {reason}");
}

/// Each way to name Jane.
pub fn janes(alb: &MockAlb) -> [(&'static str, Denied); 3] {
    [
        ("subject", Denied::subject(alb.issuer(), "AAAAAAAAAAAAAAAAAAAAAIjane.doe").unwrap()),
        ("entity ref", Denied::user(JANE.parse().unwrap())),
        ("email", Denied::email("jane.doe@example.com").unwrap()),
    ]
}

#[tokio::test]
async fn s_93_a_denied_user_is_refused_with_a_fresh_token_and_with_a_remembered_one() {
    let alb = MockAlb::new();
    for (by, jane) in janes(&alb) {
        let layer = alb.layer();
        let handle = layer.handle();
        let app = App::new(layer);
        let remembered = alb.sign(&User::jane());
        app.call(alb.request("/").token(&remembered)).await.assert_ok(JANE);
        assert_eq!(handle.stats().tokens, 1);

        handle.deny(jane.clone());
        assert_denied(&app.call(alb.request("/").token(&remembered)).await, by);
        let fresh = app.call(alb.request("/").user(&User::jane())).await;
        assert_denied(&fresh, by);
        assert!(fresh.error.unwrap().operator_message().contains(&format!("names the user by {by}")), "{by}");
        assert_eq!(app.calls(), 1, "{by}");
        app.call(alb.request("/").user(&User::entra("john.doe"))).await.assert_ok("user:default/john.doe");

        handle.deny_list().allow(&jane);
        app.call(alb.request("/").token(&remembered)).await.assert_ok(JANE);
    }
}

#[tokio::test]
async fn s_93_an_entry_replaces_and_takes_back_that_of_the_same_user_alone() {
    let alb = MockAlb::new();
    for (by, jane) in janes(&alb) {
        let list = DenyList::new();
        let app = App::new(alb.layer().deny_list(&list));
        let call = async |name: &str| app.call(alb.request("/").user(&User::entra(name))).await;
        let john = Denied::user("user:default/john.doe".parse().unwrap());
        list.deny(jane.clone());
        list.deny(john.clone());
        list.deny(jane.clone());
        assert_eq!(list.len(), 2, "{by}");
        assert_denied(&call("jane.doe").await, by);
        assert_denied(&call("john.doe").await, by);
        list.allow(&john);
        assert_denied(&call("jane.doe").await, by);
        call("john.doe").await.assert_ok("user:default/john.doe");
    }
}

#[tokio::test]
async fn s_93_a_denied_user_is_never_anonymous() {
    let alb = MockAlb::new();
    let list = DenyList::new();
    let app = App::new(alb.layer().optional().exempt_path("/healthz").deny_list(&list));
    list.deny(Denied::user(JANE.parse().unwrap()));
    assert_denied(&app.call(alb.request("/").user(&User::jane())).await, "optional");
    // As any client without a token, and on a path without users.
    app.call(alb.request("/")).await.assert_ok("anonymous");
    app.call(alb.request("/healthz").user(&User::jane())).await.assert_ok("anonymous");
}

/// A policy that waits until it is let go on.
fn waiting(alb: &MockAlb, may_go_on: &Arc<Notify>, asked: &Arc<AtomicBool>) -> AlbAuthLayer {
    let (may_go_on, asked) = (Arc::clone(may_go_on), Arc::clone(asked));
    let policy = from_async_fn(move |_claims| {
        let (may_go_on, asked) = (Arc::clone(&may_go_on), Arc::clone(&asked));
        async move {
            asked.store(true, Ordering::SeqCst);
            may_go_on.notified().await;
            Ok::<_, SignInError>(SignIn::user(JANE.parse().expect("a ref")))
        }
    });
    AlbAuthLayer::new(alb.config_builder().sign_in(policy).build().expect("a sound configuration"))
}

#[tokio::test]
async fn s_93_a_user_who_is_denied_during_the_sign_in_is_refused_and_so_is_a_cached_sign_in() {
    let alb = MockAlb::new();
    let (may_go_on, asked) = (Arc::default(), Arc::default());
    let layer = waiting(&alb, &may_go_on, &asked);
    let handle = layer.handle();
    let app = App::new(layer);
    let request = alb.request("/").user(&User::jane());
    let (answer, ()) = tokio::join!(app.call(request), async {
        while !asked.load(Ordering::SeqCst) {
            tokio::task::yield_now().await;
        }
        handle.deny(Denied::user(JANE.parse().unwrap()));
        may_go_on.notify_one();
    });
    assert_denied(&answer, "during the sign-in");
    // The sign-in is cached: the policy is not queried again, and would not end.
    let again = tokio::time::timeout(Duration::from_secs(20), app.call(alb.request("/").user(&User::jane())));
    assert_denied(&again.await.expect("from the cache"), "cached");
    assert_eq!(app.calls(), 0);
}

#[tokio::test]
async fn s_93_a_reload_and_a_handle_from_before_keep_the_list() {
    let alb = MockAlb::new();
    let layer = alb.layer();
    let (before, list) = (layer.handle(), DenyList::new());
    let layer = layer.deny_list(&list).deny_list(&list);
    list.deny(Denied::user(JANE.parse().unwrap()));
    let request = alb.request("/").user(&User::jane()).body(());
    assert_eq!(before.authenticate(request.headers()).await.unwrap_err().kind(), AuthErrorKind::Denied);
    before.reload(alb.config());
    assert_denied(&App::new(layer).call(alb.request("/").user(&User::jane())).await, "after a reload");
}

#[tokio::test]
async fn s_93_every_list_of_a_layer_applies_and_a_list_applies_to_every_layer() {
    let (alb, shared, own) = (MockAlb::new(), DenyList::new(), DenyList::new());
    let one = App::new(alb.layer().deny_list(&shared).deny_list(&own));
    let other = App::new(alb.layer().deny_list(&shared));
    own.deny(Denied::user(JANE.parse().unwrap()));
    assert_denied(&one.call(alb.request("/").user(&User::jane())).await, "the second list");
    other.call(alb.request("/").user(&User::jane())).await.assert_ok(JANE);
    shared.deny(Denied::user(JANE.parse().unwrap()));
    assert_denied(&other.call(alb.request("/").user(&User::jane())).await, "the shared list");
}

#[tokio::test]
async fn s_93_an_entry_ends_at_its_time_by_the_clock_of_the_layer() {
    let clock = TestClock::new();
    let alb = MockAlb::new().with_clock(&clock);
    let layer = alb.layer();
    let handle = layer.handle();
    let app = App::new(layer);
    for (by, jane) in janes(&alb) {
        handle.deny(jane.until(clock.now() + Duration::from_secs(60)));
        assert_denied(&app.call(alb.request("/").user(&User::jane())).await, by);
        clock.advance(Duration::from_secs(61));
        app.call(alb.request("/").user(&User::jane())).await.assert_ok(JANE);
    }
}

#[tokio::test]
async fn entries_by_entity_ref_where_no_user_is_named_are_reported() {
    let (traced, _guard) = Traced::begin();
    let alb = MockAlb::new();
    let layer = AlbAuthLayer::new(alb.config_builder().sign_in(ClaimsOnly).build().unwrap());
    let handle = layer.handle();
    let app = App::new(layer);
    let warned = || traced.lines(Level::WARN).iter().filter(|line| line.contains("names no users")).count();
    handle.deny(Denied::email("someone@example.com").unwrap());
    app.call(alb.request("/").user(&User::jane())).await;
    assert_eq!(warned(), 0);
    handle.deny(Denied::user(JANE.parse().unwrap()));
    for _ in 0..3 {
        assert_eq!(app.call(alb.request("/").user(&User::jane())).await.status, 200);
    }
    assert_eq!(warned(), 1);
}
