//! Connections to the catalog: idle ones are kept for a short time, for the runtime that drives them.
//!
//! | situation | connection |
//! |---|---|
//! | a query on the runtime of the last one | an idle connection, if there is one |
//! | a query on another runtime | a new one: those of the other runtime may never be polled again |
//! | the retry of a query | a new one: the server may have closed the idle one at this moment |

use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::{Client as HttpClient, Error, connect::HttpConnector};
use tokio::runtime::{Handle, Id};

use crate::{
    net::http_client::{self, pooled},
    sync::Mutex,
};

/// How long a connection stays open without a query. Node.js closes it after 5 s (`server.keepAliveTimeout`).
const IDLE_TIMEOUT: Duration = Duration::from_secs(4);

type Connector = HttpsConnector<HttpConnector>;
type Pooled = HttpClient<Connector, Full<Bytes>>;

pub(super) struct Connections {
    connector: Connector,
    max_idle: usize,
    /// The client of a runtime.
    kept: Mutex<Option<(Id, Pooled)>>,
}

impl Connections {
    pub(super) fn new(connector: Connector, max_idle: usize) -> Self {
        Self { connector, max_idle, kept: Mutex::default() }
    }

    /// Sends a request of the current runtime, on a kept connection if there is one.
    pub(super) async fn request(&self, request: Request<Full<Bytes>>) -> Result<Response<Incoming>, Error> {
        self.of_this_runtime().request(request).await
    }

    /// Sends a request on a new connection.
    pub(super) async fn request_on_new(&self, request: Request<Full<Bytes>>) -> Result<Response<Incoming>, Error> {
        http_client::client(self.connector.clone()).request(request).await
    }

    fn of_this_runtime(&self) -> Pooled {
        let Ok(runtime) = Handle::try_current().map(|handle| handle.id()) else {
            return http_client::client(self.connector.clone());
        };
        let mut kept = self.kept.lock();
        match &*kept {
            Some((of, client)) if *of == runtime => client.clone(),
            _ => {
                let client = pooled(self.connector.clone(), self.max_idle, IDLE_TIMEOUT);
                *kept = Some((runtime, client.clone()));
                client
            }
        }
    }
}
