//! The key endpoint of a mock load balancer: in memory, or over a connection.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::keys::{KeyFetch, KeyRequest, KeySource, KeySourceError, KeySourceErrorKind};

/// The path of the key set, relative to the endpoint.
pub(super) const KEY_SET: &str = "jwks.json";

/// The behaviour of a key endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum KeyServerMode {
    /// Returns the keys it has; 403 for others.
    #[default]
    Healthy,
    /// Responds with this status and no body.
    Status(u16),
    /// Responds with status 200 and this body.
    Answer(Vec<u8>),
    /// Accepts the connection and never responds.
    Silent,
    /// Closes the connection without a response.
    Reset,
}

/// The keys, the behaviour, and the number of requests.
#[derive(Debug, Default)]
pub(super) struct KeyServer {
    keys: Mutex<HashMap<String, String>>,
    mode: Mutex<KeyServerMode>,
    fetches: AtomicUsize,
}

impl KeyServer {
    pub(super) fn add(&self, kid: &str, pem: String) {
        self.keys.lock().unwrap().insert(kid.to_owned(), pem);
    }

    pub(super) fn withdraw(&self, kid: &str) {
        self.keys.lock().unwrap().remove(kid);
    }

    pub(super) fn set_mode(&self, mode: KeyServerMode) {
        *self.mode.lock().unwrap() = mode;
    }

    pub(super) fn fetches(&self) -> usize {
        self.fetches.load(Ordering::SeqCst)
    }

    /// Status and body for a kid, or for the key set; `None` for no response.
    fn respond(&self, kid: &str) -> Option<Result<(u16, Vec<u8>), Closed>> {
        let of_key_set = kid == KEY_SET;
        self.fetches.fetch_add(usize::from(!of_key_set), Ordering::SeqCst);
        let mode = self.mode.lock().unwrap().clone();
        Some(match mode {
            KeyServerMode::Healthy if of_key_set => Ok((200, self.key_set().to_string().into_bytes())),
            KeyServerMode::Healthy => Ok(match self.keys.lock().unwrap().get(kid) {
                Some(pem) => (200, pem.clone().into_bytes()),
                None => (403, Vec::new()),
            }),
            KeyServerMode::Status(status) => Ok((status, Vec::new())),
            KeyServerMode::Answer(body) => Ok((200, body)),
            KeyServerMode::Reset => Err(Closed),
            KeyServerMode::Silent => return None,
        })
    }

    /// The same keys as a provider publishes those of its access tokens.
    fn key_set(&self) -> Value {
        let keys = self.keys.lock().unwrap();
        let jwk = |(kid, pem): (&String, &String)| {
            let text: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
            // X and Y of the point are the end of the key (RFC 5480 section 2.2).
            let key = STANDARD.decode(text).expect("a key of a mock load balancer");
            let (x, y) = key[key.len() - 64..].split_at(32);
            let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
            json!({ "kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig", "kid": kid, "x": encode(x), "y": encode(y) })
        };
        json!({ "keys": keys.iter().map(jwk).collect::<Vec<_>>() })
    }

    /// Serves over plain HTTP on a free loopback port until the runtime ends. Returns the URL.
    pub(super) async fn listen(self: Arc<Self>) -> String {
        let listener = crate::listen("127.0.0.1:0").await.expect("a free loopback port");
        let address = listener.local_addr().expect("an address");
        tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                tokio::spawn(Arc::clone(&self).serve(connection));
            }
        });
        format!("http://{address}")
    }

    async fn serve(self: Arc<Self>, mut connection: TcpStream) {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") && head.len() < 8192 {
            match connection.read_u8().await {
                Ok(byte) => head.push(byte),
                Err(_) => return,
            }
        }
        let head = String::from_utf8_lossy(&head).into_owned();
        let path = head.split(' ').nth(1).unwrap_or_default();
        match self.respond(path.trim_start_matches('/')) {
            Some(Ok((status, body))) => {
                let length = body.len();
                let head = format!("HTTP/1.1 {status} Mock\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n");
                let _ = connection.write_all(&[head.as_bytes(), &body].concat()).await;
                let _ = connection.shutdown().await;
            }
            Some(Err(Closed)) => {}
            None => std::future::pending().await,
        }
    }
}

/// The endpoint closed the connection.
struct Closed;

/// The same endpoint without a connection.
#[derive(Debug, Clone)]
pub(super) struct InMemory(pub(super) Arc<KeyServer>);

impl KeySource for InMemory {
    fn fetch(&self, request: KeyRequest) -> KeyFetch {
        let response = self.0.respond(&request.kid.to_string());
        Box::pin(async move {
            let error = |kind, status: u16| {
                Err(KeySourceError::new(kind, format!("{} responded with status {status}", request.url())))
            };
            match response {
                Some(Ok((200, body))) => Ok(body),
                Some(Ok((status @ (403 | 404), _))) => error(KeySourceErrorKind::NotFound, status),
                Some(Ok((status @ (429 | 500..), _))) => error(KeySourceErrorKind::Busy, status),
                Some(Ok((status, _))) => error(KeySourceErrorKind::Other, status),
                Some(Err(Closed)) => Err(KeySourceError::new(KeySourceErrorKind::Connection, "connection closed")),
                None => std::future::pending().await,
            }
        })
    }

    /// Clones of a load balancer have the same keys. The pointer identifies them, because it is
    /// compared while both exist.
    fn identity(&self) -> Option<String> {
        Some(format!("{:p}", Arc::as_ptr(&self.0)))
    }
}
