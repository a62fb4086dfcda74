//! The future of a response.

use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll},
};

use pin_project_lite::pin_project;

pin_project! {
    /// The response of [`Required`](super::Required): the inner service's future, or a refusal that is ready.
    pub struct RequireFuture<F, A> {
        #[pin]
        state: State<F, A>,
    }
}

pin_project! {
    #[project = StateProjected]
    enum State<F, A> {
        Inner { #[pin] future: F },
        Refused { response: Option<A> },
    }
}

impl<F, A> RequireFuture<F, A> {
    pub(super) fn inner(future: F) -> Self {
        Self { state: State::Inner { future } }
    }

    pub(super) fn refused(response: A) -> Self {
        Self { state: State::Refused { response: Some(response) } }
    }
}

impl<F: Future<Output = Result<A, E>>, A, E> Future for RequireFuture<F, A> {
    type Output = Result<A, E>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().state.project() {
            StateProjected::Inner { future } => future.poll(context),
            // Polled after it was ready: a future may then do anything but misbehave.
            StateProjected::Refused { response } => {
                response.take().map_or(Poll::Pending, |response| Poll::Ready(Ok(response)))
            }
        }
    }
}

impl<F, A> fmt::Debug for RequireFuture<F, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequireFuture").finish_non_exhaustive()
    }
}
