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
use serde_json::value::RawValue;

use super::Carried;

/// What the identity provider said of the user, as signed by the load balancer.
///
/// There are only claims of verified tokens. A clone counts one reference.
///
/// Which claims are there depends on the provider: Entra ID sends `sub`, `name`, `given_name`, `family_name`, `picture` and,
/// where the scope `email` was asked for and granted, `email`; it sends no `email_verified` and no groups. Okta with the
/// scope `openid` alone sends `sub` and nothing else.
///
/// A claim that is there with the wrong type is not a missing one. `name()`, `email()` and their like are `None` for both: they
/// are for showing. Code that decides by a claim reads it by [`text`](Self::text), [`texts`](Self::texts) or
/// [`get`](Self::get), which tell the two apart:
///
/// | the claim | `text`, `texts`, `get` |
/// |---|---|
/// | is missing | `Ok(None)` |
/// | is of the type asked for | `Ok(Some(..))` |
/// | is null or of another type | `Err(ClaimError)`, which a sign-in policy turns into a refusal by `?` |
#[doc(alias("jwt", "id_token", "x-amzn-oidc-data"))]
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
    /// It is there, and is not a text.
    pub(crate) email_is_no_text: bool,
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
        self.span(self.0.parts.issuer)
    }

    /// The subject, `sub`: the user's id at this issuer. Not empty, 255 characters at most, without control characters.
    /// Unique only together with the issuer: see [`stable_id`](Self::stable_id).
    pub fn subject(&self) -> &str {
        self.span(self.0.parts.subject)
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
        self.0.parts.name.map(|span| self.span(span))
    }

    /// The claim `given_name`, for showing.
    pub fn given_name(&self) -> Option<&str> {
        self.0.parts.given_name.map(|span| self.span(span))
    }

    /// The claim `family_name`, for showing.
    pub fn family_name(&self) -> Option<&str> {
        self.0.parts.family_name.map(|span| self.span(span))
    }

    /// The claim `email`, as the provider sent it: not checked for form, perhaps not verified, and perhaps of another domain.
    /// `None` also where it is not a text: code that decides by it reads `text("email")`.
    pub fn email(&self) -> Option<&str> {
        self.0.parts.email.map(|span| self.span(span))
    }

    /// The claim `email_verified`: true or false, as a boolean (Google, Keycloak) or as a text (Cognito). Anything else that
    /// stands there counts as false; `None` is a provider that says nothing (Entra ID, Okta).
    pub fn email_verified(&self) -> Option<bool> {
        self.0.parts.email_verified
    }

    /// The claim `picture`: a URL, as the provider sent it. Left out where it is longer than 2,048 characters.
    pub fn picture(&self) -> Option<&str> {
        self.0.parts.picture.map(|span| self.span(span))
    }

    /// The claim `groups`: a list of texts, or one text. Empty where it is missing.
    ///
    /// # Errors
    /// The claim is neither: see [`texts`](Self::texts).
    pub fn groups(&self) -> Result<Vec<String>, ClaimError> {
        self.texts("groups").map(Option::unwrap_or_default)
    }

    /// The claim `roles`: a list of texts, or one text. Empty where it is missing.
    ///
    /// # Errors
    /// The claim is neither: see [`texts`](Self::texts).
    pub fn roles(&self) -> Result<Vec<String>, ClaimError> {
        self.texts("roles").map(Option::unwrap_or_default)
    }

    /// A claim that is a text, by name. `Ok(None)` where it is missing.
    ///
    /// # Errors
    /// The claim is there, and is null or not a text.
    pub fn text(&self, name: &str) -> Result<Option<String>, ClaimError> {
        self.get(name).map_err(|error| error.expected("a text"))
    }

    /// A claim that is a list of texts, or one text, by name. `Ok(None)` where it is missing.
    ///
    /// # Errors
    /// The claim is there, and is null, neither a text nor a list, or a list with elements that are not texts.
    pub fn texts(&self, name: &str) -> Result<Option<Vec<String>>, ClaimError> {
        match self.text_list(name)? {
            Some(TextList { others: 1.., .. }) => Err(ClaimError {
                claim: name.to_owned(),
                found: "a list with elements that are not texts",
                expected: Some(TEXT_OR_TEXTS),
            }),
            list => Ok(list.map(|list| list.texts)),
        }
    }

    /// Any claim, by name: `claims.get::<Vec<u32>>("levels")`. `Ok(None)` where it is missing.
    ///
    /// Reads the payload anew on each call: keep the value rather than asking twice.
    ///
    /// # Errors
    /// The claim is there, but not of that type. The message names the claim and never its value.
    pub fn get<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, ClaimError> {
        let found = || self.kind(name).unwrap_or("unreadable");
        self.find(name).map_err(|_| ClaimError { claim: name.to_owned(), found: found(), expected: None })
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
        self.span(self.0.parts.payload)
    }

    /// When the token ends: the earlier of its two `exp`, without leeway. The load balancer sets it 120 s ahead and signs a
    /// new one for every request, so it bounds this request and nothing longer.
    pub fn token_expires_at(&self) -> SystemTime {
        // `exp` is at most 253402300799, the last second of the year 9999.
        UNIX_EPOCH.checked_add(Duration::from_secs(self.0.parts.expires_at)).unwrap_or(UNIX_EPOCH)
    }

    /// Whether the subject is the constant that Azure AD B2C sends for every user of a user flow that is not set to send one: it
    /// would make all of them one user, and is no key to store anything under.
    pub(crate) fn has_subject_of_all_users(&self) -> bool {
        self.subject().eq_ignore_ascii_case("Not supported currently. Use oid claim.")
    }

    /// The token as received; empty for claims that came without one, which only tests have.
    pub(crate) fn token(&self) -> &[u8] {
        self.span(self.0.parts.token).as_bytes()
    }

    /// The whole payload, already checked to be strict JSON.
    pub(crate) fn payload(&self) -> &str {
        self.span(self.0.parts.payload)
    }

    /// Bytes on the heap, for the caches' bounds.
    pub(crate) fn weight(&self) -> usize {
        self.0.buffer.capacity().saturating_add(size_of::<Inner>())
    }

    /// The claim `email`, for policies.
    ///
    /// # Errors
    /// The claim is there, and is null or not a text.
    pub(crate) fn email_text(&self) -> Result<Option<&str>, ClaimError> {
        if self.0.parts.email_is_no_text {
            let found = self.kind("email").unwrap_or("unreadable");
            return Err(ClaimError { claim: "email".to_owned(), found, expected: Some("a text") });
        }
        Ok(self.email())
    }

    /// What a claim is, for messages: `a text`, `null`, ... `None` where it is missing. Never what it says.
    pub(crate) fn kind(&self, name: &str) -> Option<&'static str> {
        let value = self.find::<&RawValue>(name).ok()??;
        // Numbers are the only values that do not begin with a character of their own.
        Some(match value.get().bytes().next()? {
            b'"' => "a text",
            b't' | b'f' => "a boolean",
            b'n' => "null",
            b'[' => "a list",
            b'{' => "an object",
            _ => "a number",
        })
    }

    /// A claim that is a text or a list of texts.
    pub(crate) fn text_list(&self, name: &str) -> Result<Option<TextList>, ClaimError> {
        let wrong = |found| ClaimError { claim: name.to_owned(), found, expected: Some(TEXT_OR_TEXTS) };
        let Some(value) = self.find::<&RawValue>(name).ok().flatten() else { return Ok(None) };
        if let Ok(text) = serde_json::from_str(value.get()) {
            return Ok(Some(TextList { texts: vec![text], others: 0 }));
        }
        let elements: Vec<&RawValue> =
            serde_json::from_str(value.get()).map_err(|_| wrong(self.kind(name).unwrap_or("unreadable")))?;
        let texts: Vec<String> =
            elements.iter().filter_map(|element| serde_json::from_str(element.get()).ok()).collect();
        Ok(Some(TextList { others: elements.len().saturating_sub(texts.len()), texts }))
    }

    fn find<'c, T: Deserialize<'c>>(&'c self, name: &str) -> Result<Option<T>, serde_json::Error> {
        let mut reader = serde_json::Deserializer::from_str(self.payload());
        reader.deserialize_map(OneMember { name, value: PhantomData })
    }

    fn span(&self, span: Span) -> &str {
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

/// The texts of a claim that is a text or a list.
pub(crate) struct TextList {
    pub(crate) texts: Vec<String>,
    /// How many elements are not texts.
    pub(crate) others: usize,
}

const TEXT_OR_TEXTS: &str = "a text or a list of texts";

/// A claim that is there, but not of the type asked for. A missing claim is no error.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ClaimError {
    claim: String,
    found: &'static str,
    expected: Option<&'static str>,
}

impl ClaimError {
    /// The name of the claim.
    pub fn claim(&self) -> &str {
        &self.claim
    }

    /// What the claim is: `null`, `a number`, `a list`, ... Never what it says.
    pub fn found(&self) -> &str {
        self.found
    }

    fn expected(self, expected: &'static str) -> Self {
        Self { expected: Some(expected), ..self }
    }
}

impl fmt::Display for ClaimError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { claim, found, expected } = self;
        let claim = claim.escape_debug();
        match expected {
            Some(expected) => write!(f, "the claim {claim} is {found}, not {expected}"),
            None => write!(f, "the claim {claim} is {found}, which is not of the type asked for"),
        }
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
