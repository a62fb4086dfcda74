//! Requests whose user is shut out before the service has begun its response: uploads, calls with a stream of messages, long polls.

use std::fs;

use axum::{Router, body::Body, response::Response, routing::any};
use bytes::Bytes;
use futures::{StreamExt as _, stream};
use http_body_util::BodyExt as _;
use serde_json::json;
use tokio::sync::mpsc;
use tower_alb_auth::test_util::User;

use crate::{
    audited::AuditFile,
    site::{LONG, Log, Site, client, serve},
};

/// What the service says of a request body.
#[derive(Debug, PartialEq)]
pub enum Upload {
    Begins,
    /// A request to `/poll` is there.
    Polls,
    BreaksOff,
    Ends,
}

/// `/upload` reads all of the body before it responds. `/poll` never responds.
fn service(says: mpsc::UnboundedSender<Upload>) -> Router {
    let polls = says.clone();
    let upload = any(async move |request: axum::extract::Request| {
        read_whole(request.into_body(), |seen| drop(says.send(seen))).await;
        Response::new(Body::from("stored"))
    });
    let poll = any(async move || {
        let _ = polls.send(Upload::Polls);
        std::future::pending::<Response>().await
    });
    Router::new().route("/upload", upload).route("/poll", poll)
}

/// Reads a body, and reports its first part and how it ended.
pub async fn read_whole(mut body: Body, report: impl Fn(Upload)) {
    let mut begun = false;
    let how = loop {
        match body.frame().await {
            Some(Ok(_)) if begun => {}
            Some(Ok(_)) => {
                begun = true;
                report(Upload::Begins);
            }
            Some(Err(_)) => break Upload::BreaksOff,
            None => break Upload::Ends,
        }
    };
    report(how);
}

