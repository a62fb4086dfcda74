//! The claims of a verified token.

use std::{
    fmt,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use serde::{Deserialize, de::DeserializeOwned};
use serde_json::value::RawValue;

use super::{
    Carried, ClearedUser, UserAddress,
    claim_error::{ClaimError, TEXT_OR_TEXTS},
    claim_value::{ClaimValue, find_member},
    claims_parts::{ClaimsParts, Span},
    shared_claims::SharedClaims,
    token_text::TokenText,
};

/// The claims of the identity provider about the user, signed by the load balancer.
///
/// All claims come from verified tokens. A clone counts one reference.
///
/// The claims depend on the provider. Entra ID sends `sub`, `name`, `given_name`, `family_name`,
/// `picture` and, if the scope `email` was requested and granted, `email`; it sends no
/// `email_verified` and no groups. Okta with only the scope `openid` sends only `sub`.
///
/// A claim with the wrong type does not count as missing. `name()`, `email()` and similar methods
/// return `None` for both, since they are for display. Code that makes a decision by a claim reads
/// it by [`text`](Self::text), [`texts`](Self::texts) or [`get`](Self::get), which distinguish the
/// two:
///
/// | the claim | `text`, `texts`, `get` |
/// |---|---|
/// | is missing | `Ok(None)` |
/// | has the requested type | `Ok(Some(..))` |
/// | is null or has another type | `Err(ClaimError)`, which a sign-in policy turns into a refusal by `?` |
///
/// Claims cannot be made from unverified data. Their only constructor is private:
///
/// ```compile_fail,E0624
/// use tower_alb_auth::Claims;
///
/// fn forged(payload: String) -> Claims {
///     Claims::new(payload, Default::default())
/// }
/// ```
#[doc(alias("jwt", "oidc", "cognito", "entra", "id_token", "x-amzn-oidc-data"))]
#[derive(Clone)]
pub struct Claims(pub(super) Arc<SharedClaims>, Option<Carried>, Option<AccessTokenClaims>, Option<Arc<UserAddress>>);

/// The claims of the identity provider's access token, signed by the provider.
///
/// Some providers send roles and groups in the access token alone: Cognito's `cognito:groups`, the
/// roles of Entra ID and Okta. They exist in a request only if the configuration has
/// [`AccessTokens`](crate::config::AccessTokens) for the issuer; then each request has them, and its
/// access token is verified: signature, issuer, client, expiry, and that it belongs to the user of
/// the signed claims.
///
/// A policy and a handler read them by [`Claims::access_token`], a handler also by
/// [`of`](Self::of) and, with the feature `axum`, as an argument.
///
/// Claims cannot be made from unverified data. Their only constructor is private:
///
/// ```compile_fail,E0624
/// use tower_alb_auth::{AccessTokenClaims, Claims};
///
/// fn forged(claims: Claims) -> AccessTokenClaims {
///     AccessTokenClaims::new(claims)
/// }
/// ```
#[doc(alias("jwt", "cognito:groups", "roles", "x-amzn-oidc-accesstoken"))]
#[derive(Clone)]
pub struct AccessTokenClaims(pub(super) Arc<Claims>);

impl Claims {
    pub(crate) fn new(buffer: String, parts: ClaimsParts) -> Self {
        Self(Arc::new(SharedClaims::new(buffer, parts)), None, None, None)
    }

    /// What the deny list remembers of these claims. Clones share it.
    pub(crate) fn cleared(&self) -> &ClearedUser {
        &self.0.cleared
    }

    /// Attaches a value for services that read the claims from a request.
    pub(crate) fn carry(&mut self, carried: Carried) {
        self.1 = Some(carried);
    }

    pub(crate) fn carried(&self) -> Option<&Carried> {
        self.1.as_ref()
    }

    /// The claims of the user's access token, if the configuration verifies it
    /// ([`AccessTokens`](crate::config::AccessTokens)).
    pub fn access_token(&self) -> Option<&AccessTokenClaims> {
        self.2.as_ref()
    }

    #[cfg(any(feature = "https", feature = "test-util"))]
    pub(crate) fn with_access_token(mut self, claims: AccessTokenClaims) -> Self {
        self.2 = Some(claims);
        self
    }

    pub(crate) fn with_address(mut self, address: UserAddress) -> Self {
        self.3 = Some(Arc::new(address));
        self
    }

    /// The address of the user by the sign-in policy. `None` if the policy says nothing about it: then it is the claim `email`.
    pub(crate) fn address(&self) -> Option<&UserAddress> {
        self.3.as_deref()
    }

    /// The issuer, `iss`. It equals the issuer in the configuration.
    pub fn issuer(&self) -> &str {
        self.span(self.0.parts.issuer)
    }

    /// The subject, `sub`: the user's id at this issuer. It is not empty, has at most 255
    /// characters, and has no control characters. It is unique only together with the issuer: see
    /// [`stable_id`](Self::stable_id).
    pub fn subject(&self) -> &str {
        self.span(self.0.parts.subject)
    }

    /// Issuer and subject together: the key under which to store data about a user.
    ///
    /// Only this pair of claims is guaranteed by OpenID Connect to be unique and never reassigned
    /// (OpenID Connect Core 1.0 section 5.7). Email addresses and names may be reassigned to other
    /// users.
    ///
    /// Two user pools of Amazon Cognito are two issuers, also in two regions for one application, and each has another `sub`
    /// for the same user. If users sign in at several pools, then store data under an id that the directory behind them
    /// gives, mapped to an attribute of each pool that users cannot change, such as `custom:employee_id`.
    pub fn stable_id(&self) -> StableId<'_> {
        StableId { issuer: self.issuer(), subject: self.subject() }
    }

    /// The claim `name`, for display.
    pub fn name(&self) -> Option<&str> {
        self.0.parts.name.map(|span| self.span(span))
    }

    /// The claim `given_name`, for display.
    pub fn given_name(&self) -> Option<&str> {
        self.0.parts.given_name.map(|span| self.span(span))
    }

    /// The claim `family_name`, for display.
    pub fn family_name(&self) -> Option<&str> {
        self.0.parts.family_name.map(|span| self.span(span))
    }

    /// The claim `email`, as the provider sent it. Its form is not checked; it may be unverified,
    /// and may be in any domain. `None` also if it is not a text: code that makes a decision by it
    /// reads `text("email")`. If the sign-in policy reads the address from another claim, then
    /// [`Profile::email`](crate::Profile::email) is that address, and this method still the claim `email`.
    pub fn email(&self) -> Option<&str> {
        self.0.parts.email.map(|span| self.span(span))
    }

    /// The claim `email_verified`: true or false, as a boolean (Google, Keycloak) or as a text
    /// (Cognito). Any other value counts as false. `None`: the provider does not send the claim
    /// (Entra ID, Okta).
    pub fn email_verified(&self) -> Option<bool> {
        self.0.parts.email_verified
    }

    /// The claim `picture`: a URL, as the provider sent it. `None` if it is longer than 2,048
    /// characters.
    pub fn picture(&self) -> Option<&str> {
        self.0.parts.picture.map(|span| self.span(span))
    }

    /// The claim `groups`: a list of texts, or one text. Empty if the claim is missing.
    ///
    /// # Errors
    /// The claim has another type: see [`texts`](Self::texts).
    pub fn groups(&self) -> Result<Vec<String>, ClaimError> {
        self.texts("groups").map(Option::unwrap_or_default)
    }

    /// The claim `roles`: a list of texts, or one text. Empty if the claim is missing.
    ///
    /// # Errors
    /// The claim has another type: see [`texts`](Self::texts).
    pub fn roles(&self) -> Result<Vec<String>, ClaimError> {
        self.texts("roles").map(Option::unwrap_or_default)
    }

    /// A claim that is a text, by name. `Ok(None)` if it is missing.
    ///
    /// # Errors
    /// The claim is present, and is null or not a text.
    pub fn text(&self, name: &str) -> Result<Option<String>, ClaimError> {
        self.get(name).map_err(|error| error.expected("a text"))
    }

    /// A claim that is a list of texts, or one text, by name. `Ok(None)` if it is missing.
    ///
    /// # Errors
    /// The claim is present, and is null, neither a text nor a list, or a list with elements that
    /// are not texts.
    pub fn texts(&self, name: &str) -> Result<Option<Vec<String>>, ClaimError> {
        let Some(value) = self.value(name) else { return Ok(None) };
        match value.texts() {
            Some(list) if list.others == 0 => Ok(Some(list.texts)),
            Some(_) => Err(ClaimError::new(name, "a list with elements that are not texts", TEXT_OR_TEXTS)),
            None => Err(ClaimError::new(name, value.kind(), TEXT_OR_TEXTS)),
        }
    }

    /// Any claim, by name: `claims.get::<Vec<u32>>("levels")`. `Ok(None)` if it is missing.
    ///
    /// Each call parses the payload again, so keep the value if it is needed twice.
    ///
    /// # Errors
    /// The claim is present, but has another type. The message names the claim and never its value.
    pub fn get<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, ClaimError> {
        let found = || self.kind(name).unwrap_or("unreadable");
        self.find(name).map_err(|_| ClaimError::other_type(name, found()))
    }

    /// All claims, as the JSON object that was signed: for an application that reads many of them
    /// at once, or displays them. Strict JSON without repeated members.
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

    /// The expiry of the token: the earlier of its two `exp`, without leeway. The load balancer
    /// sets it 120 s ahead and signs a new token for every request, so it applies to this request
    /// only, not to a session.
    pub fn token_expires_at(&self) -> SystemTime {
        // `exp` is at most 253402300799, the last second of the year 9999.
        UNIX_EPOCH.checked_add(Duration::from_secs(self.0.parts.expires_at)).unwrap_or(UNIX_EPOCH)
    }

    /// Whether the subject is the constant that Azure AD B2C sends for every user if the user flow
    /// is not configured to send a subject. It would make all of them one user.
    pub(crate) fn has_subject_of_all_users(&self) -> bool {
        self.subject().eq_ignore_ascii_case("Not supported currently. Use oid claim.")
    }

    /// The token as received. `None` for claims without a token, which exist in tests only.
    pub(crate) fn token(&self) -> Option<Vec<u8>> {
        self.0.token().map(TokenText::to_vec)
    }

    /// The whole payload, which was checked to be strict JSON.
    pub(crate) fn payload(&self) -> &str {
        self.span(self.0.parts.payload)
    }

    /// Number of bytes on the heap, for the limits of caches.
    pub(crate) fn weight(&self) -> usize {
        let address = match self.address() {
            Some(UserAddress::Known(text) | UserAddress::Unusable(text)) => text.len(),
            Some(UserAddress::Missing) | None => 0,
        };
        self.0.heap_size().saturating_add(address)
    }

    /// The claim `email`, for policies.
    ///
    /// # Errors
    /// The claim is present, and is null or not a text.
    pub(crate) fn email_text(&self) -> Result<Option<&str>, ClaimError> {
        if self.0.parts.email_is_not_text {
            let found = self.kind("email").unwrap_or("unreadable");
            return Err(ClaimError::new("email", found, "a text"));
        }
        Ok(self.email())
    }

    /// The type of a claim, for messages: `a text`, `null`, ... `None` if it is missing. Never its
    /// value.
    pub(crate) fn kind(&self, name: &str) -> Option<&'static str> {
        self.value(name).map(ClaimValue::kind)
    }

    /// The value of a claim, of any type. `None` if it is missing.
    pub(crate) fn value(&self, name: &str) -> Option<ClaimValue<'_>> {
        self.find::<&RawValue>(name).ok().flatten().map(ClaimValue::new)
    }

    fn find<'c, T: Deserialize<'c>>(&'c self, name: &str) -> Result<Option<T>, serde_json::Error> {
        find_member(self.payload(), name)
    }

    fn span(&self, span: Span) -> &str {
        self.0.span(span)
    }
}

impl AsRef<Claims> for Claims {
    fn as_ref(&self) -> &Claims {
        self
    }
}

impl fmt::Debug for Claims {
    /// Shows issuer and subject, never the token, the email or other claims.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Claims")
            .field("issuer", &self.issuer())
            .field("subject", &self.subject())
            .finish_non_exhaustive()
    }
}

/// Issuer and subject: the permanent id of a user. See [`Claims::stable_id`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StableId<'a> {
    /// The issuer, `iss`.
    pub issuer: &'a str,
    /// The subject, `sub`.
    pub subject: &'a str,
}
