//! The claims of a verified token.

use std::{
    borrow::Cow,
    fmt,
    marker::PhantomData,
    ops::Range,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use serde::{
    Deserialize,
    de::{DeserializeOwned, Deserializer, IgnoredAny, MapAccess, Visitor},
};

use super::Carried;

/// What the identity provider said of the user, as signed by the load balancer.
///
/// There are only claims of verified tokens. A clone counts one reference.
///
/// Which claims are there depends on the provider: Entra ID sends `sub`, `name`, `given_name`, `family_name`, `picture` and,
/// where the scope `email` was asked for and granted, `email`; it sends no `email_verified` and no groups. Okta with the
/// scope `openid` alone sends `sub` and nothing else.
#[derive(Clone)]
pub struct Claims(Arc<Inner>, Option<Carried>);

struct Inner {
    /// The token as received, then its decoded payload, then texts that stood escaped in the payload.
    buffer: String,
    parts: ClaimsParts,
}

/// Where the claims are in the buffer.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct ClaimsParts {
    pub(crate) token: Span,
    pub(crate) payload: Span,
    pub(crate) issuer: Span,
    pub(crate) subject: Span,
    pub(crate) name: Option<Span>,
    pub(crate) given_name: Option<Span>,
    pub(crate) family_name: Option<Span>,
    pub(crate) email: Option<Span>,
    pub(crate) picture: Option<Span>,
    pub(crate) email_verified: Option<bool>,
    pub(crate) expires_at: u64,
}

/// A range of bytes, small enough to copy about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Span {
    start: u32,
    length: u32,
}

impl Span {
    /// `None` beyond 4 GiB, which no header reaches.
    pub(crate) fn new(start: usize, length: usize) -> Option<Self> {
        Some(Self { start: start.try_into().ok()?, length: length.try_into().ok()? })
    }

    pub(crate) fn range(self) -> Range<usize> {
        let start = self.start as usize;
        start..start.saturating_add(self.length as usize)
    }
}

impl Claims {
    pub(crate) fn new(buffer: String, parts: ClaimsParts) -> Self {
        Self(Arc::new(Inner { buffer, parts }), None)
    }

    /// With this along, for those who find the claims in a request.
    pub(crate) fn carry(&mut self, carried: Carried) {
        self.1 = Some(carried);
    }

    pub(crate) fn carried(&self) -> Option<&Carried> {
        self.1.as_ref()
    }

    /// The claims of a request that the layer let in, whatever the sign-in policy: from its identity where it has one.
    ///
    /// With `ClaimsOnly` they stand in the extensions by themselves; else inside the
    /// [`BackstageIdentity`](crate::BackstageIdentity), which keeps a request to one allocation.
    pub fn of(extensions: &http::Extensions) -> Option<&Self> {
        extensions.get::<super::BackstageIdentity>().map(super::BackstageIdentity::claims).or_else(|| extensions.get())
    }

    /// The issuer, `iss`: exactly the one in the configuration.
    pub fn issuer(&self) -> &str {
        self.text(self.0.parts.issuer)
    }

    /// The subject, `sub`: the user's id at this issuer. Not empty, 255 characters at most, without control characters.
    /// Unique only together with the issuer: see [`stable_id`](Self::stable_id).
    pub fn subject(&self) -> &str {
        self.text(self.0.parts.subject)
    }

