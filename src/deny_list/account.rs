//! The account of a sign-in, for a comparison without its claims.

/// What entries by subject and email are compared with, of a user who signed in at another replica.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Account {
    pub(crate) issuer: String,
    pub(crate) subject: String,
    /// The claim `email`, and those that the sign-in policy reads the address from. `None` if one cannot be read.
    pub(crate) emails: Option<Vec<String>>,
}
