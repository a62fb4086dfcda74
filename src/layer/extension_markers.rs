//! What the layer leaves in a request's extensions beside the identity.

use std::fmt;

use http::{Extensions, HeaderValue};

use super::{left_trail::LeftTrail, refusal::LeftForm};
use crate::identity::{BackstageIdentity, Claims};

/// The layer accepted the request without a user. With it an extractor distinguishes "no user is
/// signed in" from "no layer is installed".
#[derive(Debug, Clone, Copy)]
pub(crate) struct Anonymous;

/// The layer accepted a user without an identity, under a policy that gives others one. The claims
/// are in the extensions.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Unnamed;

/// The provider's access token, from `x-amzn-oidc-accesstoken`, if
/// [`expose_access_token`](crate::AlbAuthLayer::expose_access_token) is set.
///
/// The load balancer does not sign it, so nothing proves that it belongs to the user. Send it to
/// the provider's API, and do not read claims from it. `Debug` does not show it.
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

    /// The token as text, if it is visible ASCII, as the tokens of OAuth 2.0 are (RFC 6749 appendix
    /// A.12).
    pub fn as_str(&self) -> Option<&str> {
        self.0.to_str().ok()
    }
}

impl fmt::Debug for AlbAccessToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AlbAccessToken(..)")
    }
}

/// Removes everything that only this layer may insert. Returns whether there was any of it.
pub(super) fn clear(extensions: &mut Extensions) -> bool {
    if extensions.is_empty() {
        return false;
    }
    let removed = [
        remove::<AlbAccessToken>(extensions),
        remove::<Anonymous>(extensions),
        remove::<Unnamed>(extensions),
        remove::<LeftForm>(extensions),
        remove::<LeftTrail>(extensions),
        remove::<BackstageIdentity>(extensions),
        remove::<Claims>(extensions),
    ];
    removed.contains(&true)
}

/// Whether it was there. A look-up costs less than a removal, and it finds nothing in the usual request.
fn remove<T: Clone + Send + Sync + 'static>(extensions: &mut Extensions) -> bool {
    extensions.get::<T>().is_some() && extensions.remove::<T>().is_some()
}
