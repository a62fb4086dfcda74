//! S-130: an upload that goes on after the service has responded ends when its user is shut out.

use std::{fs, time::Duration};

use axum::{Router, body::Body, extract::Request, response::Response, routing::any};
use bytes::Bytes;
use futures::{StreamExt as _, stream};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    sync::mpsc,
    task::JoinHandle,
    time::Instant,
};
use tower_alb_auth::test_util::User;

use crate::{
    site::{LONG, Log, Site, serve},
    uploads::{Upload, read_whole},
};

const NO_USER: &str = "{\"entries\": 0}\n";
const JANE: &str = "{\"email\": \"jane.doe@example.com\"}\n";
/// An entry is in force within 2 s; the rest is for a busy machine.
const SOON: Duration = Duration::from_secs(10);

/// `/whole` responds at once, `/stream` begins a response that goes on; both read what comes in. What they read is reported by the
/// value of the header `x-upload`.
fn service(says: mpsc::UnboundedSender<(String, Upload)>) -> Router {
    let read = move |request: Request| {
        let says = says.clone();
        let name = request.headers()["x-upload"].to_str().expect("ASCII").to_owned();
        let report = move |seen| drop(says.send((name.clone(), seen)));
        tokio::spawn(read_whole(request.into_body(), report));
    };
    let (whole, streaming) = (read.clone(), read);
    let whole = any(async move |request: Request| {
        whole(request);
        Response::new(Body::from("stored"))
    });
    let streaming = any(async move |request: Request| {
        streaming(request);
        let word = stream::iter([Ok::<_, std::convert::Infallible>(Bytes::from_static(b"word"))]);
        Response::new(Body::from_stream(word.chain(stream::pending())))
    });
    Router::new().route("/whole", whole).route("/stream", streaming)
}

/// An upload that goes on until its connection ends, or, once it is finished, ends with the last chunk.
struct Endless {
    task: JoinHandle<()>,
    finish: tokio::sync::watch::Sender<bool>,
}

impl Endless {
    /// Returns when the head of the response has come.
    async fn begin(site: &Site, path: &str, name: &str, token: &str) -> Self {
        let mut connection = TcpStream::connect(site.address).await.expect("a connection");
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: a\r\nx-upload: {name}\r\nx-amzn-oidc-data: {token}\r\n\
             transfer-encoding: chunked\r\n\r\n5\r\nfirst\r\n"
        );
        connection.write_all(head.as_bytes()).await.expect("sent");
        let mut response = [0; 1024];
        let read = tokio::time::timeout(LONG, connection.read(&mut response)).await.expect("in time").expect("a head");
        assert!(response[..read].starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&response[..read]));
        let (finish, finished) = tokio::sync::watch::channel(false);
        let task = tokio::spawn(async move {
            let (mut from, mut to) = connection.split();
            // What comes back is read, so that nothing waits for this client.
            let read = async { while matches!(from.read(&mut [0; 1024]).await, Ok(read) if read > 0) {} };
            let send = async {
                loop {
                    let last = *finished.borrow();
                    let chunk: &[u8] = if last { b"0\r\n\r\n" } else { b"4\r\nmore\r\n" };
                    if to.write_all(chunk).await.is_err() || last {
                        break;
                    }
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            };
            tokio::join!(read, send);
        });
        Self { task, finish }
    }
}

struct Uploads {
    site: Site,
    events: mpsc::UnboundedReceiver<(String, Upload)>,
    folder: tempfile::TempDir,
}

impl Uploads {
    async fn with(lines: &str) -> Self {
        let (says, events) = mpsc::unbounded_channel();
        let upstream = serve(service(says)).await;
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("denied.jsonl"), NO_USER).expect("written");
        let list = folder.path().join("denied.jsonl");
        let lines = format!("deny_list: {}\n{lines}", list.display());
        let site = Site::in_front_of(&format!("http://{upstream}"), &lines, Log::default()).await;
        Self { site, events, folder }
    }

    async fn next(&mut self) -> (String, Upload) {
        tokio::time::timeout(LONG, self.events.recv()).await.expect("in time").expect("events")
    }

    /// Two uploads of this token, which have begun and whose response has come.
    async fn two(&mut self, token: &str) -> Vec<Endless> {
        let mut uploads = Vec::new();
        for path in ["/whole", "/stream"] {
            uploads.push(Endless::begin(&self.site, path, path, token).await);
            assert_eq!(self.next().await, (path.to_owned(), Upload::Begins));
        }
        uploads
    }

    async fn break_off(&mut self) {
        let mut ended = [self.next().await, self.next().await];
        ended.sort_by(|(name, _), (other, _)| name.cmp(other));
        assert_eq!(ended, ["/stream", "/whole"].map(|path| (path.to_owned(), Upload::BreaksOff)));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s_130_an_upload_of_a_denied_user_ends_after_the_response_too_and_no_others() {
    for protocol in ["http1", "http2"] {
        let mut uploads = Uploads::with(&format!("upstream_protocol: {protocol}\n")).await;
        let of_jane = uploads.two(&uploads.site.token()).await;
        let amy = uploads.site.alb.sign(&User::entra("amy.pond"));
        let of_amy = uploads.two(&amy).await;

        fs::write(uploads.folder.path().join("denied.jsonl"), JANE).expect("written");
        let denied = Instant::now();
        uploads.break_off().await;
        assert!(denied.elapsed() < SOON, "{protocol}: {:?}", denied.elapsed());
        for upload in of_jane {
            tokio::time::timeout(LONG, upload.task).await.expect("the client's connection ends").expect("no panic");
        }
        for (upload, path) in of_amy.iter().zip(["/whole", "/stream"]) {
            upload.finish.send(true).expect("it goes on");
            assert_eq!(uploads.next().await, (path.to_owned(), Upload::Ends), "{protocol}: of another user");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s_130_an_upload_ends_with_its_token_after_the_response_too_where_it_is_set() {
    for (protocol, ends) in [("http1", true), ("http2", true), ("http1", false)] {
        let lines = format!("upstream_protocol: {protocol}\nend_streams_with_token: {ends}\n");
        let mut uploads = Uploads::with(&lines).await;
        let expires = uploads.site.alb.unix_now() + 3;
        let token = uploads.site.alb.token(&User::jane()).expires_at(expires).sign();
        let of_jane = uploads.two(&token).await;
        if ends {
            uploads.break_off().await;
            let ended = uploads.site.alb.unix_now();
            assert!((expires..expires + SOON.as_secs()).contains(&ended), "{protocol}: {ended}, not {expires}");
            continue;
        }
        while uploads.site.alb.unix_now() < expires + 2 {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        for (upload, path) in of_jane.iter().zip(["/whole", "/stream"]) {
            upload.finish.send(true).expect("it goes on");
            assert_eq!(uploads.next().await, (path.to_owned(), Upload::Ends));
        }
    }
}
