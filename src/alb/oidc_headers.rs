//! The three headers that a load balancer adds, and headers whose names look like theirs.

use http::{HeaderMap, HeaderName, HeaderValue};

use super::TraceId;

/// The signed claims.
pub(crate) const DATA: HeaderName = HeaderName::from_static("x-amzn-oidc-data");
/// The subject, not signed.
pub(crate) const IDENTITY: HeaderName = HeaderName::from_static("x-amzn-oidc-identity");
/// The provider's access token, not signed.
pub(crate) const ACCESS_TOKEN: HeaderName = HeaderName::from_static("x-amzn-oidc-accesstoken");

const PREFIX: &[u8] = b"x-amzn-oidc-";

/// The headers of a load balancer in a request.
pub(crate) struct OidcHeaders<'h> {
    pub(crate) data: Values<'h>,
    pub(crate) identity: Values<'h>,
    pub(crate) access_token: Values<'h>,
    /// Whether there is a look-alike: a header that is not one of the three and has the prefix, with every character that is not a
    /// letter or digit treated as a hyphen. Servers fold `x_amzn_oidc_data` and `x.amzn.oidc.data` into the same variable.
    others: bool,
    all: &'h HeaderMap,
}

/// The values of one header.
#[derive(Clone, Copy)]
pub(crate) enum Values<'h> {
    None,
    One(&'h HeaderValue),
    Several {
        first: &'h HeaderValue,
        /// Whether all values are equal to the first.
        equal: bool,
    },
}

/// [`Values`] that outlive the request's headers.
pub(crate) enum OwnedValues {
    None,
    One(HeaderValue),
    Several { first: HeaderValue, equal: bool },
}

impl OwnedValues {
    pub(crate) fn of(values: Values<'_>) -> Self {
        match values {
            Values::None => Self::None,
            Values::One(value) => Self::One(value.clone()),
            Values::Several { first, equal } => Self::Several { first: first.clone(), equal },
        }
    }

    pub(crate) fn values(&self) -> Values<'_> {
        match self {
            Self::None => Values::None,
            Self::One(value) => Values::One(value),
            Self::Several { first, equal } => Values::Several { first, equal: *equal },
        }
    }
}

/// Which headers have to be removed.
#[derive(Clone, Copy)]
pub(crate) struct ToStrip {
    data: bool,
    identity: bool,
    access_token: bool,
    others: bool,
}

impl<'h> OidcHeaders<'h> {
    /// Scans all headers once. Only the exact names count; look-alikes (`x_amzn_oidc_data`, `x.amzn.oidc.data`) are
    /// noted for removal.
    pub(crate) fn scan(headers: &'h HeaderMap) -> Self {
        let none = Values::None;
        let mut found = Self { data: none, identity: none, access_token: none, others: false, all: headers };
        for (name, value) in headers {
            let name = name.as_str().as_bytes();
            // Most headers end here.
            if name.first() != PREFIX.first() {
                continue;
            }
            match name {
                b"x-amzn-oidc-data" => found.data = found.data.and(value),
                b"x-amzn-oidc-identity" => found.identity = found.identity.and(value),
                b"x-amzn-oidc-accesstoken" => found.access_token = found.access_token.and(value),
                other => found.others |= has_prefix(other),
            }
        }
        found
    }

    pub(crate) fn trace_id(&self) -> TraceId<'h> {
        TraceId::In(self.all)
    }

    pub(crate) fn to_strip(&self) -> ToStrip {
        let is_present = |values| !matches!(values, Values::None);
        ToStrip {
            data: is_present(self.data),
            identity: is_present(self.identity),
            access_token: is_present(self.access_token),
            others: self.others,
        }
    }
}

impl<'h> Values<'h> {
    fn and(self, value: &'h HeaderValue) -> Self {
        match self {
            Self::None => Self::One(value),
            Self::One(first) => Self::Several { first, equal: first == value },
            Self::Several { first, equal } => Self::Several { first, equal: equal && first == value },
        }
    }
}

impl ToStrip {
    /// Removes every header with the prefix, look-alikes included.
    pub(crate) fn strip_all(self, headers: &mut HeaderMap) {
        for (name, is_present) in [(&DATA, self.data), (&IDENTITY, self.identity), (&ACCESS_TOKEN, self.access_token)] {
            if is_present {
                headers.remove(name);
            }
        }
        self.strip_others(headers);
    }

    /// Removes the look-alikes, and marks the three headers as sensitive to keep them out of logs.
    pub(crate) fn strip_look_alikes(self, headers: &mut HeaderMap) {
        self.strip_others(headers);
        // Not `entry`: it reserves room for another header and panics if the map is full.
        let kept = headers.iter_mut().filter(|(name, _)| [DATA, IDENTITY, ACCESS_TOKEN].contains(name));
        kept.for_each(|(_, value)| value.set_sensitive(true));
    }

    fn strip_others(self, headers: &mut HeaderMap) {
        if !self.others {
            return;
        }
        let others: Vec<HeaderName> = headers
            .keys()
            .filter(|name| has_prefix(name.as_str().as_bytes()) && ![DATA, IDENTITY, ACCESS_TOKEN].contains(name))
            .cloned()
            .collect();
        for name in others {
            headers.remove(name);
        }
    }
}

/// Removes every header of a load balancer and every look-alike.
#[cfg(any(feature = "emulator", feature = "backstage", feature = "proxy"))]
pub(crate) fn strip_oidc_headers(headers: &mut HeaderMap) {
    let found = OidcHeaders::scan(headers).to_strip();
    found.strip_all(headers);
}

/// Removes `x-amzn-oidc-identity` unless every value is the signed subject. A difference that the
/// settings tolerate is still not forwarded.
pub(crate) fn strip_other_identities(headers: &mut HeaderMap, subject: &str) {
    if headers.get_all(IDENTITY).iter().any(|value| value.as_bytes() != subject.as_bytes()) {
        headers.remove(IDENTITY);
    }
}

/// Header names are lower case already.
#[inline]
fn has_prefix(name: &[u8]) -> bool {
    let Some((start, _)) = name.split_first_chunk::<{ PREFIX.len() }>() else { return false };
    start.iter().zip(PREFIX).all(|(byte, prefix)| byte == prefix || (*prefix == b'-' && !byte.is_ascii_alphanumeric()))
}
