//! The future of a response. Its states are those of the sibling `layer/future.rs`: a change of their order belongs in both.
//! They are separate because that one also carries an audit trail, a form of refusals and `Cache-Control`.

use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
};

use http::{Request, Response};
use pin_project_lite::pin_project;
use tower_service::Service;

use super::{MachineIdentity, record::Record};
use crate::{
    access_token::CheckFuture,
    layer::{Refuse, StandardRefusal},
};

pin_project! {
    /// The response of [`MachineAuth`](super::MachineAuth).
    pub struct MachineResponseFuture<S, B, A>
    where
        S: Service<Request<B>>,
    {
        #[pin]
        state: State<S, B, S::Future, A>,
    }
}

pin_project! {
    #[project = StateProjected]
    enum State<S, B, F, A> {
        Inner { #[pin] future: F },
        /// Keys of the issuer are being fetched. The service is not ready.
        Waiting { check: CheckFuture, record: Record, held: Option<Box<(Request<B>, S)>> },
        /// The request is accepted, and the inner service is being made ready for it.
        Readying { admitted: Option<Box<(Request<B>, S)>> },
        Refused { response: Option<A> },
    }
}

impl<S, B, ResB> MachineResponseFuture<S, B, Response<ResB>>
where
    S: Service<Request<B>, Response = Response<ResB>>,
    StandardRefusal: Refuse<ResB, Body = ResB>,
{
    pub(super) fn inner(future: S::Future) -> Self {
        Self { state: State::Inner { future } }
    }

    pub(super) fn refused(response: Response<ResB>) -> Self {
        Self { state: State::Refused { response: Some(response) } }
    }

    pub(super) fn waiting(check: CheckFuture, request: Request<B>, service: S, record: Record) -> Self {
        Self { state: State::Waiting { check, record, held: Some(Box::new((request, service))) } }
    }
}

impl<S, B, ResB> Future for MachineResponseFuture<S, B, Response<ResB>>
where
    S: Service<Request<B>, Response = Response<ResB>>,
    StandardRefusal: Refuse<ResB, Body = ResB>,
{
    type Output = Result<Response<ResB>, S::Error>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.project().state;
        loop {
            match state.as_mut().project() {
                StateProjected::Inner { future } => return future.poll(context),
                StateProjected::Waiting { check, record, held } => {
                    let outcome = ready!(check.as_mut().poll(context));
                    let Some(mut held) = held.take() else { return Poll::Pending };
                    let next = match outcome.and_then(MachineIdentity::of_verified) {
                        Ok(machine) => {
                            record.admit(machine, &mut held.0);
                            State::Readying { admitted: Some(held) }
                        }
                        Err(error) => State::Refused { response: Some(record.refuse(&error, &held.0)) },
                    };
                    state.set(next);
                }
                StateProjected::Readying { admitted } => {
                    if let Some(admitted) = admitted {
                        ready!(admitted.1.poll_ready(context))?;
                    }
                    let Some(admitted) = admitted.take() else { return Poll::Pending };
                    let (request, mut service) = *admitted;
                    state.set(State::Inner { future: service.call(request) });
                }
                StateProjected::Refused { response } => {
                    // If it is polled after completion, it stays pending and does not panic.
                    return response.take().map_or(Poll::Pending, |response| Poll::Ready(Ok(response)));
                }
            }
        }
    }
}

impl<S: Service<Request<B>>, B, A> fmt::Debug for MachineResponseFuture<S, B, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MachineResponseFuture").finish_non_exhaustive()
    }
}
