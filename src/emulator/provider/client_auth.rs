//! Client authentication.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::{HeaderMap, header};
use percent_encoding::percent_decode_str;

use super::{DemoClient, DemoProvider, params::Params, token_error::TokenError};

/// The client that authenticates with its secret, in the header (`client_secret_basic`) or in the
/// form (`client_secret_post`), but not in both (RFC 6749 section 2.3).
pub(super) fn authenticated<'p>(
    provider: &'p DemoProvider,
    headers: &HeaderMap,
    params: &Params,
) -> Result<&'p DemoClient, TokenError> {
    let one = |name| params.one(name).map_err(TokenError::invalid_request);
    let in_form = (one("client_id")?, one("client_secret")?);
    let Some(header) = headers.get(header::AUTHORIZATION) else {
        let (Some(id), Some(secret)) = in_form else {
            return Err(TokenError::invalid_client("client_id and client_secret are required"));
        };
        return proven(provider, id, secret);
    };
    if in_form.1.is_some() {
        return Err(TokenError::invalid_request("the client authenticates twice, in the header and in the form"));
    }
    let (id, secret) = header.to_str().ok().and_then(basic).ok_or_else(|| {
        TokenError::invalid_client("the Authorization header is not of the form Basic base64(id:secret)")
    })?;
    if in_form.0.is_some_and(|in_form| in_form != form_decoded(&id) && in_form != id) {
        return Err(TokenError::invalid_request("client_id differs from the one in the Authorization header"));
    }
    // Both parts should be form-encoded, but many clients do not do that.
    proven(provider, &form_decoded(&id), &form_decoded(&secret)).or_else(|error| {
        if id.contains(['%', '+']) || secret.contains(['%', '+']) { proven(provider, &id, &secret) } else { Err(error) }
    })
}

fn proven<'p>(provider: &'p DemoProvider, id: &str, secret: &str) -> Result<&'p DemoClient, TokenError> {
    let client = provider.client(id).filter(|client| client.has_secret(secret));
    client.ok_or_else(|| TokenError::invalid_client("unknown client id or wrong secret"))
}

fn basic(header: &str) -> Option<(String, String)> {
    let (scheme, credentials) = header.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let credentials = String::from_utf8(STANDARD.decode(credentials.trim()).ok()?).ok()?;
    credentials.split_once(':').map(|(id, secret)| (id.to_owned(), secret.to_owned()))
}

fn form_decoded(text: &str) -> String {
    percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned()
}
