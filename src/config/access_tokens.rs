//! Access tokens that the layer verifies beside the signed claims.

use serde::Deserialize;

#[cfg(feature = "https")]
use crate::{
    error::quoted,
    keys::HttpsSource,
    net::HttpUrl,
    settings::{Problem, ProblemKind},
    sync::Arc,
};

/// Access tokens of an entry: with this setting each request must have one
/// (`x-amzn-oidc-accesstoken`), and the layer verifies it and gives its claims to policies and
/// handlers as [`AccessTokenClaims`](crate::AccessTokenClaims). For providers that send roles or groups
/// in the access token alone. Requires the feature `https`.
///
/// A token is accepted if all of these are true:
///
/// - Its signature is RS256 or ES256 by a key of the issuer. The address of the keys is that of the
///   issuer's discovery document.
/// - `iss` is the issuer: that of the entry, or [`issuer`](Self::issuer).
/// - It is for this application: `aud` has one of the [`audience`](Self::audience)s. Without an
///   audience, `client_id` must be one of the entry's client ids, as in tokens of Amazon Cognito.
///   `client_id`, `azp`, `cid` and `appid` that are present must be client ids of the entry.
/// - It is an access token and not an ID token.
/// - `exp` and `nbf` hold.
/// - Its `sub` is the subject of the signed claims ([`subject_claim`](Self::subject_claim)).
///
/// If the issuer's keys cannot be fetched, requests are rejected with 503.
///
/// ```
/// use tower_alb_auth::{TrustedAlb, config::AccessTokens};
///
/// # let alb = "";
/// let cognito = TrustedAlb::new(alb, "https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_Ab12Cd34E")
///     .client_id("4ocu9mfskh3hd3t0dtdqtoqv1f")
///     .access_tokens(AccessTokens::new());
/// let okta = TrustedAlb::new(alb, "https://example.okta.com/oauth2/default")
///     .client_id("0oa1b2c3d4")
///     .access_tokens(AccessTokens::new().audience("api://default").subject_claim("uid"));
/// # let _ = (cognito, okta);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AccessTokens {
    pub(super) issuer: Option<String>,
    pub(super) audiences: Vec<String>,
    pub(super) jwks_uri: Option<String>,
    pub(super) subject_claim: Option<String>,
}

impl AccessTokens {
    /// Tokens of the entry's issuer, with one of the entry's client ids as `client_id`.
    pub fn new() -> Self {
        Self::default()
    }

    /// The issuer of access tokens, if it is not that of the entry: `https://sts.windows.net/<tenant>/`
    /// of Entra ID (tokens of version 1.0), an `access_token_issuer` of ADFS.
    #[must_use]
    pub fn issuer(mut self, issuer: impl Into<String>) -> Self {
        self.issuer = Some(issuer.into());
        self
    }

    /// Accepts tokens with this `aud`, such as `api://default`. May be called several times.
    #[must_use]
    pub fn audience(mut self, audience: impl Into<String>) -> Self {
        self.audiences.push(audience.into());
        self
    }

    /// Where the issuer's keys are, instead of where its discovery document says.
    #[must_use]
    pub fn jwks_uri(mut self, url: impl Into<String>) -> Self {
        self.jwks_uri = Some(url.into());
        self
    }

    /// The claim of the access token that is the subject of the signed claims; `sub` unless set. Okta
    /// sends the login as `sub` of an access token, and the subject as `uid`.
    #[must_use]
    pub fn subject_claim(mut self, name: impl Into<String>) -> Self {
        self.subject_claim = Some(name.into());
        self
    }

