//! The HTTP client of the AWS SDK: this crate's own, so that there is one TLS library.

use std::{env, fmt, sync::Arc, time::Duration};

use aws_smithy_runtime_api::{
    client::{
        http::{
            HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
            SharedHttpConnector,
        },
        orchestrator::HttpRequest,
        result::ConnectorError,
        runtime_components::RuntimeComponents,
    },
    http::Response,
};
use aws_smithy_types::body::SdkBody;
use bytes::Bytes;
use http::{Request, Uri};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::{Client, connect::HttpConnector as Tcp};

use crate::internal::{HttpUrl, Mutex, http_client, tls::Roots};

/// Credentials have a few kilobytes.
const MAX_RESPONSE_BYTES: usize = 64 * 1024;
/// The password source as a whole has a shorter one, unless the operator raised it.
const TIMEOUT: Duration = Duration::from_secs(5);
/// AWS's name for another address of the token service, such as that of a VPC endpoint.
const STS_ENDPOINT: &str = "AWS_ENDPOINT_URL_STS";

type Failure = Box<dyn std::error::Error + Send + Sync>;

pub(super) struct CredentialsClient {
    client: Client<HttpsConnector<Tcp>, Full<Bytes>>,
    sts: Option<Uri>,
    last_failure: Mutex<Option<String>>,
}

impl CredentialsClient {
    /// # Errors
    /// TLS cannot be set up, or the address of the token service is invalid.
    pub(super) fn new() -> Result<Self, String> {
        let tls = Roots::Compiled.client_config()?;
        let client = http_client::client(http_client::https_or_http(tls, http_client::tcp(TIMEOUT)));
        let sts =
            env::var(STS_ENDPOINT).ok().filter(|text| !text.is_empty()).map(|text| endpoint(&text)).transpose()?;
        Ok(Self { client, sts, last_failure: Mutex::default() })
    }

    pub(super) fn shared(self: Arc<Self>) -> SharedHttpClient {
        SharedHttpClient::new(Handle(self))
    }

    pub(super) fn forget(&self) {
        *self.last_failure.lock() = None;
    }

    /// What the last unsuccessful request met. Contains the host and a status, and nothing of a response.
    pub(super) fn last_failure(&self) -> Option<String> {
        self.last_failure.lock().clone()
    }

    async fn send(&self, request: HttpRequest) -> Result<Response<SdkBody>, Failure> {
        let (mut parts, body) = request.try_into_http1x()?.into_parts();
        if let Some(sts) = self.sts.as_ref().filter(|_| parts.uri.host().is_some_and(|host| host.starts_with("sts."))) {
            let mut uri = std::mem::take(&mut parts.uri).into_parts();
            (uri.scheme, uri.authority) = (sts.scheme().cloned(), sts.authority().cloned());
            parts.uri = Uri::from_parts(uri)?;
            parts.headers.remove(http::header::HOST);
        }
        let host = parts.uri.host().unwrap_or_default().to_owned();
        let body = body.collect().await?.to_bytes();
        let exchange = async {
            let response = self.client.request(Request::from_parts(parts, Full::new(body))).await?;
            let (head, body) = response.into_parts();
            let body = Limited::new(body, MAX_RESPONSE_BYTES).collect().await?.to_bytes();
            Ok::<_, Failure>((head, body))
        };
        let (head, body) = match tokio::time::timeout(TIMEOUT, exchange).await {
            Ok(Ok(response)) => response,
            Ok(Err(error)) => {
                *self.last_failure.lock() = Some(format!("{host} cannot be reached"));
                return Err(error);
            }
            Err(late) => {
                *self.last_failure.lock() = Some(format!("{host} did not respond within {TIMEOUT:?}"));
                return Err(late.into());
            }
        };
        *self.last_failure.lock() = match head.status.is_success() {
            true => Some(format!("{host} responded with something else than credentials")),
            false => Some(format!("{host} responded with status {}", head.status.as_u16())),
        };
        Ok(http::Response::from_parts(head, SdkBody::from(body)).try_into()?)
    }
}

/// The address of the token service: https, or plain on this machine.
fn endpoint(text: &str) -> Result<Uri, String> {
    let is_protected = HttpUrl::parse(text).is_ok_and(|url| url.is_protected());
    let uri = is_protected.then(|| text.parse().ok()).flatten();
    uri.ok_or_else(|| format!("{STS_ENDPOINT} is not an https URL: correct it or unset it"))
}

#[derive(Clone)]
struct Handle(Arc<CredentialsClient>);

impl HttpClient for Handle {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for Handle {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let client = Arc::clone(&self.0);
        HttpConnectorFuture::new(async move { client.send(request).await.map_err(ConnectorError::io) })
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CredentialsClient")
    }
}
