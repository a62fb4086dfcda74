//! A response body for every inner body: that body, or the text of a refusal.

use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::Response;
use http_body::{Body, Frame, SizeHint};
use http_body_util::Full;
use pin_project_lite::pin_project;

use super::{Refuse, RefusedRequest};
use crate::error::AuthError;

pin_project! {
    /// The body of responses that leave a layer with
    /// [`with_refusal_body`](crate::AlbAuthLayer::with_refusal_body): the body of the inner
    /// service, or the text of a refusal.
    ///
    /// Its `Default` is empty, whatever the inner body is, so that layers that need a `Default` can
    /// stand outside.
    pub struct RefusalBody<B> {
        #[pin]
        content: Content<B>,
    }
}

pin_project! {
    #[project = ContentProjected]
    enum Content<B> {
        Inner { #[pin] body: B },
        Refusal { #[pin] text: Full<Bytes> },
    }
}

impl<B> Default for RefusalBody<B> {
    fn default() -> Self {
        Self { content: Content::Refusal { text: Full::default() } }
    }
}

impl<B> fmt::Debug for RefusalBody<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RefusalBody").finish_non_exhaustive()
    }
}

impl<B: Body<Data = Bytes>> Body for RefusalBody<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        match self.project().content.project() {
            ContentProjected::Inner { body } => body.poll_frame(context),
            ContentProjected::Refusal { text } => {
                text.poll_frame(context).map(|frame| frame.map(|frame| frame.map_err(|never| match never {})))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.content {
            Content::Inner { body } => body.is_end_stream(),
            Content::Refusal { text } => text.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.content {
            Content::Inner { body } => body.size_hint(),
            Content::Refusal { text } => text.size_hint(),
        }
    }
}

/// Refusals in a [`RefusalBody`], for inner bodies of any type. Made by
/// [`with_refusal_body`](crate::AlbAuthLayer::with_refusal_body).
#[derive(Debug, Clone)]
pub struct WithRefusalBody<R>(R);

impl<R> WithRefusalBody<R> {
    pub(crate) fn new(refusal: R) -> Self {
        Self(refusal)
    }
}

impl<B, R: Refuse<Full<Bytes>, Body = Full<Bytes>>> Refuse<B> for WithRefusalBody<R> {
    type Body = RefusalBody<B>;

    fn refuse(&self, error: &AuthError, request: &RefusedRequest<'_>) -> Response<RefusalBody<B>> {
        self.0.refuse(error, request).map(|text| RefusalBody { content: Content::Refusal { text } })
    }

    fn pass(response: Response<B>) -> Response<RefusalBody<B>> {
        response.map(|body| RefusalBody { content: Content::Inner { body } })
    }
}
