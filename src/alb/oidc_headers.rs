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

/// The headers of a load balancer, removed from a request.
pub(crate) struct TakenHeaders {
    data: Option<HeaderValue>,
    identity: Option<HeaderValue>,
    access_token: Option<HeaderValue>,
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
#[derive(Clone, Copy, Default)]
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

impl TakenHeaders {
    /// Removes every header with the prefix, look-alikes included. `None`, and nothing is removed, if any header of the
    /// request has several values: [`OidcHeaders::scan`] tells such values apart.
    ///
    /// Reads the names alone, and gets each value by its removal, which costs less than to look at all values first.
    pub(crate) fn take(headers: &mut HeaderMap) -> Option<Self> {
        if headers.len() != headers.keys_len() {
            return None;
        }
        let mut found = ToStrip::default();
        for name in headers.keys() {
            let name = name.as_str().as_bytes();
            // Most headers end here.
            if name.first() != PREFIX.first() {
                continue;
            }
            match name {
                b"x-amzn-oidc-data" => found.data = true,
                b"x-amzn-oidc-identity" => found.identity = true,
                b"x-amzn-oidc-accesstoken" => found.access_token = true,
                other => found.others |= has_prefix(other),
            }
        }
        let mut take = |name, is_present| if is_present { headers.remove(name) } else { None };
        let taken = Self {
            data: take(&DATA, found.data),
            identity: take(&IDENTITY, found.identity),
            access_token: take(&ACCESS_TOKEN, found.access_token),
        };
        found.strip_others(headers);
        Some(taken)
    }

    /// What was removed, with the other headers of the request.
    pub(crate) fn headers<'h>(&'h self, others: &'h HeaderMap) -> OidcHeaders<'h> {
        let value = |value: &'h Option<HeaderValue>| value.as_ref().map_or(Values::None, Values::One);
        let [data, identity, access_token] = [&self.data, &self.identity, &self.access_token].map(value);
        OidcHeaders { data, identity, access_token, others: false, all: others }
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

#[cfg(test)]
mod tests {
    use super::*;

    /// A server that folds names may read each name with another character in place of a hyphen as the load balancer's.
    #[test]
    fn s_03_a_look_alike_has_any_character_that_is_no_letter_or_digit_for_a_hyphen() {
        for (place, byte) in (0..PREFIX.len()).flat_map(|place| (0..=u8::MAX).map(move |byte| (place, byte))) {
            let mut name = b"x-amzn-oidc-data".to_vec();
            let of_prefix = std::mem::replace(&mut name[place], byte);
            let stands_for_hyphen = of_prefix == b'-' && !byte.is_ascii_alphanumeric();
            assert_eq!(has_prefix(&name), byte == of_prefix || stands_for_hyphen, "{}", name.escape_ascii());
        }
        assert!(has_prefix(b"x.amzn_oidc~") && !has_prefix(b"x-amzn-oidc") && !has_prefix(b""));
    }

    #[test]
    fn several_values_are_equal_if_all_are() {
        let values: Vec<HeaderValue> = ["a", "b"].map(HeaderValue::from_static).into();
        for (order, expected) in [
            (vec![0, 0], true),
            (vec![0, 1], false),
            (vec![0, 0, 0], true),
            (vec![0, 0, 1], false),
            (vec![0, 1, 0], false),
            (vec![0, 1, 1], false),
        ] {
            let all = order.iter().fold(Values::None, |all, index| all.and(&values[*index]));
            let Values::Several { first, equal } = all else { panic!("{order:?}") };
            assert_eq!((first, equal), (&values[0], expected), "{order:?}");
        }
    }

    const REQUEST: [(&str, &str); 7] = [
        ("x-amzn-oidc-data", "t"),
        ("x-amzn-oidc-identity", "jane"),
        ("x-amzn-oidc-accesstoken", "a"),
        ("x_amzn_oidc_data", "t"),
        ("x.amzn-oidc.identity", "jane"),
        ("x-amzn-trace-id", "Root=1"),
        ("accept", "*/*"),
    ];

    fn headers(kept: &[usize]) -> HeaderMap {
        let header = |index: &usize| {
            let (name, value) = REQUEST[*index];
            (HeaderName::from_static(name), HeaderValue::from_static(value))
        };
        kept.iter().map(header).collect()
    }

    /// Every set of these headers.
    #[test]
    fn s_03_what_is_removed_is_what_has_the_prefix() {
        for set in 0..1 << REQUEST.len() {
            let present: Vec<usize> = (0..REQUEST.len()).filter(|index| set >> index & 1 == 1).collect();
            let without = |removed: std::ops::Range<usize>| {
                headers(&present.iter().copied().filter(|index| !removed.contains(index)).collect::<Vec<_>>())
            };
            let to_strip = OidcHeaders::scan(&headers(&present)).to_strip();

            let mut stripped = headers(&present);
            to_strip.strip_all(&mut stripped);
            assert_eq!(stripped, without(0..5), "{present:?}");

            let mut stripped = headers(&present);
            let taken = TakenHeaders::take(&mut stripped).expect("one value each");
            assert_eq!(stripped, without(0..5), "{present:?}");
            let all = headers(&present);
            let (taken, scanned) = (taken.headers(&stripped), OidcHeaders::scan(&all));
            let values = |found: &OidcHeaders<'_>| [found.data, found.identity, found.access_token].map(only_value);
            assert_eq!(values(&taken), values(&scanned), "{present:?}");
            #[cfg(any(feature = "emulator", feature = "backstage", feature = "proxy"))]
            {
                let mut stripped = headers(&present);
                strip_oidc_headers(&mut stripped);
                assert_eq!(stripped, without(0..5), "{present:?}");
            }

            let mut stripped = headers(&present);
            to_strip.strip_look_alikes(&mut stripped);
            assert_eq!(stripped, without(3..5), "{present:?}");
            for (name, value) in &stripped {
                assert_eq!(value.is_sensitive(), has_prefix(name.as_str().as_bytes()), "{name} is kept out of logs");
            }
        }
    }

    fn only_value(values: Values<'_>) -> Option<HeaderValue> {
        match values {
            Values::None => None,
            Values::One(value) => Some(value.clone()),
            Values::Several { .. } => panic!("several"),
        }
    }

    /// A second value, which `remove` would drop unseen.
    #[test]
    fn s_02_nothing_is_taken_if_a_header_has_several_values() {
        for (name, value) in REQUEST {
            let mut twice = headers(&[0, 1, 2, 3, 4, 5, 6]);
            twice.append(name, HeaderValue::from_static(value));
            let before = twice.clone();
            assert!(TakenHeaders::take(&mut twice).is_none(), "{name}");
            assert_eq!(twice, before, "{name}");
        }
    }

    #[test]
    fn s_04_an_identity_is_removed_unless_each_value_is_the_subject() {
        for (values, is_kept) in [
            (vec!["jane"], true),
            (vec!["jane", "jane"], true),
            (vec!["Jane"], false),
            (vec!["jane", "john"], false),
            (vec!["john", "jane"], false),
            (vec![""], false),
        ] {
            let mut headers: HeaderMap =
                values.iter().map(|value| (IDENTITY, HeaderValue::from_static(value))).collect();
            strip_other_identities(&mut headers, "jane");
            assert_eq!(headers.len(), if is_kept { values.len() } else { 0 }, "{values:?}");
        }
    }
}