    /// The rule of an entry, if it can be used; its problems are added either way.
    #[cfg(feature = "https")]
    pub(super) fn rule(
        &self,
        entry_issuer: &str,
        client_ids: Option<&[String]>,
        of: &str,
        source: Option<&Arc<HttpsSource>>,
        problems: &mut Vec<Problem>,
    ) -> Option<Arc<AccessTokenRule>> {
        let count = problems.len();
        let mut wrong = |found: &str, clause: &str, fix: &str| {
            let text = format!("{of}: access tokens: {clause}, found {}", quoted(found));
            problems.push(Problem::invalid(text).with_fix(fix));
        };
        let issuer = self.issuer.as_deref().unwrap_or(entry_issuer);
        let keys = match &self.jwks_uri {
            Some(url) => {
                if !is_safe_url(url) {
                    wrong(url, "the address of the keys is an https URL, or an http one on this machine", "correct it");
                }
                KeysAt::Jwks(url.clone())
            }
            None => {
                if !is_safe_url(issuer) {
                    let clause = "keys are found by the issuer, which is an https URL, or an http one on this machine";
                    wrong(issuer, clause, "correct it, or name the address of the keys (jwks_uri, jwksUri)");
                }
                KeysAt::Discovery(format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/')))
            }
        };
        for audience in self.audiences.iter().filter(|audience| audience.is_empty()) {
            wrong(audience, "an audience is empty", "leave it out");
        }
        if let Some(name) = self.subject_claim.as_ref().filter(|name| name.is_empty()) {
            wrong(name, "the name of the claim with the subject is empty", "leave it out");
        }
        if client_ids.is_none() && self.audiences.is_empty() {
            let text = format!("{of} accepts any client, and access tokens of any client and audience with it");
            let fix = "name the audience of access tokens (audience, audiences)";
            problems.push(Problem::sentence(ProblemKind::Insecure, text).with_fix(fix));
        }
        let source = source?;
        (problems.len() == count).then(|| {
            Arc::new(AccessTokenRule {
                issuer: issuer.to_owned(),
                client_ids: client_ids.map(<[String]>::to_vec),
                audiences: self.audiences.clone(),
                keys,
                subject_claim: self.subject_claim.clone().unwrap_or_else(|| "sub".to_owned()),
                source: Arc::clone(source),
            })
        })
    }
}

/// What access tokens of an entry must be.
#[cfg(feature = "https")]
pub(crate) struct AccessTokenRule {
    pub(crate) issuer: String,
    /// `None`: any.
    pub(crate) client_ids: Option<Vec<String>>,
    pub(crate) audiences: Vec<String>,
    pub(crate) keys: KeysAt,
    pub(crate) subject_claim: String,
    pub(crate) source: Arc<HttpsSource>,
}

/// Where the keys of an issuer are.
#[cfg(feature = "https")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum KeysAt {
    /// The address of the discovery document, which names that of the keys.
    Discovery(String),
    Jwks(String),
    /// They are not fetched: for an explanation that fetches no key.
    NotFetched,
}

#[cfg(feature = "https")]
impl AccessTokenRule {
    /// The same rule, without fetches.
    pub(crate) fn without_fetching(&self) -> Self {
        Self {
            issuer: self.issuer.clone(),
            client_ids: self.client_ids.clone(),
            audiences: self.audiences.clone(),
            keys: KeysAt::NotFetched,
            subject_claim: self.subject_claim.clone(),
            source: Arc::clone(&self.source),
        }
    }
}

/// Whether keys from this address prove something: https, or http on this machine. A fragment or a user
/// in it is a mistake.
#[cfg(feature = "https")]
pub(crate) fn is_safe_url(url: &str) -> bool {
    HttpUrl::parse(url).is_ok_and(|url| url.is_protected())
}

#[cfg(feature = "https")]
impl std::fmt::Debug for AccessTokenRule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AccessTokenRule")
            .field("issuer", &self.issuer)
            .field("keys", &self.keys)
            .finish_non_exhaustive()
    }
}

#[cfg(feature = "https")]
impl std::fmt::Display for AccessTokenRule {
    /// For the start-up line.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "access tokens of {}", self.issuer)?;
        match &self.audiences[..] {
            [] => Ok(()),
            audiences => write!(f, " for {}", audiences.join(" or ")),
        }
    }
}
