//! Records a decision: metrics, log, audit events, and the response to a refusal.

use http::{HeaderValue, Request, Response, header};

use super::MachineIdentity;
use crate::{
    alb::TraceId,
    error::{AuthError, Fault},
    layer::{Refuse, RefusedRequest, StandardRefusal, refusal::refuse},
    telemetry::{
        audit::{AuditTrail, Details},
        metrics,
    },
};

/// The challenge of a 401 to a machine (RFC 6750 section 3), without the reason, as in every refusal.
const CHALLENGE: HeaderValue = HeaderValue::from_static("Bearer realm=\"machines\"");

/// Where decisions are recorded.
#[derive(Clone, Default)]
pub(super) struct Record {
    pub(super) audit: Option<AuditTrail>,
}

impl Record {
    /// The caller is a user of the outer layer, which records it.
    pub(super) fn user() {
        metrics::machine_decision("user");
    }

    /// The request goes on, with the machine in its extensions.
    pub(super) fn admit<B>(&self, machine: MachineIdentity, request: &mut Request<B>) {
        metrics::machine_decision("machine");
        if let Some(trail) = &self.audit {
            let trace_id = TraceId::In(request.headers());
            trail.machine_accepted(machine.client_id(), machine.claims().issuer(), trace_id);
        }
        request.extensions_mut().insert(machine);
    }

    /// The response to a refused request, in the form of the outer layer.
    pub(super) fn refuse<B, ResB>(&self, error: &AuthError, request: &Request<B>) -> Response<ResB>
    where
        StandardRefusal: Refuse<ResB, Body = ResB>,
    {
        let kind = error.kind().as_str();
        metrics::machine_decision(kind);
        let trace_id = TraceId::In(request.headers());
        tracing::debug!(target: "tower_alb_auth", kind, trace_id = trace_id.shown(), "machine refused: {}", error.operator_message());
        if let Some(trail) = &self.audit {
            trail.machine_refused(kind, || Details {
                status: Some(error.status().as_u16()),
                // A caller without a valid token is no mistake of the configuration, unlike a user of a load balancer without one.
                operator_can_act: error.fault() == Fault::Infrastructure,
                trace_id: trace_id.text(),
                ..Details::default()
            });
        }
        let refused = RefusedRequest::of(request).behind_layer(request.extensions());
        let mut response = refuse(&StandardRefusal::default(), error, &refused);
        if let Some(challenge) = response.headers_mut().get_mut(header::WWW_AUTHENTICATE) {
            *challenge = CHALLENGE;
        }
        response
    }
}