    /// Issuer and subject together: the key under which to store things about a user.
    ///
    /// It is the only pair of claims that OpenID Connect promises to be unique and never given to somebody else (OpenID
    /// Connect Core 1.0 section 5.7). Email addresses and names change hands.
    pub fn stable_id(&self) -> StableId<'_> {
        StableId { issuer: self.issuer(), subject: self.subject() }
    }

    /// The claim `name`, for showing.
    pub fn name(&self) -> Option<&str> {
        self.0.parts.name.map(|span| self.text(span))
    }

    /// The claim `given_name`, for showing.
    pub fn given_name(&self) -> Option<&str> {
        self.0.parts.given_name.map(|span| self.text(span))
    }

    /// The claim `family_name`, for showing.
    pub fn family_name(&self) -> Option<&str> {
        self.0.parts.family_name.map(|span| self.text(span))
    }

    /// The claim `email`, as the provider sent it: not checked for form, perhaps not verified, and perhaps of another domain.
    pub fn email(&self) -> Option<&str> {
        self.0.parts.email.map(|span| self.text(span))
    }

    /// The claim `email_verified`: true or false, as a boolean (Google, Keycloak) or as a text (Cognito). Anything else that
    /// stands there counts as false; `None` is a provider that says nothing (Entra ID, Okta).
    pub fn email_verified(&self) -> Option<bool> {
        self.0.parts.email_verified
    }

    /// The claim `picture`: a URL, as the provider sent it. Left out where it is longer than 2,048 characters.
    pub fn picture(&self) -> Option<&str> {
        self.0.parts.picture.map(|span| self.text(span))
    }

    /// The claim `groups`, where the provider sends it as a list of texts or as one text; else empty.
    pub fn groups(&self) -> Vec<String> {
        self.texts("groups")
    }

    /// The claim `roles`, where the provider sends it as a list of texts or as one text; else empty.
    pub fn roles(&self) -> Vec<String> {
        self.texts("roles")
    }

    /// Any claim, by name: `claims.get::<String>("custom:team")`. `Ok(None)` where there is none.
    ///
    /// Reads the payload anew on each call: keep the value rather than asking twice.
    ///
    /// # Errors
    /// The claim is there, but not of that type. The message names the claim and never its value.
    pub fn get<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, ClaimError> {
        let mut reader = serde_json::Deserializer::from_str(self.payload());
        reader
            .deserialize_map(OneMember { name, value: PhantomData })
            .map_err(|_| ClaimError { claim: name.to_owned() })
    }

    /// All claims, as the JSON object that was signed: for an application that reads many of them at once, or shows them.
    /// Strict JSON, no member twice.
    ///
    /// ```
    /// # #[cfg(feature = "test-util")] {
    /// use tower_alb_auth::{BackstageIdentity, test_util::User};
    ///
    /// #[derive(serde::Deserialize)]
    /// struct Staff {
    ///     sub: String,
    ///     #[serde(rename = "custom:team")]
    ///     team: Option<String>,
    /// }
    ///
    /// let jane = BackstageIdentity::builder("user:default/jane").claims(User::cognito("jane")).build()?;
    /// let staff: Staff = serde_json::from_str(jane.claims().as_json())?;
    /// assert_eq!((staff.sub.as_str(), staff.team.as_deref()), (jane.claims().subject(), Some("platform")));
    /// # }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn as_json(&self) -> &str {
        self.text(self.0.parts.payload)
    }

    /// When the token ends: the earlier of its two `exp`, without leeway. The load balancer sets it 120 s ahead and signs a
    /// new one for every request, so it bounds this request and nothing longer.
    pub fn token_expires_at(&self) -> SystemTime {
        // `exp` is at most 253402300799, the last second of the year 9999.
        UNIX_EPOCH.checked_add(Duration::from_secs(self.0.parts.expires_at)).unwrap_or(UNIX_EPOCH)
    }

    /// The token as received; empty for claims that came without one, which only tests have.
    pub(crate) fn token(&self) -> &[u8] {
        self.text(self.0.parts.token).as_bytes()
    }

    /// The whole payload, already checked to be strict JSON.
    pub(crate) fn payload(&self) -> &str {
        self.text(self.0.parts.payload)
    }

    /// Bytes on the heap, for the caches' bounds.
    pub(crate) fn weight(&self) -> usize {
        self.0.buffer.capacity().saturating_add(size_of::<Inner>())
    }

    /// A claim that is a text or a list of texts.
    pub(crate) fn texts(&self, claim: &str) -> Vec<String> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Texts {
            One(String),
            Many(Vec<String>),
        }
        match self.get::<Texts>(claim) {
            Ok(Some(Texts::One(text))) => vec![text],
            Ok(Some(Texts::Many(texts))) => texts,
            Ok(None) | Err(_) => Vec::new(),
        }
    }

    fn text(&self, span: Span) -> &str {
        self.0.buffer.get(span.range()).unwrap_or_default()
    }
}

impl AsRef<Claims> for Claims {
    fn as_ref(&self) -> &Claims {
        self
    }
}

impl fmt::Debug for Claims {
    /// Issuer and subject; never the token, the email or other claims.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Claims")
            .field("issuer", &self.issuer())
            .field("subject", &self.subject())
            .finish_non_exhaustive()
    }
}

/// Issuer and subject: who the user is, for good. See [`Claims::stable_id`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StableId<'a> {
    /// The issuer, `iss`.
    pub issuer: &'a str,
    /// The subject, `sub`.
    pub subject: &'a str,
}

/// A claim that is there, but not of the type asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ClaimError {
    claim: String,
}

impl ClaimError {
    /// The name of the claim.
    pub fn claim(&self) -> &str {
        &self.claim
    }
}

impl fmt::Display for ClaimError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the claim {:?} is not of the type asked for", self.claim)
    }
}

impl std::error::Error for ClaimError {}

/// Picks one member out of an object that is known to be sound.
struct OneMember<'n, T> {
    name: &'n str,
    value: PhantomData<T>,
}

impl<'de, T: Deserialize<'de>> Visitor<'de> for OneMember<'_, T> {
    type Value = Option<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
        let mut found = None;
        while let Some(key) = members.next_key::<Cow<'de, str>>()? {
            if found.is_none() && key == self.name {
                found = Some(members.next_value()?);
            } else {
                members.next_value::<IgnoredAny>()?;
            }
        }
        Ok(found)
    }
}
