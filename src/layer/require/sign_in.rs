//! Demands a user.

use super::{Require, demand::Demand};

/// Lets nobody through without a user: 401. For the parts of an application under an
/// [optional](crate::AlbAuthLayer::optional) layer that are not public.
///
/// ```
/// use tower_alb_auth::RequireSignIn;
///
/// let members_only = RequireSignIn::new();
/// # let _ = members_only;
/// ```
#[derive(Debug, Clone, Copy)]
pub struct RequireSignIn;

impl RequireSignIn {
    /// Demands a user, named by the sign-in policy or not.
    #[expect(clippy::new_ret_no_self, reason = "what is demanded has one type, whatever it is")]
    pub fn new() -> Require {
        Require::new(Demand::SignIn)
    }
}
