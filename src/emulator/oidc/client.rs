//! The client: exchanges codes and refresh tokens for tokens, and fetches userinfo.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::{HeaderMap, HeaderValue, Method, Request, header};
use serde::Deserialize;
use serde_json::Value;

use super::{
    bearer::BearerKeys,
    discovery::{Discovered, Source},
    error::{OidcError, Step},
    http_client::{Elsewhere, HttpClient},
    id_token::IdTokenKeys,
    members::{Members, UserClaims},
};
use crate::{
    emulator::{
        config::{ClientAuthentication, ClientSecret, Endpoints},
        rules::{JwtValidation, TokenIssuer},
    },
    internal::{SharedClock, encoded},
};

/// How long a provider may take to respond. A load balancer responds 500 after that.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(5);

/// The client.
pub(in crate::emulator) struct OidcClient {
    http: HttpClient,
    endpoints: Discovered,
    keys: IdTokenKeys,
    bearer_keys: BearerKeys,
    id: String,
    secret: ClientSecret,
    authentication: ClientAuthentication,
}

/// The provider's tokens for a code or a refresh token.
pub(in crate::emulator) struct Tokens {
    pub(in crate::emulator) access_token: String,
    /// In seconds from now.
    pub(in crate::emulator) expires_in: Option<u64>,
    pub(in crate::emulator) refresh_token: Option<String>,
    pub(in crate::emulator) id_token: Option<String>,
}

#[derive(Deserialize)]
struct TokenResponse {
    access_token: String,
    /// Required (RFC 6749 section 5.1), but some providers leave it out.
    #[serde(default)]
    token_type: Option<String>,
    #[serde(default)]
    expires_in: Option<Value>,
    #[serde(default)]
    refresh_token: Option<String>,
    #[serde(default)]
    id_token: Option<String>,
}

impl OidcClient {
    pub(in crate::emulator) fn new(
        source: Source,
        id: String,
        secret: ClientSecret,
        authentication: ClientAuthentication,
        elsewhere: Option<Elsewhere>,
    ) -> Result<Self, String> {
        Ok(Self {
            http: HttpClient::new(RESPONSE_TIMEOUT, elsewhere)?,
            endpoints: Discovered::new(source),
            keys: IdTokenKeys::default(),
            bearer_keys: BearerKeys::default(),
            id,
            secret,
            authentication,
        })
    }

    pub(in crate::emulator) async fn endpoints(&self) -> Result<std::sync::Arc<Endpoints>, OidcError> {
        self.endpoints.get(&self.http).await
    }

    pub(in crate::emulator) fn id(&self) -> &str {
        &self.id
    }

    /// Tokens for a code.
    pub(in crate::emulator) async fn exchange(&self, code: &str, redirect_uri: &str) -> Result<Tokens, OidcError> {
        self.tokens(&[("grant_type", "authorization_code"), ("code", code), ("redirect_uri", redirect_uri)]).await
    }

    /// Tokens for a refresh token.
    pub(in crate::emulator) async fn refresh(&self, refresh_token: &str) -> Result<Tokens, OidcError> {
        self.tokens(&[("grant_type", "refresh_token"), ("refresh_token", refresh_token)]).await
    }

    /// The subject of a valid ID token.
    pub(in crate::emulator) async fn check_id_token(&self, token: &str, now: u64) -> Result<String, OidcError> {
        let endpoints = self.endpoints().await?;
        self.keys.check(&self.http, &endpoints, &self.id, token, now).await
    }

    /// Checks the bearer token of a request by this rule.
    pub(in crate::emulator) async fn check_bearer(
        &self,
        rule: &JwtValidation,
        headers: &HeaderMap,
        clock: &SharedClock,
    ) -> Result<(), OidcError> {
        let of_provider;
        let issuer = match &rule.issuer {
            Some(issuer) => issuer,
            None => {
                let endpoints = self.endpoints().await?;
                of_provider = TokenIssuer { issuer: endpoints.issuer.clone(), jwks: endpoints.jwks.clone() };
                &of_provider
            }
        };
        self.bearer_keys.check(&self.http, issuer, rule, headers, clock).await
    }

