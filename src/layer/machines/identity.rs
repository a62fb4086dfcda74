//! A caller that is a machine.

use std::{fmt, sync::Arc};

use http::Extensions;

use crate::{
    access_token::Accepted,
    error::{AuthError, AuthErrorKind},
    identity::AccessTokenClaims,
};

/// A caller with a verified bearer token: a client of the issuer, and not a user of the load balancer. Handlers find it in the
/// extensions; in axum, `Extension<MachineIdentity>` is its extractor. Only [`MachineLayer`](crate::MachineLayer) makes one.
#[derive(Clone)]
pub struct MachineIdentity {
    client_id: Arc<str>,
    claims: AccessTokenClaims,
}

impl MachineIdentity {
    /// The machine of a verified token.
    ///
    /// # Errors
    /// It names no client, which the verifier does not accept either.
    pub(super) fn of_verified(accepted: Accepted) -> Result<Self, AuthError> {
        let Accepted { claims, client } = accepted;
        let client_id =
            client.ok_or_else(|| AuthError::with_detail(AuthErrorKind::AccessTokenInvalid, "it names no client"))?;
        Ok(Self { client_id, claims })
    }

    /// That of a request that passed the layer. `None` if the caller is a user.
    pub fn of(extensions: &Extensions) -> Option<&Self> {
        extensions.get()
    }

    /// The client that the token was issued to: one of the configuration.
    pub fn client_id(&self) -> &str {
        &self.client_id
    }

    /// The claims of the token, such as `scope` and `roles`.
    pub fn claims(&self) -> &AccessTokenClaims {
        &self.claims
    }
}

impl fmt::Debug for MachineIdentity {
    /// The client, without token and claims.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MachineIdentity").field("client_id", &self.client_id).finish_non_exhaustive()
    }
}
