//! The future of a response.

use std::{
    fmt,
    marker::PhantomData,
    pin::Pin,
    task::{Context, Poll, ready},
};

use http::Response;
use pin_project_lite::pin_project;

use crate::layer::Refuse;

pin_project! {
    /// The response of [`Require`](super::Require): the inner service's future, or a refusal, which
    /// is ready at once.
    pub struct RequireResponseFuture<F, R, A> {
        #[pin]
        state: State<F, A>,
        refusal: PhantomData<fn() -> R>,
    }
}

pin_project! {
    #[project = StateProjected]
    enum State<F, A> {
        Inner { #[pin] future: F },
        Refused { response: Option<A> },
    }
}

impl<F, R, A> RequireResponseFuture<F, R, A> {
    pub(super) fn inner(future: F) -> Self {
        Self { state: State::Inner { future }, refusal: PhantomData }
    }

    pub(super) fn refused(response: A) -> Self {
        Self { state: State::Refused { response: Some(response) }, refusal: PhantomData }
    }
}

impl<F, R, ResB, E> Future for RequireResponseFuture<F, R, Response<R::Body>>
where
    F: Future<Output = Result<Response<ResB>, E>>,
    R: Refuse<ResB>,
{
    type Output = Result<Response<R::Body>, E>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().state.project() {
            StateProjected::Inner { future } => Poll::Ready(ready!(future.poll(context)).map(R::pass)),
            // If it is polled after completion, it stays pending and does not panic.
            StateProjected::Refused { response } => {
                response.take().map_or(Poll::Pending, |response| Poll::Ready(Ok(response)))
            }
        }
    }
}

impl<F, R, A> fmt::Debug for RequireResponseFuture<F, R, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequireResponseFuture").finish_non_exhaustive()
    }
}
