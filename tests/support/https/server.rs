//! A server on loopback that follows a script, well or badly, and records what it saw.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use rustls::{
    ServerConfig, SupportedProtocolVersion,
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::watch,
};
use tokio_rustls::TlsAcceptor;

use super::certificates::Leaf;

/// What the server does once it has read a request.
#[derive(Clone)]
pub(crate) enum Script {
    /// Writes this and closes in an orderly way.
    Answer(Vec<u8>),
    /// Writes this and closes without TLS's good-bye.
    Cut(Vec<u8>),
    /// Writes this and resets the connection.
    Reset(Vec<u8>),
    /// Writes this and then nothing, until the client goes away.
    Hold(Vec<u8>),
    /// Writes the first, then the second again and again at this interval, until the client goes away.
    Repeat(Vec<u8>, Vec<u8>, Duration),
}

/// A server and what it saw.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    seen: Arc<Seen>,
}

#[derive(Default)]
struct Seen {
    connections: watch::Sender<Connections>,
    requests: Mutex<Vec<Vec<u8>>>,
    hellos: Mutex<Vec<Hello>>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Connections {
    accepted: usize,
    open: usize,
    /// Bytes the server could write before the client went away.
    written: usize,
}

/// What a TLS client offered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Hello {
    pub(crate) server_name: Option<String>,
    pub(crate) alpn: Vec<Vec<u8>>,
}

/// How far a request is read before the script is played.
#[derive(Clone, Copy)]
enum Request {
    /// To the empty line after its head.
    Head,
    /// Whatever comes in the first read.
    FirstBytes,
}

impl Server {
    /// Over TLS, with this certificate; the script may depend on the number of the connection, from 1 on.
    pub(crate) async fn https(leaf: &Leaf, script: impl Fn(usize) -> Script + Send + Sync + 'static) -> Self {
        Self::https_with(leaf, rustls::ALL_VERSIONS, "127.0.0.1", script).await
    }

    /// The same with these TLS versions alone, on this address.
    pub(crate) async fn https_with(
        leaf: &Leaf,
        versions: &[&'static SupportedProtocolVersion],
        ip: &str,
        script: impl Fn(usize) -> Script + Send + Sync + 'static,
    ) -> Self {
        // Another provider than the client's, so that the two cannot agree on a mistake.
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let key =
            CertifiedKey::from_der(leaf.chain.clone(), leaf.key.clone_key(), &provider).expect("key fits certificate");
        let seen = Arc::new(Seen::default());
        let shown = Shown { key: Arc::new(key), seen: Arc::clone(&seen) };
        let config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(versions)
            .expect("versions")
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(shown));
        Self::listen(ip, Some(TlsAcceptor::from(Arc::new(config))), Request::Head, seen, script).await
    }

    /// Over plain HTTP.
    pub(crate) async fn http(script: impl Fn(usize) -> Script + Send + Sync + 'static) -> Self {
        Self::listen("127.0.0.1", None, Request::Head, Arc::default(), script).await
    }

    /// Over plain TCP, playing the script as soon as the first bytes came, whatever they are.
    pub(crate) async fn tcp(script: impl Fn(usize) -> Script + Send + Sync + 'static) -> Self {
        Self::listen("127.0.0.1", None, Request::FirstBytes, Arc::default(), script).await
    }

    async fn listen(
        ip: &str,
        tls: Option<TlsAcceptor>,
        request: Request,
        seen: Arc<Seen>,
        script: impl Fn(usize) -> Script + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind((ip, 0)).await.expect("a free loopback port");
        let server = Self { address: listener.local_addr().expect("an address"), seen: Arc::clone(&seen) };
        tokio::spawn(async move {
            loop {
                let Ok((tcp, _)) = listener.accept().await else { continue };
                seen.count(|connections| {
                    connections.accepted += 1;
                    connections.open += 1;
                });
                let script = script(seen.connections.borrow().accepted);
                let (tls, seen) = (tls.clone(), Arc::clone(&seen));
                tokio::spawn(async move {
                    converse(tcp, tls, request, &seen, script).await;
                    seen.count(|connections| connections.open -= 1);
                });
            }
        });
        server
    }

    /// `https://localhost:<port>`.
    pub(crate) fn url(&self) -> String {
        format!("https://localhost:{}", self.address.port())
    }

    /// How many connections came.
    pub(crate) fn connections(&self) -> usize {
        self.seen.connections.borrow().accepted
    }

