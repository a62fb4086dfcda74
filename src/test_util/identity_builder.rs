//! Identities without a token, for tests of a handler alone.

use serde_json::Value;

use super::User;
use crate::{
    AccessTokenClaims, BackstageIdentity, Claims, EntityRef, EntityRefError,
    internal::{ClaimsParts, Span, signer::to_json},
    sign_in::SignIn,
};

const ISSUER: &str = "https://idp.example.com";

impl BackstageIdentity {
    /// An identity for the test of a handler without a layer. Put it into the request's extensions.
    ///
    /// ```
    /// use tower_alb_auth::BackstageIdentity;
    ///
    /// let jane = BackstageIdentity::builder("user:default/jane").owning("group:default/platform").build()?;
    /// assert_eq!(jane.ownership_entity_refs().len(), 2);
    /// # Ok::<(), tower_alb_auth::EntityRefError>(())
    /// ```
    pub fn builder(user_entity_ref: impl Into<String>) -> IdentityBuilder {
        IdentityBuilder { user: user_entity_ref.into(), ownership: Vec::new(), claims: None, access_token: None }
    }
}

/// Builds an identity. Created by [`BackstageIdentity::builder`].
#[derive(Debug, Clone)]
#[must_use]
pub struct IdentityBuilder {
    user: String,
    ownership: Vec<String>,
    claims: Option<User>,
    access_token: Option<User>,
}

impl IdentityBuilder {
    /// Adds an ownership entity ref.
    pub fn owning(mut self, entity_ref: impl Into<String>) -> Self {
        self.ownership.push(entity_ref.into());
        self
    }

    /// Uses the claims of this user. Default: only a subject, the entity's name.
    pub fn claims(mut self, user: User) -> Self {
        self.claims = Some(user);
        self
    }

    /// Adds the claims of an access token: what [`Claims::access_token`](crate::Claims::access_token) and
    /// [`AccessTokenClaims::of`](crate::AccessTokenClaims::of) return. Default: none.
    pub fn access_token(mut self, claims: User) -> Self {
        self.access_token = Some(claims);
        self
    }

    /// Builds the identity.
    ///
    /// # Errors
    /// One of the texts is not a valid entity ref.
    pub fn build(self) -> Result<BackstageIdentity, EntityRefError> {
        let user: EntityRef = self.user.parse()?;
        let ownership = self.ownership.iter().map(|text| text.parse()).collect::<Result<Vec<EntityRef>, _>>()?;
        let claims = claims(&self.claims.unwrap_or_else(|| User::empty().claim("sub", user.name())));
        let claims = match &self.access_token {
            Some(user) => claims.with_access_token(AccessTokenClaims::of_user(user)),
            None => claims,
        };
        let SignIn { ownership, .. } = SignIn::user(user.clone()).owning(ownership);
        Ok(BackstageIdentity::new(claims, user, ownership))
    }
}

/// The claims of a user, without a signature.
pub(super) fn claims(user: &User) -> Claims {
    let members = user.claims();
    let mut buffer = to_json(members);
    let mut parts = ClaimsParts { payload: Span::new(0, buffer.len()).unwrap(), ..ClaimsParts::default() };
    let mut add = |text: &str| {
        let span = Span::new(buffer.len(), text.len()).unwrap();
        buffer.push_str(text);
        span
    };
    let text = |name: &str| members.iter().find(|(held, _)| held == name).and_then(|(_, value)| value.as_str());
    parts.issuer = add(text("iss").unwrap_or(ISSUER));
    parts.subject = add(text("sub").unwrap_or_default());
    parts.name = text("name").map(&mut add);
    parts.given_name = text("given_name").map(&mut add);
    parts.family_name = text("family_name").map(&mut add);
    parts.email = text("email").map(&mut add);
    parts.email_is_not_text = members.iter().any(|(name, value)| name == "email" && !value.is_string());
    parts.picture = text("picture").map(&mut add);
    let verified = members.iter().find(|(name, _)| name == "email_verified");
    parts.email_verified = verified.map(|(_, value)| *value == Value::Bool(true) || value == "true");
    Claims::new(buffer, parts)
}
