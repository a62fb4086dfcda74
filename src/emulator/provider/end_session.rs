//! Sign-out (OpenID Connect RP-Initiated Logout 1.0).

use axum::{
    Form,
    extract::State,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, Method, header};

use super::{
    DemoClient, DemoProvider,
    authorize::redirect,
    authorize_request::{listed, with_query},
    pages::{self, ErrorPage},
    params::Params,
    signing::IdTokenHint,
};
use crate::internal::quoted;

/// Ends the sign-in of this browser, and that of the ID token if one is given, and revokes
/// everything that they granted. Then redirects the browser, but only to registered URIs.
///
/// There is no confirmation page: a load balancer does not pass ID tokens on, so applications
/// behind one have none to send, and an unwanted sign-out does no harm here.
pub(super) async fn end_session(
    State(provider): State<DemoProvider>,
    method: Method,
    headers: HeaderMap,
    Form(pairs): Form<Vec<(String, String)>>,
) -> Result<Response, ErrorPage> {
    let params = Params::new(pairs);
    let one = |name| params.one(name).map_err(ErrorPage::bad_request);
    let hint = one("id_token_hint")?.map(|token| read_hint(&provider, token)).transpose()?;
    let client = named_client(&provider, one("client_id")?, hint.as_ref())?;
    let target = one("post_logout_redirect_uri")?.map(|uri| registered(&provider, client, uri)).transpose()?;
    let state = one("state")?;

    let inner = provider.inner();
    let cookie = inner.cookies.session(&headers);
    {
        let now = inner.clock.monotonic();
        let mut memory = inner.memory.lock();
        let here = cookie.and_then(|cookie| memory.session(&cookie, now)).map(|session| session.id);
        for id in here.into_iter().chain(hint.map(|hint| hint.sid)) {
            memory.close_session(&id);
        }
    }
    tracing::info!(target: "alb_emulator", "demo provider: signed out");
    let expired = inner.cookies.expire_session().map(|cookie| (header::SET_COOKIE, cookie));
    match target {
        Some(uri) => redirect(&method, &with_query(uri, state.map(|state| ("state", state)).into_iter()), expired),
        None => Ok((axum::response::AppendHeaders(expired), pages::signed_out()).into_response()),
    }
}

fn read_hint(provider: &DemoProvider, token: &str) -> Result<IdTokenHint, ErrorPage> {
    let hint = provider.inner().signer.read(token).filter(|hint| hint.iss == provider.issuer());
    hint.ok_or_else(|| {
        ErrorPage::bad_request(
            "The id_token_hint is not an ID token of this provider. Its key changes at every start: sign in again, or omit \
             the hint.",
        )
    })
}

/// The client whose URIs are allowed. `None` if the request names no client: then those of all
/// clients are.
fn named_client<'p>(
    provider: &'p DemoProvider,
    client_id: Option<&str>,
    hint: Option<&IdTokenHint>,
) -> Result<Option<&'p DemoClient>, ErrorPage> {
    let of_hint = hint.map(|hint| hint.aud.as_str());
    if let (Some(client_id), Some(of_hint)) = (client_id, of_hint)
        && client_id != of_hint
    {
        return Err(ErrorPage::bad_request("client_id differs from the one in the id_token_hint."));
    }
    let Some(id) = client_id.or(of_hint) else { return Ok(None) };
    let client = provider.client(id);
    client.map(Some).ok_or_else(|| ErrorPage::bad_request(format!("There is no client {}.", quoted(id))))
}

fn registered<'u>(provider: &DemoProvider, client: Option<&DemoClient>, uri: &'u str) -> Result<&'u str, ErrorPage> {
    let clients = client.map_or(provider.clients(), std::slice::from_ref);
    let known: Vec<String> = clients.iter().flat_map(DemoClient::post_logout_redirect_uris).cloned().collect();
    if known.iter().any(|known| known == uri) {
        return Ok(uri);
    }
    Err(ErrorPage::bad_request(format!(
        "The post_logout_redirect_uri {} is not registered. Registered URIs, compared character by character: {}.",
        quoted(uri),
        listed(&known)
    )))
}