    /// The requests, as far as they were read.
    pub(crate) fn requests(&self) -> Vec<String> {
        let requests = self.seen.requests.lock().expect("no panic");
        requests.iter().map(|request| String::from_utf8_lossy(request).into_owned()).collect()
    }

    /// The requests as bytes.
    pub(crate) fn raw_requests(&self) -> Vec<Vec<u8>> {
        self.seen.requests.lock().expect("no panic").clone()
    }

    /// What TLS clients offered.
    pub(crate) fn hellos(&self) -> Vec<Hello> {
        self.seen.hellos.lock().expect("no panic").clone()
    }

    /// Waits until every client has gone. Gives the number of bytes they took.
    pub(crate) async fn all_gone(&self) -> usize {
        let mut connections = self.seen.connections.subscribe();
        let gone = connections.wait_for(|connections| connections.open == 0);
        let gone = tokio::time::timeout(Duration::from_secs(20), gone).await;
        gone.expect("the client has dropped its connection").expect("the server runs").written
    }
}

impl Seen {
    fn count(&self, change: impl FnOnce(&mut Connections)) {
        self.connections.send_modify(change);
    }
}

async fn converse(tcp: TcpStream, tls: Option<TlsAcceptor>, request: Request, seen: &Seen, script: Script) {
    // Small pieces leave at once, as a hostile server sends them.
    tcp.set_nodelay(true).expect("an open socket");
    match tls {
        None => {
            let mut stream = tcp;
            if play(&mut stream, request, seen, script).await == Ending::Reset {
                stream.set_zero_linger().expect("an open socket");
            }
        }
        Some(tls) => {
            let Ok(mut stream) = tls.accept(tcp).await else { return };
            if play(&mut stream, request, seen, script).await == Ending::Reset {
                stream.get_ref().0.set_zero_linger().expect("an open socket");
            }
        }
    }
}

#[derive(PartialEq, Eq)]
enum Ending {
    Closed,
    Reset,
}

async fn play<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    request: Request,
    seen: &Seen,
    script: Script,
) -> Ending {
    let mut read = Vec::new();
    while read.len() < 16 * 1024 {
        match stream.read_buf(&mut read).await {
            Ok(1..) if matches!(request, Request::Head) && !read.ends_with(b"\r\n\r\n") => {}
            Ok(1..) => break,
            _ => return Ending::Closed,
        }
    }
    seen.requests.lock().expect("no panic").push(read);
    let mut write = async |bytes: &[u8]| {
        let written = stream.write_all(bytes).await.is_ok() && stream.flush().await.is_ok();
        seen.count(|connections| connections.written += if written { bytes.len() } else { 0 });
        written
    };
    match script {
        Script::Answer(bytes) => {
            write(&bytes).await;
            let _ = stream.shutdown().await;
        }
        Script::Cut(bytes) => drop(write(&bytes).await),
        Script::Reset(bytes) => {
            write(&bytes).await;
            return Ending::Reset;
        }
        Script::Hold(bytes) => {
            write(&bytes).await;
            while matches!(stream.read(&mut [0; 4096]).await, Ok(1..)) {}
        }
        Script::Repeat(first, again, every) => {
            let mut taken = write(&first).await;
            while taken {
                tokio::time::sleep(every).await;
                taken = write(&again).await;
            }
        }
    }
    Ending::Closed
}

/// Shows one certificate to all clients, and records what the client offered.
struct Shown {
    key: Arc<CertifiedKey>,
    seen: Arc<Seen>,
}

impl ResolvesServerCert for Shown {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let alpn = hello.alpn().into_iter().flatten().map(<[u8]>::to_vec).collect();
        let hello = Hello { server_name: hello.server_name().map(str::to_owned), alpn };
        self.seen.hellos.lock().expect("no panic").push(hello);
        Some(Arc::clone(&self.key))
    }
}

impl std::fmt::Debug for Shown {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Shown")
    }
}

/// An HTTP answer with a length that is true.
pub(crate) fn answer(status: u16, headers: &[&str], body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    let length = format!("content-length: {}", body.len());
    framed(status, &[headers, &[&length]].concat(), body)
}

/// An HTTP answer with these headers and no others.
pub(crate) fn framed(status: u16, headers: &[&str], body: impl AsRef<[u8]>) -> Vec<u8> {
    let lines: String = headers.iter().map(|line| format!("{line}\r\n")).collect();
    [format!("HTTP/1.1 {status} Test\r\n{lines}\r\n").as_bytes(), body.as_ref()].concat()
}

/// A good answer with this key.
pub(crate) fn key(pem: &str) -> Script {
    Script::Answer(answer(200, &[], pem))
}
