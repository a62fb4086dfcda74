//! Queries to the catalog over HTTP.
//!
//! HTTP/1.1, no redirects, no proxy from the environment. Idle [`connections`](super::connections) are
//! used again. A query is retried once, on a new connection, if its failure may be transient.
//! [`MAX_CONCURRENT_QUERIES`] queries run at once; others wait in a queue until their sign-in times
//! out.
//!
//! | response of the catalog | result of the query |
//! |---|---|
//! | none, incomplete, 408, 429, 5xx, or an invalid body | unavailable: an outage |
//! | any other status except 200 and 404, including 401 and 403 | misconfigured: no cached result is used instead |

use std::{fmt, pin::Pin, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderValue, Method, Request, StatusCode, header};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::json;
use tokio::sync::Semaphore;

use super::{
    connections::Connections,
    encoding::{self, Undecodable},
    entity::Entity,
};
use crate::{
    identity::EntityRef,
    net::{
        http_client,
        tls::{chain, is_tls},
    },
    sign_in::{SignInError, SignInErrorKind},
    telemetry::OncePerMinute,
};

/// Maximum size in bytes of a response body. A user with thousands of groups takes a few hundred
/// KiB.
const MAX_RESPONSE_BYTES: usize = 4 * 1024 * 1024;

/// Timeout for connecting, including TLS.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// Maximum number of concurrent queries of all policies that share a [`Catalog`](super::Catalog).
const MAX_CONCURRENT_QUERIES: usize = 32;

/// Wait before the retry of a query.
const RETRY_WAIT: Duration = Duration::from_millis(100);

const USER_AGENT: &str = concat!("tower-alb-auth/", env!("CARGO_PKG_VERSION"));

/// The HTTP client of the catalog.
pub(crate) struct Client {
    base: String,
    credentials: Credentials,
    http: Connections,
    timeout: Duration,
    transitive_groups: bool,
    query_permits: Semaphore,
    pub(super) mismatches: OncePerMinute,
}

type TokenFuture = Pin<Box<dyn Future<Output = Result<String, SignInError>> + Send>>;

/// The source of the bearer token. The token is never shown.
#[derive(Clone)]
pub(super) enum Credentials {
    Fixed(Arc<str>),
    Given(Arc<dyn Fn() -> TokenFuture + Send + Sync>),
}

impl Credentials {
    pub(super) fn fixed(token: String) -> Self {
        Self::Fixed(token.into())
    }

    pub(super) fn given(give: impl Fn() -> TokenFuture + Send + Sync + 'static) -> Self {
        Self::Given(Arc::new(give))
    }

    /// Checks the settings.
    pub(super) fn check(&self) -> Result<Self, String> {
        match self {
            Self::Fixed(token) => bearer(token).map(|_| self.clone()),
            Self::Given(_) => Ok(self.clone()),
        }
    }

    async fn header(&self) -> Result<HeaderValue, SignInError> {
        let token = match self {
            Self::Fixed(token) => Arc::clone(token),
            Self::Given(give) => give().await?.into(),
        };
        bearer(&token).map_err(SignInError::unavailable)
    }
}

fn bearer(token: &str) -> Result<HeaderValue, String> {
    let value = (!token.is_empty()).then(|| HeaderValue::from_str(&format!("Bearer {token}")).ok()).flatten();
    let mut value = value.ok_or("the catalog's token is empty, or not visible ASCII on one line")?;
    value.set_sensitive(true);
    Ok(value)
}

/// Whether a query is sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Attempt {
    First,
    Retry,
}

/// Why a query failed.
enum Failure {
    /// The failure may be transient.
    Transient(String),
    Permanent(String),
    /// The catalog rejects the query.
    Rejected(String),
}

impl Client {
    pub(super) fn new(
        base: String,
        credentials: Credentials,
        tls: rustls::ClientConfig,
        timeout: Duration,
        transitive_groups: bool,
    ) -> Self {
        let tcp = http_client::tcp(CONNECT_TIMEOUT.min(timeout));
        let http = Connections::new(http_client::https_or_http(tls, tcp), MAX_CONCURRENT_QUERIES);
        Self {
            base,
            credentials,
            http,
            timeout,
            transitive_groups,
            query_permits: Semaphore::new(MAX_CONCURRENT_QUERIES),
            mismatches: OncePerMinute::default(),
        }
    }

    pub(super) fn base(&self) -> &str {
        &self.base
    }

    pub(super) fn transitive_groups(&self) -> bool {
        self.transitive_groups
    }

    /// The entity at this path; `None` if the catalog has none.
    pub(super) async fn entity(&self, path: &str) -> Result<Option<Entity>, SignInError> {
        self.query(Method::GET, path, None).await
    }

    /// The entities that match this query.
    pub(super) async fn entities(&self, path: &str) -> Result<Vec<Entity>, SignInError> {
        let found: Option<Vec<Entity>> = self.query(Method::GET, path, None).await?;
        found.ok_or_else(|| SignInError::misconfigured(format!("{} has no entities: is it a catalog?", self.base)))
    }

