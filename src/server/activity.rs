//! What a connection is doing, for its timeouts.
//!
//! hyper has one timeout for a slow head and for an idle connection, and none before it knows the
//! version of HTTP. The two differ: a slow head is an attack, while a load balancer keeps idle
//! connections for longer than a minute. It has none for a client that takes no response.

use std::{
    collections::HashMap,
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use axum::body::Body;
use bytes::Bytes;
use http::Version;
use http_body::{Body as HttpBody, Frame, SizeHint};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::Instant,
};

use super::{limits::ConnectionLimits, room::Place};
use crate::sync::Mutex;

/// How often the timeouts are checked, as a part of the shorter one.
const CHECKS_PER_TIMEOUT: u32 = 4;
/// A response of this size fits into the buffers of any connection, so a client takes it at once or not at all.
const SHORT_RESPONSE: u64 = 64 * 1024;
/// For how long at least a client may take nothing of a longer response: a slow one leaves what the system buffers, up to several MB.
const LONG_RESPONSE_TIMEOUT: Duration = Duration::from_secs(600);

pub(super) struct Activity(Mutex<State>);

struct State {
    /// Those in progress. With a value: since when the client has to take a part of the response, and for how long it may leave it.
    requests: HashMap<u64, Option<(Instant, Duration)>>,
    next_request: u64,
    is_http2: bool,
    /// The end of the last request, or the start of the connection.
    idle_since: Instant,
    /// The first byte after it. Only HTTP/1: with HTTP/2 it may be a ping.
    head_since: Option<Instant>,
}

impl Activity {
    pub(super) fn new() -> Self {
        Self(Mutex::new(State {
            requests: HashMap::new(),
            next_request: 0,
            is_http2: false,
            idle_since: Instant::now(),
            head_since: None,
        }))
    }

    /// A request that is in progress from now on.
    pub(super) fn request(self: &Arc<Self>, version: Version) -> InProgress {
        let mut state = self.0.lock();
        let number = state.next_request;
        state.next_request = number.wrapping_add(1);
        state.requests.insert(number, None);
        state.is_http2 |= version == Version::HTTP_2;
        state.head_since = None;
        drop(state);
        InProgress { activity: Arc::clone(self), number }
    }

    /// Returns when a timeout has passed.
    pub(super) async fn expires(&self, limits: ConnectionLimits) {
        let shorter = limits.header_timeout.min(limits.idle_timeout);
        let check = shorter.checked_div(CHECKS_PER_TIMEOUT).unwrap_or(shorter);
        loop {
            tokio::time::sleep(check.max(Duration::from_millis(1))).await;
            let state = self.0.lock();
            let has_passed = |since: Instant, timeout| since.elapsed() >= timeout;
            let is_slow = state.head_since.is_some_and(|since| has_passed(since, limits.header_timeout));
            let is_idle = state.head_since.is_none() && has_passed(state.idle_since, limits.idle_timeout);
            let is_left = |request: &Option<(Instant, Duration)>| {
                request.is_some_and(|(since, at_least)| has_passed(since, limits.idle_timeout.max(at_least)))
            };
            let has_ended = match state.requests.is_empty() {
                true => is_slow || is_idle,
                false => state.requests.values().all(is_left),
            };
            if has_ended {
                return;
            }
        }
    }

    fn has_read(&self) {
        let mut state = self.0.lock();
        if state.requests.is_empty() && !state.is_http2 && state.head_since.is_none() {
            state.head_since = Some(Instant::now());
        }
    }
}

/// A request in progress; ends with the value.
pub(super) struct InProgress {
    activity: Arc<Activity>,
    number: u64,
}

impl InProgress {
    pub(super) fn until_the_end_of(self, body: Body) -> Body {
        let is_short = body.size_hint().upper().is_some_and(|upper| upper <= SHORT_RESPONSE);
        let may_leave_it = if is_short { Duration::ZERO } else { LONG_RESPONSE_TIMEOUT };
        self.is_up_to_client(Some(may_leave_it));
        Body::new(Guarded { body, may_leave_it, in_progress: self })
    }

    /// From now on it is the client that has to take something, and may leave it for so long at least; or it is not.
    fn is_up_to_client(&self, may_leave_it: Option<Duration>) {
        let state = may_leave_it.map(|may_leave_it| (Instant::now(), may_leave_it));
        self.activity.0.lock().requests.insert(self.number, state);
    }
}

impl Drop for InProgress {
    fn drop(&mut self) {
        let mut state = self.activity.0.lock();
        state.requests.remove(&self.number);
        state.idle_since = Instant::now();
    }
}

/// A body of a response, and the request that is in progress until it is sent. It is read when the client has taken what was read before.
struct Guarded {
    body: Body,
    may_leave_it: Duration,
    in_progress: InProgress,
}

impl HttpBody for Guarded {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(context);
        self.in_progress.is_up_to_client(polled.is_ready().then_some(self.may_leave_it));
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A stream that notes when bytes arrive, and keeps the place of its connection.
pub(super) struct Tracked<S> {
    stream: S,
    _place: Option<Place>,
    activity: Arc<Activity>,
}

impl<S> Tracked<S> {
    pub(super) fn new(stream: S, place: Option<Place>, activity: Arc<Activity>) -> Self {
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
