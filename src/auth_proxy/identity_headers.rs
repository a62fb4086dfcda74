//! Headers that services read as the user: only this proxy may set them.
//!
//! Servers fold names together: CGI and WSGI turn `X-Forwarded-User`, `X_Forwarded_User` and
//! `x-forwarded.user` into the same variable. So names are compared with every character that is not a
//! letter or digit as a hyphen.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderName};
use hyper::body::Frame;

use crate::internal::strip_oidc_headers;

/// Names that proxies, identity-aware gateways and applications use, folded.
const NAMES: [&str; 42] = [
    "x-forwarded-user",
    "x-forwarded-username",
    "x-forwarded-email",
    "x-forwarded-groups",
    "x-forwarded-group",
    "x-forwarded-roles",
    "x-forwarded-name",
    "x-forwarded-preferred-username",
    "x-forwarded-access-token",
    "x-forwarded-id-token",
    "x-forwarded-identity",
    "x-user",
    "x-user-id",
    "x-userid",
    "x-user-name",
    "x-username",
    "x-user-email",
    "x-user-groups",
    "x-user-roles",
    "x-email",
    "x-groups",
    "x-roles",
    "x-proxy-user",
    "x-proxy-rolemap",
    "x-sso-user",
    "x-iap-user",
    "x-trusted-user",
    "x-auth-user",
    "x-auth-username",
    "x-auth-name",
    "x-auth-email",
    "x-auth-groups",
    "x-auth-roles",
    "x-userinfo",
    "x-user-info",
    "x-anonymous-consumer",
    "x-arr-clientcert",
    "kubeflow-userid",
    "kubeflow-groups",
    "sm-user",
    "iv-user",
    "webauth-user",
];

/// Families of names, folded: every name that begins like this.
const PREFIXES: [&str; 28] = [
    "remote-user",
    "remote-group",
    "remote-name",
    "remote-email",
    "x-remote-",
    "x-auth-request-",
    "x-authenticated-",
    "x-authentik-",
    "x-webauth-",
    "x-akhq-",
    "x-vouch-",
    "x-pomerium-",
    "x-goog-authenticated-user",
    "x-goog-iap-jwt",
    "x-ms-client-principal",
    "x-ms-token-",
    "cf-access-",
    "tailscale-user-",
    // mod_auth_openidc for Apache: OIDC_CLAIM_sub, OIDC_id_token.
    "oidc-",
    // Kong.
    "x-consumer-",
    "x-credential-",
    // The certificate of a client, by Envoy, Traefik, the nginx ingress controller, Apache and HAProxy, RFC 9440.
    "x-forwarded-client-cert",
    "x-forwarded-tls-client-cert",
    "x-ssl-client-",
    "ssl-client-",
    "x-client-cert",
    "client-cert",
    // The load balancer's own, of a listener with mutual TLS.
    "x-amzn-mtls-",
];

/// What a load balancer sets on a listener with mutual TLS: the first one in passthrough mode, the others in verify mode. AWS does
/// not document what becomes of a client's headers of these names, on such a listener or on another one.
const CERTIFICATE_OF_ALB: [&str; 6] = [
    "x-amzn-mtls-clientcert",
    "x-amzn-mtls-clientcert-serial-number",
    "x-amzn-mtls-clientcert-issuer",
    "x-amzn-mtls-clientcert-subject",
    "x-amzn-mtls-clientcert-validity",
    "x-amzn-mtls-clientcert-leaf",
];

/// The headers that only the proxy may set: the usual ones, and those that the operator names.
#[derive(Debug, Clone)]
pub(super) struct IdentityHeaders {
    /// Of the operator, folded.
    names: Arc<[String]>,
    keeps_certificate: bool,
}

