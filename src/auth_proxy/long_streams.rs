//! What lasts longer than the decision on its request: WebSockets, server-sent events, gRPC streams, downloads, uploads, and requests
//! that wait for a response.
//!
//! | situation | the stream |
//! |---|---|
//! | a deny list names the user while it lasts | is ended within 2 s |
//! | the token of the request expires | goes on; with `end_streams_with_token` it is ended within 2 s; if the token had expired, but was still accepted, after the leeway |
//! | the request has no user: an exempt path, or no token where one is optional | goes on |
//!
//! A stream is ended by an end of its connection (HTTP/1.1) or a reset (HTTP/2), so that a response that is cut off does not look whole.
//! An upload is a stream too: it is ended also where the service has responded before it has read all of it.
//! Before there is a response, the request is refused as a new one would be: 403, or 401 for the token.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
    time::{Duration, SystemTime},
};

use axum::body::Body;
use bytes::Bytes;
use http::Request;
use http_body::{Body as HttpBody, Frame, SizeHint};

use super::counters;
use crate::{
    AlbAuthHandle, AuthError, AuthErrorKind, BackstageIdentity, Claims,
    internal::{OwnedTraceId, telemetry::audit::NamedBy},
};

/// How often a stream is compared with the deny lists and the time. It is a part of the 2 s in which an entry takes effect.
const INTERVAL: Duration = Duration::from_millis(500);

/// The user of a stream.
#[derive(Clone)]
pub(super) struct StreamUser {
    handle: AlbAuthHandle,
    who: Who,
    trace_id: OwnedTraceId,
    /// With `end_streams_with_token`.
    ends_at: Option<SystemTime>,
    /// Shared by the clones: the bodies of a request and of its response are counted and logged as one stream.
    is_reported: Arc<AtomicBool>,
}

#[derive(Clone)]
enum Who {
    Named(BackstageIdentity),
    Unnamed(Claims),
}

impl StreamUser {
    /// `None` for a request without a user.
    pub(super) fn of(
        request: &Request<Body>,
        trace_id: &OwnedTraceId,
        handle: &AlbAuthHandle,
        ends_with_token: bool,
    ) -> Option<Self> {
        let extensions = request.extensions();
        let who = match extensions.get::<BackstageIdentity>() {
            Some(identity) => Who::Named(identity.clone()),
            None => Who::Unnamed(Claims::of(extensions)?.clone()),
        };
        let ends_at = ends_with_token.then(|| {
            let expiry = who.claims().token_expires_at();
            // The layer has accepted the token. If it has expired already, then within the leeway for other clocks.
            if expiry > SystemTime::now() { expiry } else { handle.accepts_until(who.claims()) }
        });
        let (handle, trace_id) = (handle.clone(), trace_id.clone());
        Some(Self { handle, who, trace_id, ends_at, is_reported: Arc::default() })
    }

    pub(super) fn named(&self) -> NamedBy<'_> {
        match &self.who {
            Who::Named(identity) => (Some(identity.user_entity_ref()), Some(identity.claims())),
            Who::Unnamed(claims) => (None, Some(claims)),
        }
    }

    /// Returns when a request that the layer has just admitted is to be refused after all, because it still waits for its response.
    pub(super) async fn may_not_wait(user: Option<Self>) -> AuthError {
        let Some(user) = user else { return std::future::pending().await };
        tokio::time::sleep(INTERVAL).await;
        user.may_not_go_on().await
    }

    /// Returns when the stream is to be ended, and why.
    pub(super) async fn may_not_go_on(self) -> AuthError {
        loop {
            if let Some(error) = self.is_over() {
                return error;
            }
            tokio::time::sleep(INTERVAL).await;
        }
    }

    /// Why the stream is to be ended, if it is.
    pub(super) fn is_over(&self) -> Option<AuthError> {
        let reason = self.reason()?;
        let is_new = !self.is_reported.swap(true, Ordering::Relaxed);
        if is_new {
            counters::stream_ended(reason.label());
        }
        let trace_id = self.trace_id.get().shown();
        Some(match reason {
            Reason::Denied(error) => {
                if is_new {
                    let entry = error.operator_message();
                    tracing::info!(target: "tower_alb_auth", trace_id, "a stream of a user who is denied is ended: {entry}");
                }
                error
            }
            Reason::TokenIsOver => {
                if is_new {
                    tracing::debug!(target: "tower_alb_auth", trace_id, "a stream is ended, because the token of its request has expired (end_streams_with_token)");
                }
                AuthError::with_detail(AuthErrorKind::Expired, "there was no response before")
            }
        })
    }

    fn reason(&self) -> Option<Reason> {
        let denied = match &self.who {
            Who::Named(identity) => self.handle.check_denied(identity),
            Who::Unnamed(claims) => self.handle.check_denied(claims),
        };
        match denied {
            Err(error) => Some(Reason::Denied(error)),
            Ok(()) => self.ends_at.filter(|end| *end <= SystemTime::now()).map(|_| Reason::TokenIsOver),
        }
    }
}

impl Who {
    fn claims(&self) -> &Claims {
        match self {
            Self::Named(identity) => identity.claims(),
            Self::Unnamed(claims) => claims,
        }
    }
}

enum Reason {
    Denied(AuthError),
    TokenIsOver,
}

impl Reason {
    fn label(&self) -> &'static str {
        match self {
            Self::Denied(_) => "denied",
            Self::TokenIsOver => "token_is_over",
        }
    }
}

/// A body that breaks off when its user may not go on.
pub(super) struct Ending {
    body: Body,
    user: User,
}

type End = Pin<Box<dyn Future<Output = ()> + Send>>;

enum User {
    /// The body has not been waited for yet: most bodies are there at once, and need no timer.
    Unwatched(Option<StreamUser>),
    Watched(End),
    /// The body has broken off.
    Ended,
}

impl Ending {
    pub(super) fn of(body: Body, user: Option<StreamUser>) -> Body {
        match user {
            Some(user) if !body.is_end_stream() => Body::new(Self { body, user: User::Unwatched(Some(user)) }),
            _ => body,
        }
    }

    fn break_off(&mut self) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        self.user = User::Ended;
        self.body = Body::empty();
        Poll::Ready(Some(Err(axum::Error::new(Ended))))
    }
}

impl HttpBody for Ending {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        // Before the body, which may always have more.
        let has_ended = match &mut self.user {
            User::Ended => return Poll::Ready(None),
            User::Watched(end) => end.as_mut().poll(context).is_ready(),
            User::Unwatched(_) => false,
        };
        if has_ended {
            return self.break_off();
        }
        let polled = Pin::new(&mut self.body).poll_frame(context);
        if let User::Unwatched(user) = &mut self.user
            && !matches!(polled, Poll::Ready(None))
            && let Some(user) = user.take()
        {
            let mut end: End = Box::pin(async { drop(user.may_not_go_on().await) });
            // So that it wakes this task.
            if polled.is_pending() && end.as_mut().poll(context).is_ready() {
                return self.break_off();
            }
            self.user = User::Watched(end);
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        !matches!(self.user, User::Ended) && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Why a body has broken off.
#[derive(Debug)]
struct Ended;

impl std::fmt::Display for Ended {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the user of the stream may not go on")
    }
}

impl std::error::Error for Ended {}
