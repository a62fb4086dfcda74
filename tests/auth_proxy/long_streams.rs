//! S-116: what lasts longer than the decision on its request ends when its user may not go on.

use std::{
    fs,
    path::PathBuf,
    time::{Duration, Instant},
};

use axum::{Router, body::Body, extract::WebSocketUpgrade, response::Response, routing::any};
use bytes::Bytes;
use futures::{SinkExt as _, Stream, StreamExt as _, stream};
use tokio::net::TcpStream;
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream,
    tungstenite::{self, client::IntoClientRequest as _},
};
use tower_alb_auth::test_util::User;

use crate::site::{LONG, Log, Site, client, serve};

const NO_USER: &str = "{\"entries\": 0}\n";
const JANE: &str = "{\"email\": \"jane.doe@example.com\"}\n";
/// An entry is in force within 2 s; the rest is for a busy machine.
const SOON: Duration = Duration::from_secs(10);

/// A site with a deny list, before a service with an echo and with streams: `/silent` says one word and then nothing, `/busy` goes on
/// as fast as it is read.
struct Streams {
    site: Site,
    list: PathBuf,
    _folder: tempfile::TempDir,
}

impl Streams {
    async fn with(lines: &str) -> Self {
        let echo = any(async |upgrade: WebSocketUpgrade| {
            upgrade.on_upgrade(async move |mut socket| {
                while let Some(Ok(message)) = socket.recv().await {
                    if socket.send(message).await.is_err() {
                        return;
                    }
                }
            })
        });
        fn word() -> Result<Bytes, std::convert::Infallible> {
            Ok(Bytes::from_static(b"data: word\n\n"))
        }
        let of = |body: Body| {
            Response::builder().header("content-type", "text/event-stream").body(body).expect("a response")
        };
        let silent = || any(async move || of(Body::from_stream(stream::iter([word()]).chain(stream::pending()))));
        let busy = any(async move || of(Body::from_stream(stream::repeat_with(word))));
        let app = Router::new().route("/echo", echo).route("/silent", silent()).route("/busy", busy);
        let app = app.route("/public/silent", silent());
        let upstream = serve(app).await;
        let folder = tempfile::tempdir().expect("a folder");
        let list = folder.path().join("denied.jsonl");
        fs::write(&list, NO_USER).expect("written");
        let lines = format!(
            "deny_list: {}\nprofile: grafana\nrules: [{{ path: /public/*, access: optional }}]\n{lines}",
            list.display()
        );
        let site = Site::in_front_of(&format!("http://{upstream}"), &lines, Log::default()).await;
        Self { site, list, _folder: folder }
    }

    fn deny_jane(&self) -> Instant {
        fs::write(&self.list, JANE).expect("written");
        Instant::now()
    }

    async fn socket(&self, token: &str) -> WebSocketStream<MaybeTlsStream<TcpStream>> {
        let mut request = format!("ws://{}/echo", self.site.address).into_client_request().expect("a request");
        request.headers_mut().insert("x-amzn-oidc-data", token.parse().expect("a value"));
        tokio_tungstenite::connect_async(request).await.expect("a socket").0
    }

    /// The response to this path, of which a piece has come.
    async fn stream(
        &self,
        client: &reqwest::Client,
        path: &str,
        token: Option<&str>,
    ) -> impl Stream<Item = reqwest::Result<Bytes>> + Unpin + use<> {
        let mut request = client.get(self.site.url(path));
        if let Some(token) = token {
            request = request.header("x-amzn-oidc-data", token);
        }
        let response = request.send().await.expect("a response");
        assert_eq!(response.status(), 200, "{path}");
        let mut stream = Box::pin(response.bytes_stream());
        assert!(stream.next().await.expect("a piece").is_ok(), "{path}");
        stream
    }
}

async fn echoes(socket: &mut WebSocketStream<MaybeTlsStream<TcpStream>>) -> bool {
    if socket.send("word".into()).await.is_err() {
        return false;
    }
    let next = tokio::time::timeout(LONG, socket.next()).await.expect("an echo or an end");
    matches!(next, Some(Ok(tungstenite::Message::Text(_))))
}

