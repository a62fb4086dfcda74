//! Shared by the tests of the frameworks: requests over real connections.
#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::net::SocketAddr;

use http::{HeaderMap, HeaderName, Request, StatusCode, header};
use http_body_util::BodyExt;
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};

/// The sentences of refusals, a status each.
pub const SAYS_401: &str = "This needs a sign-in through the load balancer.\n";
pub const SAYS_403: &str = "You are signed in, but this application does not let you in.\n";
pub const SAYS_500: &str = "This part of the application is set up wrongly.\n";
pub const SAYS_503: &str = "Your sign-in cannot be checked at the moment. Please try again.\n";

/// The protocol of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Http {
    One,
    Two,
}

/// Sends requests to one server, and keeps its connections.
pub struct Caller {
    client: Client<HttpConnector, String>,
    server: SocketAddr,
}

/// What came back over the connection.
#[derive(Debug, PartialEq)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: String,
}

impl Caller {
    pub fn new(http: Http, server: SocketAddr) -> Self {
        let client = Client::builder(TokioExecutor::new()).http2_only(http == Http::Two).build_http();
        Self { client, server }
    }

    pub async fn call(&self, request: impl Into<Request<String>>) -> Answer {
        let mut request: Request<String> = request.into();
        let address = format!("http://{}{}", self.server, request.uri());
        *request.uri_mut() = address.parse().expect("an address");
        let (parts, body) = self.client.request(request).await.expect("an answer").into_parts();
        let body = body.collect().await.expect("a whole body").to_bytes();
        let mut headers = parts.headers;
        headers.remove(header::DATE);
        Answer { status: parts.status, headers, body: String::from_utf8(body.to_vec()).expect("UTF-8") }
    }
}

impl Answer {
    pub fn header(&self, name: impl TryInto<HeaderName>) -> Option<&str> {
        let name = name.try_into().ok().expect("a header name");
        self.headers.get(name).map(|value| value.to_str().expect("ASCII"))
    }

    /// Status and body, for one look at both.
    pub fn said(&self) -> (u16, &str) {
        (self.status.as_u16(), &self.body)
    }
}