    /// The entities with these refs, without those that do not exist.
    pub(super) async fn by_refs(&self, refs: &[EntityRef]) -> Result<Vec<Entity>, SignInError> {
        #[derive(Deserialize)]
        struct Items {
            items: Vec<Option<Entity>>,
        }
        let refs: Vec<&str> = refs.iter().map(EntityRef::as_str).collect();
        let body = json!({ "entityRefs": refs, "fields": ["kind", "metadata", "relations"] }).to_string();
        let found: Option<Items> = self.query(Method::POST, "/entities/by-refs", Some(body)).await?;
        let missing = || SignInError::misconfigured(format!("{} has no entities/by-refs: is it a catalog?", self.base));
        Ok(found.ok_or_else(missing)?.items.into_iter().flatten().collect())
    }

    async fn query<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<String>,
    ) -> Result<Option<T>, SignInError> {
        let tries = async {
            let first = self.query_once(&method, path, body.clone(), Attempt::First).await;
            let Err(Failure::Transient(_)) = first else { return first };
            tokio::time::sleep(RETRY_WAIT).await;
            self.query_once(&method, path, body, Attempt::Retry).await
        };
        // The semaphore is never closed. A sign-in that waits too long ends by sign_in_timeout and
        // leaves the queue.
        let _permit = self.query_permits.acquire().await;
        let body = match tokio::time::timeout(self.timeout, tries).await {
            Ok(Ok(body)) => body,
            Ok(Err(Failure::Transient(message) | Failure::Permanent(message))) => {
                return Err(SignInError::unavailable(message));
            }
            Ok(Err(Failure::Rejected(message))) => return Err(SignInError::misconfigured(message)),
            Err(_) => {
                let message = format!("the catalog at {} did not respond within {:?}", self.base, self.timeout);
                return Err(SignInError::unavailable(message));
            }
        };
        let invalid = |error: serde_json::Error| {
            // The position only: the response contains personal data.
            SignInError::unavailable(format!(
                "the catalog at {} responded with an invalid entity (line {}, column {})",
                self.base,
                error.line(),
                error.column()
            ))
        };
        body.map(|body| serde_json::from_slice(&body).map_err(invalid)).transpose()
    }

    /// The body of a response with 200; `None` for 404.
    async fn query_once(
        &self,
        method: &Method,
        path: &str,
        body: Option<String>,
        attempt: Attempt,
    ) -> Result<Option<Bytes>, Failure> {
        let authorization = match self.credentials.header().await {
            Ok(authorization) => authorization,
            Err(error) if error.kind() == SignInErrorKind::Misconfigured => {
                return Err(Failure::Rejected(error.message().to_owned()));
            }
            Err(error) => return Err(Failure::Permanent(error.message().to_owned())),
        };
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.base))
            .header(header::ACCEPT, "application/json")
            .header(header::USER_AGENT, USER_AGENT)
            .header(header::AUTHORIZATION, authorization);
        if let Some(encodings) = encoding::ACCEPTED {
            request = request.header(header::ACCEPT_ENCODING, encodings);
        }
        if body.is_some() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        let request = request
            .body(Full::from(body.unwrap_or_default()))
            .map_err(|_| Failure::Permanent(format!("the catalog's address {} is invalid", self.base)))?;
        let response = match attempt {
            Attempt::First => self.http.request(request).await,
            Attempt::Retry => self.http.request_on_new(request).await,
        };
        let response = response.map_err(|error| {
            let message = format!("the catalog at {} cannot be reached: {}", self.base, chain(&error));
            if is_tls(&error) { Failure::Permanent(message) } else { Failure::Transient(message) }
        })?;
        let status = response.status();
        let message = format!("the catalog at {} responded with {}", self.base, status.as_u16());
        match status {
            StatusCode::OK => {}
            StatusCode::NOT_FOUND => return Ok(None),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                return Err(Failure::Rejected(format!(
                    "{message}: compare the token with backend.auth.externalAccess in the backend's app-config.yaml"
                )));
            }
            status if status.is_redirection() => {
                return Err(Failure::Rejected(format!(
                    "{message}, which is not followed: if the redirect leads to a sign-in, use the address that back ends \
                     use among each other"
                )));
            }
            StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT => return Err(Failure::Transient(message)),
            status if status.is_server_error() => return Err(Failure::Transient(message)),
            _ => return Err(Failure::Rejected(message)),
        }
        let (head, body) = response.into_parts();
        let too_large = || Failure::Permanent(format!("{message} and more than {MAX_RESPONSE_BYTES} bytes"));
        let body = Limited::new(body, MAX_RESPONSE_BYTES).collect().await.map_err(|error| {
            if error.is::<LengthLimitError>() {
                too_large()
            } else {
                Failure::Transient(format!("{message}, and the response is incomplete: {}", chain(&*error)))
            }
        })?;
        let body =
            encoding::decoded(&head.headers, body.to_bytes(), MAX_RESPONSE_BYTES).map_err(|error| match error {
                Undecodable::Unknown => Failure::Permanent(format!(
                    "{message} in a content-encoding that was not requested: does a proxy in between compress it?"
                )),
                #[cfg(feature = "backstage")]
                Undecodable::Invalid => {
                    Failure::Transient(format!("{message}, and the compressed response is invalid"))
                }
                #[cfg(feature = "backstage")]
                Undecodable::TooLarge => too_large(),
            })?;
        Ok(Some(body))
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.base)
    }
}
