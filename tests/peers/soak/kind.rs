//! The kinds of hostile requests, and what refuses them.

/// A kind of hostile request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Claims of another user under a signature that is not theirs.
    Forged,
    /// A kid that does not exist.
    UnknownKid,
    /// A kid that exists, of another load balancer, which did sign.
    ForeignKid,
    /// The signature of another load balancer of the region, over its own name.
    ForeignSigner,
    Garbage,
    /// No token, and headers that services read as a user.
    Headers,
    /// A good token of a user in the deny list.
    Denied,
    /// Bytes that are no HTTP.
    Bytes,
}

pub const KINDS: [Kind; 8] = [
    Kind::Forged,
    Kind::UnknownKid,
    Kind::ForeignKid,
    Kind::ForeignSigner,
    Kind::Garbage,
    Kind::Headers,
    Kind::Denied,
    Kind::Bytes,
];

impl Kind {
    pub fn name(self) -> &'static str {
        match self {
            Self::Forged => "forged signatures",
            Self::UnknownKid => "unknown kids",
            Self::ForeignKid => "foreign kids that exist",
            Self::ForeignSigner => "another load balancer",
            Self::Garbage => "garbage as a token",
            Self::Headers => "identity headers without a token",
            Self::Denied => "a user who is shut out",
            Self::Bytes => "bytes that are no HTTP",
        }
    }

    /// The statuses of a refusal. 503: the key or the user cannot be looked up.
    pub fn refusals(self) -> &'static [u16] {
        match self {
            Self::Headers | Self::Garbage => &[400, 401, 431],
            Self::Denied => &[401, 403, 503],
            Self::Bytes => &[400, 404, 501, 505],
            _ => &[401, 503],
        }
    }
}
