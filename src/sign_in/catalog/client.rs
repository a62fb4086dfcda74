//! Questions to the catalog over HTTP.
//!
//! One connection a question, which answers that are remembered make rare; HTTP/1.1, no redirects, no proxy from the
//! environment. A question that can be asked again is, once. [`MAX_AT_ONCE`] questions are open at once; the others wait for
//! their turn, for as long as the sign-in may take.
//!
//! | the catalog | the question fails as |
//! |---|---|
//! | is not reached, breaks off, answers 408, 429, 5xx or nonsense | unavailable: an outage |
//! | answers with any other status, 401 and 403 among them | misconfigured: what was known before does not stand in for it |

use std::{fmt, pin::Pin, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderValue, Method, Request, StatusCode, header};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client as HttpClient, connect::HttpConnector},
    rt::TokioExecutor,
};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::json;
use tokio::sync::Semaphore;

use super::entity::Entity;
use crate::{
    identity::EntityRef,
    net::tls::{chain, is_tls},
    sign_in::{SignInError, SignInErrorKind},
    telemetry::OncePerMinute,
};

/// The longest answer that is read: a user with thousands of groups is a few hundred KiB.
const MAX_ANSWER_BYTES: usize = 4 * 1024 * 1024;

/// How long connecting may take, TLS included.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// How many questions are open at once, of all policies that ask the same [`Catalog`](super::Catalog).
const MAX_AT_ONCE: usize = 32;

/// How long is waited before the second try.
const RETRY_AFTER: Duration = Duration::from_millis(100);

const USER_AGENT: &str = concat!("tower-alb-auth/", env!("CARGO_PKG_VERSION"));

/// Asks the catalog.
pub(crate) struct Client {
    base: String,
    credentials: Credentials,
    http: HttpClient<HttpsConnector<HttpConnector>, Full<Bytes>>,
    timeout: Duration,
    transitive_groups: bool,
    turns: Semaphore,
    pub(super) hints: OncePerMinute,
    pub(super) misfits: OncePerMinute,
}

type TokenFuture = Pin<Box<dyn Future<Output = Result<String, SignInError>> + Send>>;

/// Where the bearer token comes from. Never shown.
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

    /// For the check of a configuration.
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

/// What a question failed with.
enum Failure {
    /// May be different in a moment.
    Passing(String),
    Lasting(String),
    /// The catalog answers, and does not accept the question.
    NotAccepted(String),
}

impl Client {
    pub(super) fn new(
        base: String,
        credentials: Credentials,
        tls: rustls::ClientConfig,
        timeout: Duration,
        transitive_groups: bool,
    ) -> Self {
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_connect_timeout(Some(CONNECT_TIMEOUT.min(timeout)));
        let connector =
            HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http().enable_http1().wrap_connector(tcp);
        // No idle connections: one that is kept dies with the runtime that drove it.
        let http = HttpClient::builder(TokioExecutor::new()).pool_max_idle_per_host(0).build(connector);
        Self {
            base,
            credentials,
            http,
            timeout,
            transitive_groups,
            turns: Semaphore::new(MAX_AT_ONCE),
            hints: OncePerMinute::default(),
            misfits: OncePerMinute::default(),
        }
    }

    pub(super) fn base(&self) -> &str {
        &self.base
    }

    pub(super) fn transitive_groups(&self) -> bool {
        self.transitive_groups
    }

    /// The entity at this path; `None` where the catalog has none.
    pub(super) async fn entity(&self, path: &str) -> Result<Option<Entity>, SignInError> {
        self.ask(Method::GET, path, None).await
    }

    /// The entities that this query gives.
    pub(super) async fn entities(&self, path: &str) -> Result<Vec<Entity>, SignInError> {
        let found: Option<Vec<Entity>> = self.ask(Method::GET, path, None).await?;
        found.ok_or_else(|| SignInError::misconfigured(format!("{} has no entities: is it a catalog?", self.base)))
    }

