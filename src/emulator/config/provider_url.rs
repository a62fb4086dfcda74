//! What a URL of the provider may be.

use crate::internal::{HttpUrl, HttpUrlError, quoted};

/// What is wrong with a URL of the provider, if anything. Plain http is allowed on this machine
/// only.
pub(crate) fn problem_of_address(what: &str, url: &str) -> Option<String> {
    let parsed = HttpUrl::parse(url);
    if parsed == Err(HttpUrlError::UserInfo) {
        // The URL is not shown.
        return Some(format!("the provider's {what} must be a URL without user name and password"));
    }
    let is_safe = parsed.is_ok_and(|parsed| parsed.is_https() || is_on_this_machine(url));
    (!is_safe).then(|| {
        let shown = quoted(url);
        format!("the provider's {what} {shown} must begin with https:// (http:// only on this machine)")
    })
}

/// Whether the URL is on this machine. Names below `localhost` are not looked up.
pub(crate) fn is_on_this_machine(url: &str) -> bool {
    HttpUrl::parse(url).is_ok_and(|url| url.is_on_this_machine())
}
