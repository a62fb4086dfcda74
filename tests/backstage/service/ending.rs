//! It ends without losing a request.

use std::sync::Arc;

use axum::{Router, routing::get};
use tokio::{net::TcpListener, sync::Notify};

use crate::service::site::Site;

/// An upstream whose one path responds when it is released.
async fn slow() -> (String, Arc<Notify>, Arc<Notify>) {
    let (asked, answer) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (tell, wait) = (Arc::clone(&asked), Arc::clone(&answer));
    let app = Router::new().route(
        "/slow",
        get(async move || {
            tell.notify_one();
            wait.notified().await;
            "done"
        }),
    );
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    tokio::spawn(async move { axum::serve(listener, app).await });
    (url, asked, answer)
}

#[tokio::test]
async fn asked_to_terminate_it_answers_what_is_under_way_and_takes_no_more() {
    for signal in ["TERM", "INT"] {
        let (upstream, asked, answer) = slow().await;
        let mut site = Site::with(&["--upstream", &upstream]).await;
        let under_way = tokio::spawn(reqwest::get(site.service.at("/slow")));
        asked.notified().await;

        site.service.signal(signal);
        site.service.wait_until_it_logs("requests under way are answered");
        let refused =
            crate::support::process::wait_until(|| std::net::TcpStream::connect(&site.service.url[7..]).err());
        assert!(refused.is_some(), "{signal}: it takes connections still");
        assert!(site.service.runs(), "{signal}");

        answer.notify_one();
        let answered = under_way.await.expect("no panic").expect("an answer").text().await.expect("a text");
        assert_eq!((answered.as_str(), site.service.ended()), ("done", 0), "{signal}");
    }
}

#[tokio::test]
async fn with_a_delay_it_says_that_it_is_not_ready_and_answers_still() {
    let mut site = Site::with(&["--shutdown-delay", "300"]).await;
    let ready = site.service.at("/.backstage/health/v1/readiness");
    crate::service::health::once_ready(&site.service).await;
    site.service.signal("TERM");
    site.service.wait_until_it_logs("about to end");
    let answer = reqwest::get(&ready).await.expect("an answer");
    assert_eq!(answer.status(), 503);
    assert_eq!(answer.text().await.expect("a text"), r#"{"message":"it is about to end","status":"error"}"#);
    let keys = reqwest::get(site.service.at("/api/auth/.well-known/jwks.json")).await.expect("an answer");
    assert_eq!(keys.status(), 200);
    // Whoever waits at the keyboard need not.
    site.service.signal("TERM");
    assert_eq!(site.service.ended(), 0);
}

#[tokio::test]
async fn a_second_signal_gives_up_what_is_under_way() {
    let (upstream, asked, _never) = slow().await;
    let mut site = Site::with(&["--upstream", &upstream]).await;
    let under_way = tokio::spawn(reqwest::get(site.service.at("/slow")));
    asked.notified().await;
    site.service.signal("TERM");
    site.service.wait_until_it_logs("requests under way are answered");
    site.service.signal("TERM");
    assert_eq!(site.service.ended(), 0);
    assert!(under_way.await.expect("no panic").is_err());
}

#[tokio::test]
async fn under_load_no_request_that_was_taken_is_lost() {
    let mut site = Site::new().await;
    let url = site.service.at("/api/auth/.well-known/openid-configuration");
    let (started, stop) = (Arc::new(Notify::new()), Arc::new(std::sync::atomic::AtomicBool::new(false)));
    let clients: Vec<_> = (0..8)
        .map(|_| {
            let (url, started, stop) = (url.clone(), Arc::clone(&started), Arc::clone(&stop));
            tokio::spawn(async move {
                let client = reqwest::Client::builder().no_proxy().build().expect("a client");
                let mut answered = 0;
                while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                    match client.get(&url).send().await {
                        Ok(answer) => {
                            // Whole: the body is there too.
                            answer.bytes().await.expect("the rest of an answer that has begun");
                            answered += 1;
                            started.notify_one();
                        }
                        // It was not taken.
                        Err(error) if error.is_connect() => return answered,
                        // A connection that was kept, closed while nothing was under way on it, in the moment in which the
                        // next request was written: the client cannot know, and would ask again.
                        Err(error) if error.is_request() => return answered,
                        Err(error) => panic!("{error:?}"),
                    }
                }
                answered
            })
        })
        .collect();
    started.notified().await;
    site.service.signal("TERM");
    assert_eq!(site.service.ended(), 0);
    stop.store(true, std::sync::atomic::Ordering::Relaxed);
    for client in clients {
        client.await.expect("no answer broke off");
    }
}
