//! What the layer leaves in a request's extensions beside the identity.

use std::fmt;

use http::{Extensions, HeaderValue};

use super::refusal::LeftForm;
use crate::identity::{BackstageIdentity, Claims};

/// The layer was here and inserted no identity. Lets an extractor tell "nobody is signed in" from "no layer is installed".
#[derive(Debug, Clone, Copy)]
pub(crate) struct Anonymous;

/// The layer let in a user whom the sign-in policy, which names others, did not name. Beside the claims.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Unnamed;

/// The provider's access token, from `x-amzn-oidc-accesstoken`, where
/// [`expose_access_token`](super::AlbAuthLayer::expose_access_token) asked for it.
///
/// The load balancer does not sign it, so nothing ties it to the user: send it to the provider's API, never read it. `Debug`
/// does not show it.
#[derive(Clone)]
pub struct AlbAccessToken(HeaderValue);

impl AlbAccessToken {
    pub(super) fn new(mut value: HeaderValue) -> Self {
        value.set_sensitive(true);
        Self(value)
    }

    /// The token, as received.
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    /// The token as text, if it is visible ASCII, as the tokens of OAuth 2.0 are (RFC 6749 appendix A.12).
    pub fn as_str(&self) -> Option<&str> {
        self.0.to_str().ok()
    }
}

impl fmt::Debug for AlbAccessToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AlbAccessToken(..)")
    }
}

/// Removes everything that only this layer may have put there. Whether there was any of it.
pub(super) fn clear(extensions: &mut Extensions) -> bool {
    if extensions.is_empty() {
        return false;
    }
    let removed = [
        extensions.remove::<AlbAccessToken>().is_some(),
        extensions.remove::<Anonymous>().is_some(),
        extensions.remove::<Unnamed>().is_some(),
        extensions.remove::<LeftForm>().is_some(),
        extensions.remove::<BackstageIdentity>().is_some(),
        extensions.remove::<Claims>().is_some(),
    ];
    removed.contains(&true)
}
