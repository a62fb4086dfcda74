//! Access tokens of the provider, for tests of an application that verifies them.

use serde_json::json;

use super::{MockAlb, MockRequest, User, key_server::KEY_SET};
use crate::{
    AccessTokenClaims,
    config::AccessTokens,
    internal::{
        ACCESS_TOKEN,
        signer::{Members, to_json},
    },
};

impl AccessTokenClaims {
    /// Claims of an access token for the test of a handler that takes them as an argument. The members are those of the user.
    ///
    /// ```
    /// use tower_alb_auth::{AccessTokenClaims, test_util::User};
    ///
    /// let claims = AccessTokenClaims::of_user(&User::empty().claim("sub", "u1").claim("cognito:groups", ["admins"]));
    /// assert_eq!(claims.texts("cognito:groups")?, Some(vec!["admins".to_owned()]));
    /// # Ok::<(), tower_alb_auth::ClaimError>(())
    /// ```
    pub fn of_user(user: &User) -> Self {
        Self::new(super::identity_builder::claims(user))
    }
}

impl MockAlb {
    /// The setting that lets an entry verify the access tokens of [`access_token`](Self::access_token). Their keys are
    /// fetched, so the application needs the feature `https`, and the load balancer has to be [served](Self::serve).
    ///
    /// # Panics
    /// It is not served.
    pub fn access_tokens(&self) -> AccessTokens {
        let endpoint =
            self.endpoint().expect("MockAlb::serve() first: keys of access tokens are fetched over a connection");
        AccessTokens::new().jwks_uri(format!("{endpoint}/{KEY_SET}"))
    }

    /// An access token as Amazon Cognito issues it, with the claims of this user, signed now and valid for an hour.
    ///
    /// ```
    /// use tower_alb_auth::test_util::{MockAlb, User};
    ///
    /// let alb = MockAlb::new();
    /// let of_admin = alb.access_token(&User::cognito("jane").claim("cognito:groups", ["admins"]));
    /// # let _ = of_admin;
    /// ```
    pub fn access_token(&self, user: &User) -> String {
        let header = json!({ "kid": self.kid(), "alg": "ES256" }).to_string();
        let now = self.unix_now();
        let own = [
            ("iss", json!(self.issuer())),
            ("client_id", json!(self.client_id())),
            ("token_use", json!("access")),
            ("scope", json!("openid email")),
            ("iat", json!(now)),
            ("exp", json!(now + 3600)),
        ];
        let own = own.into_iter().filter(|(name, _)| user.claims().iter().all(|(held, _)| held != name));
        let own = own.map(|(name, value)| (name.to_owned(), value));
        let payload: Members = user.claims().iter().cloned().chain(own).collect();
        self.key().sign(header.as_bytes(), to_json(&payload).as_bytes(), false).expect("a signature")
    }
}

impl MockRequest<'_> {
    /// Replaces the access token by one with these claims: see [`MockAlb::access_token`].
    pub fn access_token(self, claims: &User) -> Self {
        let token = self.alb().access_token(claims);
        self.without(&ACCESS_TOKEN).header(ACCESS_TOKEN, token)
    }
}
