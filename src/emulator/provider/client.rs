//! Applications that sign their users in here.

use std::fmt;

use crate::internal::{HttpUrl, quoted};

/// An application that signs its users in at the demo provider, such as the load balancer.
///
/// ```
/// use tower_alb_auth::emulator::provider::DemoClient;
///
/// let client = DemoClient::new("my-application", "a secret of development")
///     .redirect_uri("http://app.localhost:9000/oauth2/idpresponse")
///     .post_logout_redirect_uri("http://app.localhost:9000/goodbye");
/// # let _ = client;
/// ```
#[derive(Clone)]
pub struct DemoClient {
    id: String,
    secret: String,
    redirect_uris: Vec<String>,
    post_logout_redirect_uris: Vec<String>,
    is_machine: bool,
}

impl DemoClient {
    /// The id of the client of machines that `alb-emulator` registers at its demo provider.
    pub const MACHINE_ID: &'static str = "machine";
    /// The secret of [`MACHINE_ID`](Self::MACHINE_ID). It protects nothing, because it is published here.
    pub const MACHINE_SECRET: &'static str = "a-secret-of-development";

    /// A client with this id, which authenticates at the token endpoint with this secret.
    pub fn new(id: impl Into<String>, secret: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            secret: secret.into(),
            redirect_uris: Vec::new(),
            post_logout_redirect_uris: Vec::new(),
            is_machine: false,
        }
    }

    /// A client that signs no users in, and gets its own access tokens by the grant
    /// `client_credentials`: JWTs that are signed with RS256. The parameters `audience` and `scope` of
    /// the request become claims.
    ///
    /// ```
    /// use tower_alb_auth::emulator::provider::DemoClient;
    ///
    /// let machine = DemoClient::machine("nightly-report", "a secret of development");
    /// # let _ = machine;
    /// ```
    pub fn machine(id: impl Into<String>, secret: impl Into<String>) -> Self {
        Self { is_machine: true, ..Self::new(id, secret) }
    }

    /// Registers a redirect URI, such as `http://app.localhost:9000/oauth2/idpresponse`. May be
    /// called several times. Requests are compared with it byte for byte (RFC 9700 section 4.1.3).
    #[must_use]
    pub fn redirect_uri(mut self, uri: impl Into<String>) -> Self {
        self.redirect_uris.push(uri.into());
        self
    }

    /// Registers a URI for redirects after sign-out. May be called several times; compared in the
    /// same way.
    #[must_use]
    pub fn post_logout_redirect_uri(mut self, uri: impl Into<String>) -> Self {
        self.post_logout_redirect_uris.push(uri.into());
        self
    }

    pub(super) fn id(&self) -> &str {
        &self.id
    }

    pub(super) fn is_machine(&self) -> bool {
        self.is_machine
    }

    pub(super) fn redirect_uris(&self) -> &[String] {
        &self.redirect_uris
    }

    pub(super) fn post_logout_redirect_uris(&self) -> &[String] {
        &self.post_logout_redirect_uris
    }

    pub(super) fn has_secret(&self, secret: &str) -> bool {
        aws_lc_rs::constant_time::verify_slices_are_equal(self.secret.as_bytes(), secret.as_bytes()).is_ok()
    }

    pub(super) fn check(&self, problems: &mut Vec<String>) {
        let id = quoted(&self.id);
        if self.id.is_empty() || self.secret.is_empty() {
            problems.push(format!("the client {id} needs an id and a secret that are not empty"));
        }
        if self.is_machine && !(self.redirect_uris.is_empty() && self.post_logout_redirect_uris.is_empty()) {
            problems
                .push(format!("the client {id} of machines has a redirect URI; use another client to sign users in"));
        }
        if self.redirect_uris.is_empty() && !self.is_machine {
            problems.push(format!(
                "the client {id} has no redirect URI; for the emulator it is http://<its host>:<its port>/oauth2/idpresponse"
            ));
        }
        for uri in self.redirect_uris.iter().chain(&self.post_logout_redirect_uris) {
            if origin_of(uri).is_none() {
                problems.push(format!(
                    "the client {id} cannot use the redirect URI {}: it must begin with http:// or https://, name a host, and \
                     have no user name and no fragment",
                    quoted(uri)
                ));
            }
        }
    }
}

impl fmt::Debug for DemoClient {
    /// Everything except the secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DemoClient")
            .field("id", &self.id)
            .field("redirect_uris", &self.redirect_uris)
            .field("post_logout_redirect_uris", &self.post_logout_redirect_uris)
            .finish_non_exhaustive()
    }
}

/// Scheme, host and port: `http://app.localhost:9000`. `None` if the URI is not a plain web
/// address.
pub(super) fn origin_of(uri: &str) -> Option<String> {
    HttpUrl::parse(uri).ok().map(|url| url.origin())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_scheme_host_and_port() {
        for (uri, origin) in [
            ("http://app.localhost:9000/oauth2/idpresponse?a=b", Some("http://app.localhost:9000")),
            ("https://app.example.com", Some("https://app.example.com")),
            ("http://[::1]:9000/", Some("http://[::1]:9000")),
            ("http://user@app.localhost/", None),
            ("http://app.localhost/#part", None),
            ("http://app.localhost;x/", None),
            ("http://app local/", None),
            ("http:///path", None),
            ("http://app.localhost:99999/", None),
            ("http://APP.localhost:80/", Some("http://app.localhost")),
            ("/path", None),
            ("javascript:alert(1)", None),
            ("app:/callback", None),
            ("", None),
        ] {
            assert_eq!(origin_of(uri).as_deref(), origin, "{uri}");
        }
    }
}
