//! The address of a user by the sign-in policy.

use std::fmt;

/// The address of a user, read as the sign-in policy reads it.
#[derive(Clone)]
pub(crate) enum UserAddress {
    Known(Box<str>),
    Missing,
    /// For the operator: why the claim cannot be used. Never its value.
    Unusable(Box<str>),
}

impl fmt::Debug for UserAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Known(_) => "Known(..)",
            Self::Missing => "Missing",
            Self::Unusable(_) => "Unusable(..)",
        })
    }
}
