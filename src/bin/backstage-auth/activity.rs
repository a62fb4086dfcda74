//! What a connection is doing, for its timeouts.
//!
//! hyper has one timeout for a slow head and for an idle connection, and none before it knows the version of HTTP. The two differ: a
//! slow head is an attack, while a load balancer keeps idle connections for longer than a minute.

use std::{
    io,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use axum::{
    body::{Body, Bytes, HttpBody},
    http::Version,
};
use http_body::{Frame, SizeHint};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    sync::OwnedSemaphorePermit,
    time::Instant,
};

/// How often the timeouts are checked, as a part of the shorter one.
const CHECKS_PER_TIMEOUT: u32 = 4;

pub struct Activity(Mutex<State>);

struct State {
    requests: usize,
    is_http2: bool,
    /// The end of the last request, or the start of the connection.
    idle_since: Instant,
    /// The first byte after it. Only HTTP/1: with HTTP/2 it may be a ping.
    head_since: Option<Instant>,
}

impl Activity {
    pub fn new() -> Self {
        Self(Mutex::new(State { requests: 0, is_http2: false, idle_since: Instant::now(), head_since: None }))
    }

    /// A request that is in progress from now on.
    pub fn request(self: &Arc<Self>, version: Version) -> InProgress {
        let mut state = self.state();
        state.requests = state.requests.saturating_add(1);
        state.is_http2 |= version == Version::HTTP_2;
        state.head_since = None;
        drop(state);
        InProgress(Arc::clone(self))
    }

    /// Returns when a timeout has passed.
    pub async fn expires(&self, header_timeout: Duration, idle_timeout: Duration) {
        let shorter = header_timeout.min(idle_timeout);
        let check = shorter.checked_div(CHECKS_PER_TIMEOUT).unwrap_or(shorter);
        loop {
            tokio::time::sleep(check.max(Duration::from_millis(1))).await;
            let state = self.state();
            let is_slow = state.head_since.is_some_and(|since| since.elapsed() >= header_timeout);
            let is_idle = state.head_since.is_none() && state.idle_since.elapsed() >= idle_timeout;
            if state.requests == 0 && (is_slow || is_idle) {
                return;
            }
        }
    }

    fn has_read(&self) {
        let mut state = self.state();
        if state.requests == 0 && !state.is_http2 && state.head_since.is_none() {
            state.head_since = Some(Instant::now());
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A request in progress; ends with the value.
pub struct InProgress(Arc<Activity>);

impl InProgress {
    pub fn until_the_end_of(self, body: Body) -> Body {
        Body::new(Guarded { body, _in_progress: self })
    }
}

impl Drop for InProgress {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.requests = state.requests.saturating_sub(1);
        state.idle_since = Instant::now();
    }
}

/// A body of a response, and the request that is in progress until it is sent.
struct Guarded {
    body: Body,
    _in_progress: InProgress,
}

impl HttpBody for Guarded {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A stream that notes when bytes arrive, and keeps the place of its connection, also after it has become a WebSocket.
pub struct Tracked<S> {
    stream: S,
    _place: Option<OwnedSemaphorePermit>,
    activity: Arc<Activity>,
}

impl<S> Tracked<S> {
    pub fn new(stream: S, place: Option<OwnedSemaphorePermit>, activity: Arc<Activity>) -> Self {
        Self { stream, _place: place, activity }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Tracked<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        if buffer.filled().len() > before {
            self.activity.has_read();
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Tracked<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