/// A body that ends when the sender is dropped.
pub fn endless() -> (mpsc::UnboundedSender<()>, reqwest::Body) {
    let (more, receiver) = mpsc::unbounded_channel::<()>();
    let first = stream::iter([Ok::<_, std::convert::Infallible>(Bytes::from_static(b"first"))]);
    let rest = stream::unfold(receiver, |mut receiver| async {
        receiver.recv().await.map(|()| (Ok(Bytes::from_static(b"more")), receiver))
    });
    (more, reqwest::Body::wrap_stream(first.chain(rest)))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s_130_requests_without_a_response_of_a_denied_user_end_and_no_others() {
    let http2 = reqwest::Client::builder().no_proxy().http2_prior_knowledge().build().expect("a client");
    for client in [client(), http2] {
        let (says, mut events) = mpsc::unbounded_channel();
        let upstream = serve(service(says)).await;
        let folder = tempfile::tempdir().expect("a folder");
        let list = folder.path().join("denied.jsonl");
        fs::write(&list, "{\"entries\": 0}\n").expect("written");
        let lines = format!("deny_list: {}\nresponse_timeout_seconds: 3600\n", list.display());
        let site = Site::in_front_of(&format!("http://{upstream}"), &lines, Log::default()).await;
        let upload = |token: String| {
            let (more, body) = endless();
            let request = client.post(site.url("/upload")).header("x-amzn-oidc-data", token).body(body);
            (more, tokio::spawn(request.send()))
        };
        let next = async |events: &mut mpsc::UnboundedReceiver<Upload>| {
            tokio::time::timeout(LONG, events.recv()).await.expect("in time").expect("events")
        };
        let (_more, of_jane) = upload(site.token());
        assert_eq!(next(&mut events).await, Upload::Begins);
        let poll = client.get(site.url("/poll")).header("x-amzn-oidc-data", site.token());
        let poll = tokio::spawn(poll.send());
        assert_eq!(next(&mut events).await, Upload::Polls);

        fs::write(&list, "{\"email\": \"jane.doe@example.com\"}\n").expect("written");
        assert_eq!(next(&mut events).await, Upload::BreaksOff, "the service does not take it for the whole body");
        for (what, request) in [("upload", of_jane), ("poll", poll)] {
            let ended = tokio::time::timeout(LONG, request).await.expect("ends").expect("no panic");
            match ended {
                Ok(response) => assert_eq!(response.status(), 403, "{what}"),
                // Over HTTP/1.1, the connection may close before the client that still sends has read the response.
                Err(error) => assert_eq!(what, "upload", "{error}"),
            }
        }

        let (more, of_amy) = upload(site.alb.sign(&User::entra("amy.pond")));
        assert_eq!(next(&mut events).await, Upload::Begins);
        // A request that begins later is ended by an entry: the upload was compared with the list before that.
        let later = client.get(site.url("/poll")).header("x-amzn-oidc-data", site.alb.sign(&User::entra("john.doe")));
        let later = tokio::spawn(later.send());
        assert_eq!(next(&mut events).await, Upload::Polls);
        fs::write(&list, "{\"email\": \"john.doe@example.com\"}\n").expect("written");
        let later = tokio::time::timeout(LONG, later).await.expect("ends").expect("no panic").expect("a response");
        assert_eq!(later.status(), 403);
        more.send(()).expect("read");
        drop(more);
        assert_eq!(next(&mut events).await, Upload::Ends, "of another user");
        let stored = of_amy.await.expect("no panic").expect("a response");
        assert_eq!((stored.status().as_u16(), stored.text().await.expect("a text")), (200, "stored".to_owned()));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s_130_a_request_without_a_response_ends_with_its_token_where_it_is_set() {
    let (says, mut events) = mpsc::unbounded_channel();
    let upstream = serve(service(says)).await;
    let lines = "end_streams_with_token: true\nresponse_timeout_seconds: 3600\n";
    let site = Site::in_front_of(&format!("http://{upstream}"), lines, Log::default()).await;
    let client = client();
    let token = |expires: u64| site.alb.token(&User::jane()).expires_at(expires).sign();

    let expires = site.alb.unix_now() + 2;
    let poll = client.get(site.url("/poll")).header("x-amzn-oidc-data", token(expires)).send();
    let refused = tokio::time::timeout(LONG, poll).await.expect("ends").expect("a response");
    assert_eq!((refused.status().as_u16(), events.try_recv()), (401, Ok(Upload::Polls)));
    assert!(site.alb.unix_now() >= expires, "not before");

    // The layer accepts a token for 30 s more, because the clocks of two machines differ.
    let (more, body) = endless();
    let late = token(site.alb.unix_now() - 5);
    let upload = client.post(site.url("/upload")).header("x-amzn-oidc-data", late).body(body);
    let upload = tokio::spawn(upload.send());
    assert_eq!(tokio::time::timeout(LONG, events.recv()).await.expect("in time"), Some(Upload::Begins));
    // A request that begins later is ended with its token: the upload was compared with the time before that.
    let poll = client.get(site.url("/poll")).header("x-amzn-oidc-data", token(site.alb.unix_now() + 2)).send();
    let refused = tokio::time::timeout(LONG, poll).await.expect("ends").expect("a response");
    assert_eq!((refused.status().as_u16(), events.try_recv()), (401, Ok(Upload::Polls)));
    drop(more);
    assert_eq!(tokio::time::timeout(LONG, events.recv()).await.expect("in time"), Some(Upload::Ends));
    assert_eq!(upload.await.expect("no panic").expect("a response").status(), 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s_130_the_refusal_of_a_request_that_waits_is_an_audit_event() {
    let file = AuditFile::new();
    let (says, _events) = mpsc::unbounded_channel();
    let upstream = serve(service(says)).await;
    let list = file.folder.path().join("denied.jsonl");
    fs::write(&list, "{\"entries\": 0}\n").expect("written");
    let lines = format!(
        "deny_list: {}\naudit_file: {}\nend_streams_with_token: true\nresponse_timeout_seconds: 3600\n",
        list.display(),
        file.path().display()
    );
    let site = Site::in_front_of(&format!("http://{upstream}"), &lines, Log::default()).await;
    let poll = |token: String, trace_id: &str| {
        let request = client().get(site.url("/poll")).header("x-amzn-oidc-data", token);
        tokio::spawn(request.header("x-amzn-trace-id", trace_id).send())
    };
    let expires = site.alb.unix_now() + 2;
    let over = poll(site.alb.token(&User::entra("amy.pond")).expires_at(expires).sign(), "Root=1-amy");
    let denied = poll(site.token(), "Root=1-jane");
    // Both have passed the layer.
    for user in ["user:default/amy.pond", "user:default/jane.doe"] {
        file.first_where("signed_in", |event| event["user"]["name"] == user);
    }
    fs::write(&list, "{\"email\": \"jane.doe@example.com\"}\n").expect("written");
    for (request, trace_id, user, kind, status) in [
        (over, "Root=1-amy", "user:default/amy.pond", "expired", 401),
        (denied, "Root=1-jane", "user:default/jane.doe", "denied", 403),
    ] {
        let response = tokio::time::timeout(LONG, request).await.expect("ends").expect("no panic").expect("a response");
        assert_eq!(response.status(), status);
        let event = file.first_where("refused", |event| event["user"]["name"] == user);
        assert_eq!((&event["status_detail"], &event["status_code"]), (&json!(kind), &json!(status.to_string())));
        assert_eq!(event["metadata"]["correlation_uid"], trace_id);
    }
    assert_eq!(file.of("refused").len(), 2, "one event for each");
}