/// Reads to the end. Whether it was cut off, which the client can tell.
async fn is_cut_off(mut stream: impl Stream<Item = reqwest::Result<Bytes>> + Unpin) -> bool {
    let end = async {
        loop {
            match stream.next().await {
                Some(Ok(_)) => {}
                Some(Err(_)) => return true,
                None => return false,
            }
        }
    };
    tokio::time::timeout(LONG, end).await.expect("an end")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s_116_streams_and_web_sockets_of_a_denied_user_end_and_no_others() {
    let streams = Streams::with("").await;
    let (jane, amy) = (streams.site.token(), streams.site.alb.sign(&User::entra("amy.pond")));
    let http1 = client();
    let http2 = reqwest::Client::builder().no_proxy().http2_prior_knowledge().build().expect("a client");
    let mut of_jane = Vec::new();
    for client in [&http1, &http2] {
        for path in ["/silent", "/busy", "/public/silent"] {
            of_jane.push((path, streams.stream(client, path, Some(&jane)).await));
        }
    }
    let mut of_amy = streams.stream(&http1, "/busy", Some(&amy)).await;
    let mut anonymous = streams.stream(&http1, "/public/silent", None).await;
    let (mut socket, mut socket_of_amy) = (streams.socket(&jane).await, streams.socket(&amy).await);
    assert!(echoes(&mut socket).await && echoes(&mut socket_of_amy).await);

    let denied = streams.deny_jane();
    for (path, stream) in of_jane {
        assert!(is_cut_off(stream).await, "{path}: a response that is cut off must not look whole");
    }
    let ended = async { while let Some(Ok(_)) = socket.next().await {} };
    tokio::time::timeout(LONG, ended).await.expect("the socket ends");
    assert!(denied.elapsed() < SOON, "{:?}", denied.elapsed());

    assert!(echoes(&mut socket_of_amy).await, "of another user");
    assert!(of_amy.next().await.expect("goes on").is_ok());
    let quiet = tokio::time::timeout(Duration::from_millis(50), anonymous.next()).await;
    assert!(quiet.is_err(), "a stream without a user goes on: {quiet:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s_116_streams_end_with_their_token_where_it_is_set() {
    for (lines, ends) in [("end_streams_with_token: true\n", true), ("", false)] {
        let streams = Streams::with(lines).await;
        let expires = streams.site.alb.unix_now() + 3;
        let token = streams.site.alb.token(&User::jane()).expires_at(expires).sign();
        let stream = streams.stream(&client(), "/silent", Some(&token)).await;
        let mut busy = streams.stream(&client(), "/busy", Some(&token)).await;
        let mut socket = streams.socket(&token).await;
        assert!(echoes(&mut socket).await);
        if ends {
            assert!(is_cut_off(stream).await && is_cut_off(busy).await);
            assert!(streams.site.alb.unix_now() >= expires, "not before");
            let ended = async { while let Some(Ok(_)) = socket.next().await {} };
            tokio::time::timeout(LONG, ended).await.expect("the socket ends");
        } else {
            // Elsewhere, a stream whose token expires later is ended meanwhile.
            let later = Streams::with("end_streams_with_token: true\n").await;
            let token = later.site.alb.token(&User::jane()).expires_at(expires + 1).sign();
            assert!(is_cut_off(later.stream(&client(), "/silent", Some(&token)).await).await);
            assert!(echoes(&mut socket).await && busy.next().await.expect("goes on").is_ok());
        }
    }
}

/// The layer accepts a token for 30 s more, because the clocks of two machines differ.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s_116_a_stream_of_a_token_within_its_leeway_ends_with_the_leeway() {
    const LEEWAY: u64 = 30;
    let streams = Streams::with("end_streams_with_token: true\n").await;
    let ends = streams.site.alb.unix_now() + 4;
    let token = streams.site.alb.token(&User::jane()).expires_at(ends - LEEWAY).sign();
    let stream = streams.stream(&client(), "/silent", Some(&token)).await;
    assert!(is_cut_off(stream).await);
    let ended = streams.site.alb.unix_now();
    assert!((ends..ends + SOON.as_secs()).contains(&ended), "{ended}, not {ends}");
}
