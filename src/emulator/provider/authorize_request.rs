//! The parameters of an authorization request, and their checks.
//!
//! The first check decides whether a response may be sent to the redirect URI. Until client and
//! redirect URI are known to belong together, a mistake is shown to the user and sent nowhere (RFC
//! 6749 section 4.1.2.1); after that it is sent to the client.

use super::{DemoClient, params::Params, scope::Scope};
use crate::internal::{encoded, quoted};

/// Maximum size of a request, in bytes. A load balancer's `state` takes a little over 1 KiB.
const MAX_SIZE: usize = 16 * 1024;

/// A valid request.
#[derive(Debug, Clone)]
pub(super) struct AuthorizeRequest {
    pub(super) destination: Destination,
    pub(super) scope: Scope,
    pub(super) nonce: Option<String>,
    /// The S256 hash of the verifier that will come with the code (RFC 7636).
    pub(super) challenge: Option<String>,
    pub(super) prompt: Prompt,
    pub(super) login_hint: Option<String>,
    /// Maximum age of the sign-in, in seconds.
    pub(super) max_age: Option<u64>,
}

/// Where the response goes: a client and one of its registered redirect URIs.
#[derive(Debug, Clone)]
pub(super) struct Destination {
    pub(super) client_id: String,
    pub(super) redirect_uri: String,
    pub(super) state: Option<String>,
}

/// The interaction that the client requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Prompt {
    /// Not specified: whatever is needed.
    Unspecified,
    /// No interaction.
    None,
    /// A sign-in, even if the user is signed in already.
    Login,
}

/// An OAuth error: its code, and a description for developers.
#[derive(Debug, Clone)]
pub(super) struct AuthorizeError {
    pub(super) code: String,
    pub(super) description: String,
}

impl Destination {
    /// # Errors
    /// A message for the person at the browser.
    pub(super) fn find(params: &Params, clients: &[DemoClient]) -> Result<Self, String> {
        if params.size() > MAX_SIZE {
            return Err(format!("The request is longer than {MAX_SIZE} bytes."));
        }
        let required = |name| params.one(name)?.ok_or_else(|| format!("The request has no {name}."));
        let client_id = required("client_id")?;
        let Some(client) = clients.iter().find(|client| client.id() == client_id) else {
            let known: Vec<String> = clients.iter().map(|client| quoted(client.id())).collect();
            return Err(format!("There is no client {}. Known clients: {}.", quoted(client_id), known.join(", ")));
        };
        let redirect_uri = required("redirect_uri")?;
        if !client.redirect_uris().iter().any(|registered| registered == redirect_uri) {
            return Err(format!(
                "The redirect URI {} is not registered for the client {}. Registered URIs, compared character by character: {}.",
                quoted(redirect_uri),
                quoted(client_id),
                listed(client.redirect_uris())
            ));
        }
        Ok(Self {
            client_id: client_id.to_owned(),
            redirect_uri: redirect_uri.to_owned(),
            state: params.one("state")?.map(str::to_owned),
        })
    }

    /// The URL that returns the code to the client.
    pub(super) fn with_code(&self, code: &str) -> String {
        self.with(&[("code", code)])
    }

    /// The URL that returns the error to the client.
    pub(super) fn with_error(&self, error: &AuthorizeError) -> String {
        self.with(&[("error", &error.code), ("error_description", &error.description)])
    }

    fn with(&self, members: &[(&str, &str)]) -> String {
        let state = self.state.as_deref().map(|state| ("state", state));
        with_query(&self.redirect_uri, members.iter().copied().chain(state))
    }
}

impl AuthorizeRequest {
    /// # Errors
    /// The client's mistake, to be sent to it.
    pub(super) fn read(destination: Destination, params: &Params) -> Result<Self, AuthorizeError> {
        let invalid = |description: String| AuthorizeError::new("invalid_request", description);
        let one = |name| params.one(name).map_err(invalid);
        match one("response_type")? {
            Some("code") => {}
            None => return Err(invalid("response_type is missing".to_owned())),
            Some(_) => return Err(AuthorizeError::new("unsupported_response_type", "response_type must be code")),
        }
        if !matches!(one("response_mode")?, None | Some("query")) {
            return Err(invalid("response_mode must be query".to_owned()));
        }
        for (name, code) in [("request", "request_not_supported"), ("request_uri", "request_uri_not_supported")] {
            if one(name)?.is_some() {
                return Err(AuthorizeError::new(code, format!("{name} is not supported")));
            }
        }
        let challenge = one("code_challenge")?;
        match (challenge, one("code_challenge_method")?) {
            (None, None) | (Some(_), Some("S256")) => {}
            _ => {
                return Err(invalid(
                    "code_challenge and code_challenge_method=S256 are only valid together".to_owned(),
                ));
            }
        }
        // 256 bits in base64url.
        if challenge.is_some_and(|text| text.len() != 43 || !text.bytes().all(is_base64url)) {
            return Err(invalid("code_challenge is not a SHA-256 hash in base64url".to_owned()));
        }
        Ok(Self {
            scope: Scope::parse(one("scope")?.unwrap_or_default()),
            nonce: one("nonce")?.map(str::to_owned),
            challenge: challenge.map(str::to_owned),
            prompt: Prompt::read(one("prompt")?)?,
            login_hint: one("login_hint")?.map(str::to_owned),
            max_age: one("max_age")?
                .map(|text| text.parse().map_err(|_| invalid("max_age must be a number of seconds".to_owned())))
                .transpose()?,
            destination,
        })
    }
}

impl Prompt {
    fn read(text: Option<&str>) -> Result<Self, AuthorizeError> {
        let words: Vec<&str> = text.unwrap_or_default().split(' ').filter(|word| !word.is_empty()).collect();
        match words.as_slice() {
            ["none"] => Ok(Self::None),
            words if words.contains(&"none") => {
                Err(AuthorizeError::new("invalid_request", "prompt=none cannot be combined with other values"))
            }
            words if words.iter().any(|word| matches!(*word, "login" | "select_account")) => Ok(Self::Login),
            // There is nothing to consent to, and unknown values are ignored.
            _ => Ok(Self::Unspecified),
        }
    }
}

impl AuthorizeError {
    pub(super) fn new(code: impl Into<String>, description: impl Into<String>) -> Self {
        Self { code: code.into(), description: description.into() }
    }
}

/// The URI with these parameters appended to its query.
pub(super) fn with_query<'a>(uri: &str, members: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    let mut uri = uri.to_owned();
    for (name, value) in members {
        uri.push(if uri.contains('?') { '&' } else { '?' });
        uri.extend([name, "="]);
        uri.extend(encoded(value));
    }
    uri
}

/// URIs as a list.
pub(super) fn listed(uris: &[String]) -> String {
    let uris: Vec<String> = uris.iter().map(|uri| quoted(uri)).collect();
    if uris.is_empty() { "none".to_owned() } else { uris.join(", ") }
}

fn is_base64url(b: u8) -> bool {
    b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_follow_those_that_are_there() {
        for (uri, with) in [
            ("http://a/cb", "http://a/cb?code=a%2Fb%20%26&state=%3D"),
            ("http://a/cb?x=1", "http://a/cb?x=1&code=a%2Fb%20%26&state=%3D"),
        ] {
            assert_eq!(with_query(uri, [("code", "a/b &"), ("state", "=")].into_iter()), with);
        }
    }
}
