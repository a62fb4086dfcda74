//! Mode 3: Envoy's `ext_authz` over gRPC, `envoy.service.auth.v3.Authorization/Check`.
//!
//! Envoy has the client's request, describes it here, and edits it as the response says.
//!
//! | check | response |
//! |---|---|
//! | a good token of a user who meets the requirements of the rules for method, path and host | OK: sets the user's headers, removes all other identity headers, `x-amzn-oidc-*`, and headers that replace path or method |
//! | the same, in dynamic metadata | `issuer`, `subject` and `entity`, for logs, rate limits and other filters of Envoy |
//! | a path that is optional or exempt, without a user | OK: removes them all |
//! | anything else | denied, with the status of the layer's refusal; gRPC clients get its `grpc-status` |
//! | without headers, or without a request | denied: a user is required who meets every requirement |
//! | another call than `Check` | `UNIMPLEMENTED` |
//!
//! Envoy's query over HTTP (`http_service`) is another port: there a path of the client would choose between the
//! two.

mod check;
mod messages;

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use axum::body::Body;
use http::{Request, Response};
use hyper::body::Incoming;
use tonic::Status;
use tonic_prost::ProstCodec;
use tower_service::Service;

use self::messages::{CheckRequest, CheckResponse};
use super::{counters::ModeLabel, gate::Gate, serve::Respond};

const CHECK: &str = "/envoy.service.auth.v3.Authorization/Check";

pub(super) struct ExtAuthz {
    pub(super) gate: Arc<Gate>,
}

impl Respond for ExtAuthz {
    const MODE: ModeLabel = ModeLabel::ExtAuthz;

    fn abort(&self) {}

    async fn respond(self: Arc<Self>, request: Request<Incoming>) -> Response<Body> {
        if request.uri().path() != CHECK {
            return Status::unimplemented("the only method is Check").into_http::<Body>();
        }
        let codec = ProstCodec::<CheckResponse, CheckRequest>::default();
        let call = Call(Arc::clone(&self.gate));
        tonic::server::Grpc::new(codec).unary(call, request).await.map(Body::new)
    }
}

/// One call.
struct Call(Arc<Gate>);

impl Service<tonic::Request<CheckRequest>> for Call {
    type Response = tonic::Response<CheckResponse>;
    type Error = Status;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Status>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Status>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: tonic::Request<CheckRequest>) -> Self::Future {
        let gate = Arc::clone(&self.0);
        Box::pin(async move { Ok(tonic::Response::new(check::check(gate, request.into_inner()).await)) })
    }
}
