//! Models of decisions against a deny list and a configuration that change.

use shuttle::{
    future::{block_on, spawn as task, yield_now},
    sync::atomic::{AtomicBool, Ordering},
};

use super::*;
use crate::{
    deny_list::Denied,
    sync::model::check,
    test_util::{MockAlb, User},
};

/// The authenticator, a token of a user whom it accepts, and the load balancer: the same keys in all schedules.
fn scene() -> (Arc<Authenticator>, Arc<http::HeaderMap>, &'static MockAlb) {
    static ALB: std::sync::OnceLock<(MockAlb, http::HeaderMap)> = std::sync::OnceLock::new();
    let (alb, headers) = ALB.get_or_init(|| {
        let alb = MockAlb::new();
        let request = alb.request("/").user(&User::jane()).body(());
        let headers = request.headers().clone();
        (alb, headers)
    });
    (Arc::new(Authenticator::new(alb.config())), Arc::new(headers.clone()), alb)
}

async fn decide(authenticator: &Authenticator, headers: &http::HeaderMap) -> Outcome {
    let decision = authenticator.decide(&OidcHeaders::scan(headers));
    match decision {
        Decision::Made(outcome) => outcome,
        Decision::Waiting(waiting) => waiting.await,
    }
}

fn user(name: &str) -> Denied {
    Denied::user(format!("user:default/{name}").parse().unwrap())
}

/// From the moment on at which `deny` returns, no decision that starts admits the user, cached or not.
#[test]
fn no_request_after_a_denial_is_admitted() {
    check(|| {
        let (authenticator, headers, _) = scene();
        let list = authenticator.denied().first().clone();
        let denied = Arc::new(AtomicBool::new(false));
        let (of_jane, of_others, done) = (list.clone(), list.clone(), Arc::clone(&denied));
        let deny = task(async move {
            of_jane.deny(user("jane.doe"));
            done.store(true, Ordering::SeqCst);
        });
        // Other entries change at the same time.
        let others = task(async move {
            of_others.deny(user("amy.pond"));
            of_others.allow(&user("amy.pond"));
        });
        let requests = [(); 2].map(|()| {
            let (authenticator, headers, denied) =
                (Arc::clone(&authenticator), Arc::clone(&headers), Arc::clone(&denied));
            task(async move {
                for _ in 0..2 {
                    let is_denied = denied.load(Ordering::SeqCst);
                    match decide(&authenticator, &headers).await {
                        Ok(_) => assert!(!is_denied, "admitted after the denial"),
                        Err(error) => assert_eq!(error.error.kind(), AuthErrorKind::Denied),
                    }
                    yield_now().await;
                }
            })
        });
        block_on(async {
            deny.await.unwrap();
            others.await.unwrap();
            for request in requests {
                request.await.unwrap();
            }
            let after = decide(&authenticator, &headers).await;
            assert!(after.is_err_and(|error| error.error.kind() == AuthErrorKind::Denied), "at the end");
        });
        assert_eq!(list.len(), 1);
    });
}

/// From the moment on at which `reload` returns, no decision that starts uses the trust that it withdrew; and the deny list stays.
#[test]
fn no_request_after_a_reload_is_accepted_by_the_trust_before() {
    check(|| {
        let (authenticator, headers, alb) = scene();
        let (swapped, swap) = (Arc::new(AtomicBool::new(false)), Arc::clone(&authenticator));
        let done = Arc::clone(&swapped);
        let other = other_client(alb);
        let reload = task(async move {
            swap.reload(other);
            done.store(true, Ordering::SeqCst);
        });
        let list = authenticator.denied().first().clone();
        let deny = task(async move { list.deny(user("amy.pond")) });
        let requests = [(); 2].map(|()| {
            let (authenticator, headers, swapped) =
                (Arc::clone(&authenticator), Arc::clone(&headers), Arc::clone(&swapped));
            task(async move {
                for _ in 0..2 {
                    let is_swapped = swapped.load(Ordering::SeqCst);
                    match decide(&authenticator, &headers).await {
                        Ok(_) => assert!(!is_swapped, "accepted by the configuration before"),
                        Err(error) => assert_eq!(error.error.kind(), AuthErrorKind::UntrustedClient),
                    }
                    yield_now().await;
                }
            })
        });
        block_on(async {
            reload.await.unwrap();
            deny.await.unwrap();
            for request in requests {
                request.await.unwrap();
            }
        });
        assert_eq!(authenticator.denied().first().len(), 1, "the list is beside the configuration");
    });
}

/// The same load balancer, with another application behind it.
fn other_client(alb: &MockAlb) -> AlbAuthConfig {
    let entry = crate::TrustedAlb::new(alb.signer(), alb.issuer()).client_id("other-client");
    alb.keys_and_clock(AlbAuthConfig::builder().trust(entry))
        .sign_in(crate::sign_in::EmailLocalPart::in_domains(["example.com"]))
        .accept_missing_email_verified()
        .build()
        .unwrap()
}