    /// Those of these entities that there are.
    pub(super) async fn by_refs(&self, refs: &[EntityRef]) -> Result<Vec<Entity>, SignInError> {
        #[derive(Deserialize)]
        struct Items {
            items: Vec<Option<Entity>>,
        }
        let refs: Vec<&str> = refs.iter().map(EntityRef::as_str).collect();
        let body = json!({ "entityRefs": refs, "fields": ["kind", "metadata", "relations"] }).to_string();
        let found: Option<Items> = self.ask(Method::POST, "/entities/by-refs", Some(body)).await?;
        let missing = || SignInError::misconfigured(format!("{} has no entities/by-refs: is it a catalog?", self.base));
        Ok(found.ok_or_else(missing)?.items.into_iter().flatten().collect())
    }

    async fn ask<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<String>,
    ) -> Result<Option<T>, SignInError> {
        let tries = async {
            let first = self.ask_once(&method, path, body.clone()).await;
            let Err(Failure::Passing(_)) = first else { return first };
            tokio::time::sleep(RETRY_AFTER).await;
            self.ask_once(&method, path, body).await
        };
        // Never closed. Whoever waits too long is given up by sign_in_timeout, and leaves the queue with that.
        let _turn = self.turns.acquire().await;
        let answer = match tokio::time::timeout(self.timeout, tries).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(Failure::Passing(sentence) | Failure::Lasting(sentence))) => {
                return Err(SignInError::unavailable(sentence));
            }
            Ok(Err(Failure::NotAccepted(sentence))) => return Err(SignInError::misconfigured(sentence)),
            Err(_) => {
                let sentence = format!("the catalog at {} did not answer within {:?}", self.base, self.timeout);
                return Err(SignInError::unavailable(sentence));
            }
        };
        let nonsense = |error: serde_json::Error| {
            // Where, not what: the answer is about people.
            SignInError::unavailable(format!(
                "the catalog at {} answered with something that is no entity (line {}, column {})",
                self.base,
                error.line(),
                error.column()
            ))
        };
        answer.map(|body| serde_json::from_slice(&body).map_err(nonsense)).transpose()
    }

    /// The body of a 200; `None` for a 404.
    async fn ask_once(&self, method: &Method, path: &str, body: Option<String>) -> Result<Option<Bytes>, Failure> {
        let authorization = match self.credentials.header().await {
            Ok(authorization) => authorization,
            Err(error) if error.kind() == SignInErrorKind::Misconfigured => {
                return Err(Failure::NotAccepted(error.message().to_owned()));
            }
            Err(error) => return Err(Failure::Lasting(error.message().to_owned())),
        };
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.base))
            .header(header::ACCEPT, "application/json")
            .header(header::USER_AGENT, USER_AGENT)
            .header(header::AUTHORIZATION, authorization);
        if body.is_some() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        let request = request
            .body(Full::from(body.unwrap_or_default()))
            .map_err(|_| Failure::Lasting(format!("the catalog's address {} cannot be asked", self.base)))?;
        let answer = self.http.request(request).await.map_err(|error| {
            let sentence = format!("the catalog at {} cannot be reached: {}", self.base, chain(&error));
            if is_tls(&error) { Failure::Lasting(sentence) } else { Failure::Passing(sentence) }
        })?;
        let status = answer.status();
        let sentence = format!("the catalog at {} answered {}", self.base, status.as_u16());
        match status {
            StatusCode::OK => {}
            StatusCode::NOT_FOUND => return Ok(None),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                return Err(Failure::NotAccepted(format!(
                    "{sentence}: compare the token with backend.auth.externalAccess in the backend's app-config.yaml"
                )));
            }
            status if status.is_redirection() => {
                return Err(Failure::NotAccepted(format!(
                    "{sentence}, which is not followed: if that leads to a sign-in, name the address that back ends use among \
                     themselves"
                )));
            }
            StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT => return Err(Failure::Passing(sentence)),
            status if status.is_server_error() => return Err(Failure::Passing(sentence)),
            _ => return Err(Failure::NotAccepted(sentence)),
        }
        let body = Limited::new(answer.into_body(), MAX_ANSWER_BYTES).collect().await.map_err(|error| {
            if error.is::<LengthLimitError>() {
                Failure::Lasting(format!("{sentence} with more than {MAX_ANSWER_BYTES} bytes"))
            } else {
                Failure::Passing(format!("{sentence}, and the answer broke off: {}", chain(&*error)))
            }
        })?;
        Ok(Some(body.to_bytes()))
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.base)
    }
}
