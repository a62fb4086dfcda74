//! What most likely happened to a rejected token, and its text.

use std::fmt;

use super::time_span::TimeSpan;

/// The length of a load balancer's signature in bytes.
pub(super) const SIGNATURE_LENGTH: usize = 64;

/// What most likely happened, and what to change. `Display` is one or two sentences, without claims
/// and without text of the token.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Hint {
    /// The value has no dot, so it is an access token or a subject.
    NoDot,
    /// The third segment is missing.
    NoSignature,
    /// An encrypted token (JWE).
    Encrypted,
    /// This segment is base64 and not base64url.
    NotUrlSafe(&'static str),
    /// The length of this segment does not fit its padding.
    WrongPadding {
        /// `header`, `payload` or `signature`.
        segment: &'static str,
        /// Its length in characters.
        length: usize,
        /// How many of them are padding.
        padding: usize,
    },
    /// The signature is DER and not `r || s`.
    DerSignature,
    /// The signature has this many bytes instead of 64.
    SignatureLength(usize),
    /// A token that Backstage issued.
    BackstageToken,
    /// A token of AWS Verified Access.
    VerifiedAccessToken,
    /// A token of the identity provider.
    ProviderToken,
    /// The load balancer has the name of a trusted one and another id.
    Recreated,
    /// Another load balancer in the same account and region.
    SameAccount,
    /// A load balancer of this name in another region.
    OtherRegion,
    /// The local emulator.
    Emulator,
    /// A load balancer of another account.
    OtherAccount,
    /// Only one of the two texts ends with a slash.
    Slash {
        /// Whether that is the token's, and not the configuration's.
        in_token: bool,
    },
    /// They differ in letter case.
    LetterCase,
    /// They differ in http and https.
    Scheme,
    /// One is the beginning of the other.
    Prefix,
    /// The token expired this long ago, and was captured earlier.
    Captured(TimeSpan),
    /// The token expired a moment ago, or this machine's clock is ahead.
    ClockAhead {
        /// Since `exp`.
        expired: TimeSpan,
        /// Since the signature.
        ahead: TimeSpan,
    },
    /// This machine's clock is behind by at least this.
    ClockBehind(TimeSpan),
    /// The token lives longer than one of a load balancer.
    LongLived,
    /// The padding was removed after the token was signed.
    PaddingRemoved,
    /// Padding was added after the token was signed.
    PaddingAdded,
    /// The token was changed after it was signed, or another key signed it.
    Changed,
    /// The token has no padding, so its signature is probably invalid.
    PaddingMissing,
}

impl fmt::Display for Hint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoDot => {
                "It contains no dot. Access tokens (x-amzn-oidc-accesstoken) and subjects (x-amzn-oidc-identity) look \
                 like this; the claims are in x-amzn-oidc-data."
            }
            Self::NoSignature => "The signature is missing: it was probably not copied to its end.",
            Self::Encrypted => {
                "Five segments are an encrypted token (JWE). A load balancer's token is signed and has three."
            }
            Self::NotUrlSafe(name) => {
                return write!(f, "The {name} is base64 with '+' and '/'. base64url has '-' and '_' instead.");
            }
            Self::WrongPadding { segment, length, padding } => {
                return write!(
                    f,
                    "The {segment} has {length} characters with {padding} of padding, which base64 never has: it was \
                     probably cut off, or padded by hand."
                );
            }
            Self::DerSignature => {
                "The signature looks like DER. A load balancer writes the 64 raw bytes (RFC 7518 section 3.4)."
            }
            Self::SignatureLength(length) => {
                let reason = if *length < SIGNATURE_LENGTH {
                    "the token was probably not copied to its end"
                } else {
                    "it is not a load balancer's"
                };
                return write!(f, "The signature has {length} bytes instead of 64: {reason}.");
            }
            Self::BackstageToken => {
                "This is a Backstage token, made for Backstage back ends. It belongs in Authorization, not in \
                 x-amzn-oidc-data."
            }
            Self::VerifiedAccessToken => {
                "This looks like a token of AWS Verified Access (x-amzn-ava-user-context), not of a load balancer. This \
                 crate does not accept it."
            }
            Self::ProviderToken => {
                "It has an audience and no signer, so it looks like an ID token or access token of the identity \
                 provider. The load balancer does not forward those in x-amzn-oidc-data; it signs its own token."
            }
            Self::Recreated => {
                "The trusted load balancer of this name has another id: it was probably recreated. Use its current ARN."
            }
            Self::SameAccount => "It is another load balancer in the same account and region.",
            Self::OtherRegion => "It is a load balancer with this name in another region.",
            Self::Emulator => "It is the local emulator, which signs under the account 000000000000.",
            Self::OtherAccount => {
                "It is a load balancer of another account. All accounts of a region share their keys, so a valid \
                 signature does not make it yours."
            }
            Self::Slash { in_token: true } => "The token's ends with a slash, the configuration's does not.",
            Self::Slash { in_token: false } => "The configuration's ends with a slash, the token's does not.",
            Self::LetterCase => "They differ in upper and lower case only; they are compared byte for byte.",
            Self::Scheme => "They differ in http and https only.",
            Self::Prefix => "One is a prefix of the other.",
            Self::Captured(expired) => {
                return write!(
                    f,
                    "It expired {expired} ago. A load balancer signs a new token for every request, so this looks like a \
                     token that was captured earlier rather than a wrong clock. Use one from a new request."
                );
            }
            Self::ClockAhead { expired, ahead } => {
                return write!(
                    f,
                    "It expired {expired} ago. If it is from a request of this minute, this machine's clock is about \
                     {ahead} ahead of the load balancer's."
                );
            }
            Self::ClockBehind(behind) => {
                return write!(
                    f,
                    "This machine's clock is at least {behind} behind the load balancer's, whose tokens are valid for \
                     120 s."
                );
            }
            Self::LongLived => {
                "A load balancer's token is valid for 120 s. This one expires much later, so it is not from a load \
                 balancer, or this machine's clock is far off."
            }
            Self::PaddingRemoved => {
                "With its padding restored the signature is valid. Something on the way removed the '=' (a JWT library, a \
                 proxy, a script), but the load balancer signs them too: pass the header on unchanged."
            }
            Self::PaddingAdded => {
                "Without its padding the signature is valid. Something on the way added '=': pass the header on unchanged."
            }
            Self::Changed => {
                "Header or claims were changed after they were signed, or the signature was made with another key."
            }
            Self::PaddingMissing => {
                "It has no padding. A load balancer pads all three segments with '=' and signs the padding of the first \
                 two. If something on the way removed it (a JWT library, a proxy, a script), the signature is invalid."
            }
        })
    }
}
