//! S-118: that no list names a user is remembered with the token, and must not outlive what it was found by.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use tower_alb_auth::{
    AlbAuthLayer, Clock,
    deny_list::{Denied, DenyList},
    sign_in::{SignIn, from_fn},
    test_util::{MockAlb, TestClock, User},
};

use super::{JANE, assert_denied, janes};
use crate::support::App;

const JOHN: &str = "user:default/john";

#[tokio::test]
async fn s_118_each_change_of_a_list_counts_for_a_remembered_token() {
    let alb = MockAlb::new();
    for (by, jane) in janes(&alb) {
        let (first, second, unrelated) = (DenyList::new(), DenyList::new(), DenyList::new());
        let layer = alb.layer().deny_list(&first).deny_list(&second);
        let app = App::new(layer.clone());
        let token = alb.sign(&User::jane());
        let ask = async || app.call(alb.request("/").token(&token)).await;
        ask().await.assert_ok(JANE);
        for list in [&first, &second] {
            for _ in 0..3 {
                ask().await.assert_ok(JANE);
                unrelated.deny(jane.clone());
                ask().await.assert_ok(JANE);
                list.deny(jane.clone());
                assert_denied(&ask().await, by);
                assert_denied(&ask().await, by);
                list.allow(&jane);
                ask().await.assert_ok(JANE);
            }
        }
        // A list with entries that is attached when the token is remembered.
        assert!(!unrelated.is_empty());
        let _ = layer.deny_list(&unrelated);
        assert_denied(&ask().await, by);
    }
}

/// A layer whose policy names John while the switch is on, and else Jane, whichever token arrives.
fn john_or_jane(alb: &MockAlb, is_john: &Arc<AtomicBool>) -> AlbAuthLayer {
    let is_john = Arc::clone(is_john);
    let policy = from_fn(move |_| {
        let user = if is_john.load(Ordering::SeqCst) { JOHN } else { JANE };
        Ok(SignIn::user(user.parse().expect("a ref")))
    });
    AlbAuthLayer::new(alb.config_builder().sign_in(policy).build().expect("sound"))
}

/// The entry ref is of the policy, which may name another user for the same token.
#[tokio::test]
async fn s_118_a_policy_that_names_another_user_for_a_remembered_token() {
    let (alb, is_john, list) = (MockAlb::new(), Arc::new(AtomicBool::new(false)), DenyList::new());
    let layer = john_or_jane(&alb, &is_john).deny_list(&list);
    list.deny(Denied::user(JOHN.parse().unwrap()));
    let app = App::new(layer);
    let token = alb.sign(&User::jane());
    for john in [false, false, true, true, false] {
        is_john.store(john, Ordering::SeqCst);
        let answer = app.call(alb.request("/").token(&token)).await;
        match john {
            true => assert_denied(&answer, "john"),
            false => answer.assert_ok(JANE),
        }
    }
}

/// An entry that has ended names the user, so a clock that is set back makes it count.
#[tokio::test]
async fn s_118_an_ended_entry_counts_again_when_the_clock_is_set_back() {
    let clock = TestClock::new();
    let alb = MockAlb::new().with_clock(&clock);
    for (by, jane) in janes(&alb) {
        let layer = alb.layer();
        let list = layer.handle().deny_list();
        let app = App::new(layer);
        let (token, now) = (alb.sign(&User::jane()), clock.now());
        list.deny(jane.until(now + Duration::from_secs(20)));
        assert_denied(&app.call(alb.request("/").token(&token)).await, by);
        clock.set_date(now + Duration::from_secs(21));
        for _ in 0..2 {
            app.call(alb.request("/").token(&token)).await.assert_ok(JANE);
        }
        clock.set_date(now + Duration::from_secs(10));
        assert_denied(&app.call(alb.request("/").token(&token)).await, by);
        clock.set_date(now);
    }
}

/// What `deny` has returned from is in force for requests that begin later, whatever other requests do at that moment.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn s_118_a_denial_counts_while_other_requests_compare_the_same_token() {
    let alb = MockAlb::new();
    let layer = alb.layer();
    let list = layer.handle().deny_list();
    let (app, token) = (App::new(layer), alb.sign(&User::jane()));
    let (ends, asked) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let others: Vec<_> = (0..3)
        .map(|_| {
            let (app, request) = (app.clone(), alb.request("/").token(&token).body(String::new()));
            let (ends, asked) = (Arc::clone(&ends), Arc::clone(&asked));
            tokio::spawn(async move {
                while !ends.load(Ordering::SeqCst) {
                    app.call(request.clone()).await;
                    asked.fetch_add(1, Ordering::SeqCst);
                    tokio::task::yield_now().await;
                }
            })
        })
        .collect();
    let jane = Denied::user(JANE.parse().unwrap());
    for _ in 0..500 {
        let before = asked.load(Ordering::SeqCst);
        list.deny(jane.clone());
        assert_denied(&app.call(alb.request("/").token(&token)).await, "denied");
        list.allow(&jane);
        app.call(alb.request("/").token(&token)).await.assert_ok(JANE);
        while asked.load(Ordering::SeqCst) == before {
            tokio::task::yield_now().await;
        }
    }
    ends.store(true, Ordering::SeqCst);
    for other in others {
        other.await.unwrap();
    }
}

/// The lists of one layer say nothing about another one, for the same claims.
#[tokio::test]
async fn s_118_claims_that_one_layer_has_cleared_are_compared_by_another_one() {
    let alb = MockAlb::new();
    let (open, closed) = (alb.layer(), alb.layer());
    open.handle().deny_list();
    closed.handle().deny(Denied::user(JANE.parse().unwrap()));
    let request = alb.request("/").user(&User::jane()).body(());
    let signed_in = open.handle().authenticate(request.headers()).await.unwrap();
    let identity = signed_in.identity().unwrap();
    assert!(open.handle().check_denied(identity).is_ok());
    assert!(closed.handle().check_denied(identity).is_err());
    assert!(closed.handle().authenticate(request.headers()).await.is_err());
}

/// That one user of a token is clear says nothing about another one whom the policy names for the same token.
#[tokio::test]
async fn s_118_a_user_is_denied_after_another_one_was_compared_for_the_same_token() {
    let (alb, is_john, list) = (MockAlb::new(), Arc::new(AtomicBool::new(false)), DenyList::new());
    let layer = john_or_jane(&alb, &is_john).deny_list(&list);
    let (app, token) = (App::new(layer), alb.sign(&User::jane()));
    let call = async |john: bool| {
        is_john.store(john, Ordering::SeqCst);
        app.call(alb.request("/").token(&token)).await
    };
    call(false).await.assert_ok(JANE);
    list.deny(Denied::user(JANE.parse().unwrap()));
    call(true).await.assert_ok(JOHN);
    assert_denied(&call(false).await, "after a request of the other user");
}
