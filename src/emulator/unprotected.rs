//! The host that an application has to name if it fetches keys over plain http from another machine.

use crate::internal::HttpUrl;

/// The variable that names it.
pub(super) const VARIABLE: &str = "ALB_AUTH_DANGEROUSLY_FETCH_KEYS_OVER_HTTP_FROM";

/// The variable of the file with the CA of the key endpoint.
pub(super) const CA_VARIABLE: &str = "ALB_AUTH_EMULATOR_CA_FILE";

/// The host of the key endpoint, if keys cross a network without TLS.
pub(super) fn unprotected_host(key_endpoint: &str) -> Option<String> {
    let url = HttpUrl::parse(key_endpoint).ok().filter(|url| !url.is_protected())?;
    Some(url.host().to_owned())
}
