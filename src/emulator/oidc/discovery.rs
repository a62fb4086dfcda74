//! The provider's endpoints, from its discovery document.

use http::Request;
use serde::Deserialize;

use super::{
    error::{OidcError, Step},
    http_client::HttpClient,
};
use crate::{
    emulator::config::{Endpoints, is_on_this_machine, problem_of_address},
    internal::{Arc, Mutex},
};

/// Where the endpoints come from.
pub(in crate::emulator) enum Source {
    /// The discovery document of this issuer.
    Issuer(String),
    Endpoints(Endpoints),
}

/// The endpoints, once they are known. They are fetched when they are first needed, so that the
/// provider may start after the emulator.
pub(super) struct Discovered {
    source: Source,
    known: Mutex<Option<Arc<Endpoints>>>,
}

#[derive(Deserialize)]
struct Document {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    userinfo_endpoint: String,
    jwks_uri: String,
}

impl Discovered {
    pub(super) fn new(source: Source) -> Self {
        let known = match &source {
            Source::Endpoints(endpoints) => Some(Arc::new(endpoints.clone())),
            Source::Issuer(_) => None,
        };
        Self { source, known: Mutex::new(known) }
    }

    pub(super) async fn get(&self, http: &HttpClient) -> Result<Arc<Endpoints>, OidcError> {
        let known = self.known.lock().clone();
        let issuer = match (known, &self.source) {
            (Some(known), _) => return Ok(known),
            (None, Source::Issuer(issuer)) => issuer,
            (None, Source::Endpoints(endpoints)) => return Ok(Arc::new(endpoints.clone())),
        };
        let invalid = |reason: String| OidcError::invalid(Step::Discovery, reason);
        let url = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
        let request = Request::get(&url).body(String::new()).map_err(|_| invalid(format!("{url} is not a URL")))?;
        let (status, body) = http.send(Step::Discovery, request).await?;
        if status != 200 {
            return Err(OidcError::by_status(Step::Discovery, status, format!("{url} responded with status {status}")));
        }
        let document: Document = serde_json::from_slice(&body)
            .map_err(|error| invalid(format!("{url} is not a discovery document: {error}")))?;
        if document.issuer != *issuer {
            return Err(invalid(format!(
                "its issuer is {}, expected {}; they must be equal, byte for byte",
                crate::internal::quoted(&document.issuer),
                crate::internal::quoted(issuer)
            )));
        }
        // These endpoints get the client's secret and the users' tokens.
        for (what, endpoint) in [
            ("authorization_endpoint", &document.authorization_endpoint),
            ("token_endpoint", &document.token_endpoint),
            ("userinfo_endpoint", &document.userinfo_endpoint),
            ("jwks_uri", &document.jwks_uri),
        ] {
            let here = is_on_this_machine(issuer);
            let problem = problem_of_address(what, endpoint).or_else(|| {
                // A remote issuer must not direct requests to services of this machine.
                (is_on_this_machine(endpoint) && !here)
                    .then(|| format!("the issuer is remote, but its {what} points to this machine"))
            });
            if let Some(problem) = problem {
                return Err(invalid(problem));
            }
        }
        let endpoints = Arc::new(Endpoints {
            issuer: document.issuer,
            authorization: document.authorization_endpoint,
            token: document.token_endpoint,
            userinfo: document.userinfo_endpoint,
            jwks: document.jwks_uri,
        });
        *self.known.lock() = Some(Arc::clone(&endpoints));
        Ok(endpoints)
    }
}