impl IdentityHeaders {
    pub(super) fn with<'n>(names: impl IntoIterator<Item = &'n str>) -> Self {
        Self { names: names.into_iter().map(folded).collect(), keeps_certificate: false }
    }

    /// Keeps the load balancer's headers about the certificate of a client, as the load balancer spells them.
    pub(super) fn keeping_certificate(self, keeps_certificate: bool) -> Self {
        Self { keeps_certificate, ..self }
    }

    /// Removes them from a request, in whatever spelling. `x-amzn-oidc-*` stay: the layer reads them.
    pub(super) fn strip(&self, headers: &mut HeaderMap) {
        let is_kept = |name: &HeaderName| self.keeps_certificate && CERTIFICATE_OF_ALB.contains(&name.as_str());
        remove_if(headers, |name| self.has(name) && !is_kept(name));
    }

    /// Removes them and the headers of a load balancer, from what no load balancer sets.
    pub(super) fn strip_all(&self, headers: &mut HeaderMap) {
        remove_if(headers, |name| self.has(name));
        strip_oidc_headers(headers);
    }

    /// A frame of a body. Some servers and gateways treat trailers as headers.
    pub(super) fn strip_trailers(&self, frame: Frame<Bytes>) -> Frame<Bytes> {
        match frame.into_trailers() {
            Ok(mut trailers) => {
                self.strip_all(&mut trailers);
                Frame::trailers(trailers)
            }
            Err(frame) => frame,
        }
    }

    fn has(&self, name: &HeaderName) -> bool {
        let bytes = name.as_str().as_bytes();
        NAMES.iter().any(|folded| is(name, folded))
            || PREFIXES.iter().any(|folded| begins_with(bytes, folded))
            || self.names.iter().any(|folded| is(name, folded))
    }
}

/// Removes the headers of these folded names, in whatever spelling.
pub(super) fn strip_folded(headers: &mut HeaderMap, names: &[&str]) {
    remove_if(headers, |name| names.iter().any(|folded| is(name, folded)));
}

/// Removes other spellings of these folded names, and leaves their real one.
pub(super) fn strip_twins(headers: &mut HeaderMap, names: &[&str]) {
    remove_if(headers, |name| names.iter().any(|folded| is(name, folded) && name.as_str() != *folded));
}

/// Removes the headers whose folded names begin like this.
pub(super) fn strip_families(headers: &mut HeaderMap, prefixes: &[&str]) {
    remove_if(headers, |name| prefixes.iter().any(|folded| begins_with(name.as_str().as_bytes(), folded)));
}

fn remove_if(headers: &mut HeaderMap, is_found: impl Fn(&HeaderName) -> bool) {
    let found: Vec<HeaderName> = headers.keys().filter(|name| is_found(name)).cloned().collect();
    for name in found {
        headers.remove(name);
    }
}

/// Whether a server that folds names takes one for the other.
pub(super) fn is_same(one: &HeaderName, other: &HeaderName) -> bool {
    is(one, &folded(other.as_str()))
}

/// Whether this is the folded name.
fn is(name: &HeaderName, folded: &str) -> bool {
    let name = name.as_str().as_bytes();
    folded.len() == name.len() && begins_with(name, folded)
}

/// Whether the folded name begins like this. `HeaderName` is lower case already.
fn begins_with(name: &[u8], folded: &str) -> bool {
    name.len() >= folded.len() && name.iter().zip(folded.as_bytes()).all(|(byte, folded)| fold(*byte) == *folded)
}

fn folded(name: &str) -> String {
    name.bytes().map(|byte| char::from(fold(byte.to_ascii_lowercase()))).collect()
}

fn fold(byte: u8) -> u8 {
    if byte.is_ascii_alphanumeric() { byte } else { b'-' }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_a_server_folds_together_are_one_name() {
        let headers = IdentityHeaders::with(["X-Team"]);
        for name in
            ["x-forwarded-user", "x_forwarded_user", "x-forwarded.user", "x!team", "remote~user", "x_auth_request_x"]
        {
            assert!(headers.has(&HeaderName::from_static(name)), "{name}");
        }
        for name in
            ["x-forwarded-for", "x-forwarded-host", "x-team-id", "authorization", "cookie", "user-agent", "remote"]
        {
            assert!(!headers.has(&HeaderName::from_static(name)), "{name}");
        }
    }

    #[test]
    fn the_lists_are_folded() {
        for name in NAMES.iter().chain(&PREFIXES).chain(&CERTIFICATE_OF_ALB) {
            assert_eq!(folded(name), *name);
        }
    }
}