    /// The provider's claims about the user.
    pub(in crate::emulator) async fn userinfo(&self, access_token: &str) -> Result<UserClaims, OidcError> {
        let endpoints = self.endpoints().await?;
        let bearer = HeaderValue::from_str(&format!("Bearer {access_token}"));
        let mut bearer =
            bearer.map_err(|_| OidcError::invalid(Step::Token, "the access token is not visible ASCII"))?;
        bearer.set_sensitive(true);
        let request = Request::get(&endpoints.userinfo)
            .header(header::AUTHORIZATION, bearer)
            .header(header::ACCEPT, "application/json")
            .body(String::new());
        let request = request.map_err(|_| OidcError::invalid(Step::Userinfo, "its address is not a URL"))?;
        let (status, body) = self.http.send(Step::Userinfo, request).await?;
        if status != 200 {
            return Err(OidcError::by_status(Step::Userinfo, status, format!("status {status}")));
        }
        let claims: Members = serde_json::from_slice(&body).map_err(|_| {
            OidcError::invalid(Step::Userinfo, "its response is not a JSON object, or has a duplicate claim")
        })?;
        Ok(claims.0)
    }

    async fn tokens(&self, parameters: &[(&str, &str)]) -> Result<Tokens, OidcError> {
        let endpoints = self.endpoints().await?;
        let mut form: Vec<(&str, &str)> = parameters.to_vec();
        let mut request = Request::builder()
            .method(Method::POST)
            .uri(&endpoints.token)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(header::ACCEPT, "application/json");
        match self.authentication {
            ClientAuthentication::Basic => request = request.header(header::AUTHORIZATION, self.basic()?),
            ClientAuthentication::Form => {
                form.extend([("client_id", self.id.as_str()), ("client_secret", self.secret.expose())]);
            }
        }
        let body: Vec<String> = form.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect();
        let request =
            request.body(body.join("&")).map_err(|_| OidcError::invalid(Step::Token, "its address is not a URL"))?;
        let (status, body) = self.http.send(Step::Token, request).await?;
        if status != 200 {
            return Err(OidcError::by_status(Step::Token, status, error_of(status, &body)));
        }
        let response: TokenResponse = serde_json::from_slice(&body)
            .map_err(|_| OidcError::invalid(Step::Token, "its response has no access token"))?;
        // A token of another type is useless here, for example one that is bound to a key.
        if !response.token_type.as_deref().unwrap_or("bearer").eq_ignore_ascii_case("bearer") {
            return Err(OidcError::invalid(Step::Token, "the access token is not a bearer token"));
        }
        Ok(Tokens {
            access_token: response.access_token,
            expires_in: response.expires_in.and_then(seconds),
            refresh_token: response.refresh_token,
            id_token: response.id_token,
        })
    }

    /// Id and secret, each form-encoded before they are joined (RFC 6749 section 2.3.1).
    fn basic(&self) -> Result<HeaderValue, OidcError> {
        let text = format!("{}:{}", encoded(&self.id), encoded(self.secret.expose()));
        let value = HeaderValue::from_str(&format!("Basic {}", STANDARD.encode(text)));
        let mut value = value.map_err(|_| OidcError::invalid(Step::Token, "the client id is not visible ASCII"))?;
        value.set_sensitive(true);
        Ok(value)
    }
}

/// A number, or a string that contains one, as some providers send it.
fn seconds(value: Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str()?.parse().ok())
}

/// The OAuth error code; never the error description, which may contain anything.
fn error_of(status: u16, body: &[u8]) -> String {
    #[derive(Deserialize)]
    struct Answer {
        error: String,
    }
    match serde_json::from_slice::<Answer>(body) {
        Ok(response) => format!("status {status}, {}", crate::internal::quoted(&response.error)),
        Err(_) => format!("status {status}"),
    }
}
