//! The layer's audit trail, left in the request for refusals behind it.

use http::{Extensions, HeaderMap};

use crate::{
    alb::TraceId,
    error::AuthError,
    identity::{BackstageIdentity, Claims},
    telemetry::audit::{AuditTrail, Details, What},
};

/// The trail of the outer layer. A layer without one leaves nothing.
#[derive(Clone)]
pub(crate) struct LeftTrail(pub(super) AuditTrail);

impl LeftTrail {
    /// Records a refusal behind the layer, such as that of a requirement. It names the user: the layer has verified the token.
    pub(crate) fn refused(extensions: &Extensions, error: &AuthError, headers: &HeaderMap) {
        let Some(Self(trail)) = extensions.get() else { return };
        trail.refused(What::Refused, error, || Details {
            user: Claims::of(extensions).map(|claims| {
                let name = extensions.get::<BackstageIdentity>().map(BackstageIdentity::user_entity_ref);
                trail.user(name, Some(claims))
            }),
            trace_id: TraceId::In(headers).text(),
            ..Details::default()
        });
    }
}
