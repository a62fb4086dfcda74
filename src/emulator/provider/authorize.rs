//! The authorization endpoint: identifies the user and sends the browser back to the client.

use axum::{
    Form,
    extract::State,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};

use super::{
    DemoProvider, DemoUser,
    authorize_request::{AuthorizeError, AuthorizeRequest, Destination, Prompt},
    client::origin_of,
    memory::{Grant, Session},
    pages::{self, ErrorPage},
    params::Params,
    secret::Secret,
    users::UserList,
};

/// A signed-in user, and the cookie to set if the sign-in is new.
pub(super) struct SignedIn<'u> {
    pub(super) user: &'u DemoUser,
    pub(super) session: Session,
    pub(super) cookie: Option<HeaderValue>,
}

pub(super) async fn authorize(
    State(provider): State<DemoProvider>,
    method: Method,
    headers: HeaderMap,
    Form(pairs): Form<Vec<(String, String)>>,
) -> Result<Response, ErrorPage> {
    let params = Params::new(pairs);
    let destination = Destination::find(&params, provider.clients()).map_err(ErrorPage::bad_request)?;
    let refused = |destination: &Destination, error: &AuthorizeError| {
        tracing::info!(target: "alb_emulator", "demo provider: {}: {}", error.code, error.description);
        redirect(&method, &destination.with_error(error), [])
    };
    if let Some(error) = provider.forced_error() {
        return refused(&destination, &error);
    }
    let request = match AuthorizeRequest::read(destination.clone(), &params) {
        Ok(request) => request,
        Err(error) => return refused(&destination, &error),
    };
    let users = provider.inner().users.now().await;
    match signed_in(&provider, &request, &users, &headers)? {
        Some(who) => respond_with_code(&provider, &method, &request, who),
        None if request.prompt == Prompt::None => {
            refused(&destination, &AuthorizeError::new("login_required", "no matching user is signed in"))
        }
        None => login_page(&provider, request, &users, &headers),
    }
}

/// The user, if no page is needed.
fn signed_in<'u>(
    provider: &DemoProvider,
    request: &AuthorizeRequest,
    users: &'u UserList,
    headers: &HeaderMap,
) -> Result<Option<SignedIn<'u>>, ErrorPage> {
    let now = provider.inner().clock.monotonic();
    let cookie = provider.inner().cookies.session(headers);
    let session = cookie.and_then(|cookie| provider.inner().memory.lock().session(&cookie, now));
    let auto = provider.inner().switches.lock().auto_sign_in.clone();
    if let Some(user) = auto.as_deref().and_then(|id| users.by_id(id)) {
        return match session.filter(|session| session.user == user.id()) {
            Some(session) => Ok(Some(SignedIn { user, session, cookie: None })),
            None => SignedIn::new(provider, user).map(Some),
        };
    }
    let Some(session) = session else { return Ok(None) };
    let Some(user) = users.by_id(&session.user) else { return Ok(None) };
    let fits = request.login_hint.as_deref().is_none_or(|hint| user.is_meant_by(hint));
    let age = unix_now(provider).saturating_sub(session.since);
    let is_fresh = request.max_age.is_none_or(|max_age| age <= max_age);
    let is_enough = fits && is_fresh && request.prompt != Prompt::Login;
    Ok(is_enough.then_some(SignedIn { user, session, cookie: None }))
}

impl<'u> SignedIn<'u> {
    /// Signs the user in at the provider.
    pub(super) fn new(provider: &DemoProvider, user: &'u DemoUser) -> Result<Self, ErrorPage> {
        let now = provider.inner().clock.monotonic();
        let (cookie, session) = provider.inner().memory.lock().open_session(user.id(), unix_now(provider), now)?;
        Ok(Self { user, session, cookie: provider.inner().cookies.set_session(cookie.as_str()) })
    }
}

/// Redirects the browser to the client with a code.
pub(super) fn respond_with_code(
    provider: &DemoProvider,
    method: &Method,
    request: &AuthorizeRequest,
    who: SignedIn<'_>,
) -> Result<Response, ErrorPage> {
    let SignedIn { user, session, cookie } = who;
    let grant = Grant {
        client_id: request.destination.client_id.clone(),
        user: user.id().to_owned(),
        subject: user.subject().to_owned(),
        session,
        scope: request.scope.clone(),
        nonce: request.nonce.clone(),
    };
    let code = provider.inner().memory.lock().issue_code(grant, request, provider.inner().clock.monotonic())?;
    tracing::info!(
        target: "alb_emulator",
        "demo provider: {} signs in at {}",
        crate::internal::quoted(user.id()),
        crate::internal::quoted(&request.destination.client_id)
    );
    redirect(method, &request.destination.with_code(code.as_str()), cookie.map(|cookie| (header::SET_COOKIE, cookie)))
}

fn login_page(
    provider: &DemoProvider,
    request: AuthorizeRequest,
    users: &UserList,
    headers: &HeaderMap,
) -> Result<Response, ErrorPage> {
    let cookies = &provider.inner().cookies;
    let browser = match cookies.browser(headers).filter(|browser| browser.len() >= 43) {
        Some(browser) => browser,
        None => Secret::generate()?.as_str().to_owned(),
    };
    let hint = request.login_hint.clone();
    let origin = origin_of(&request.destination.redirect_uri).unwrap_or_default();
    let now = provider.inner().clock.monotonic();
    let ticket = provider.inner().memory.lock().wait_for_login(request, &browser, now)?;
    let page = pages::login(users, &origin, ticket.as_str(), hint.as_deref());
    let cookie = cookies.set_browser(&browser).map(|cookie| [(header::SET_COOKIE, cookie)]);
    Ok((cookie.map(axum::response::AppendHeaders), page).into_response())
}

/// Redirects the browser, which then uses GET.
pub(super) fn redirect(
    method: &Method,
    to: &str,
    headers: impl IntoIterator<Item = (HeaderName, HeaderValue)>,
) -> Result<Response, ErrorPage> {
    let to = HeaderValue::try_from(to).map_err(|_| ErrorPage::bad_request("The redirect URI is not a valid URL."))?;
    let status = if method == Method::POST { StatusCode::SEE_OTHER } else { StatusCode::FOUND };
    let mut response = (status, [(header::LOCATION, to)]).into_response();
    response.headers_mut().extend(headers.into_iter().map(|(name, value)| (Some(name), value)));
    Ok(response)
}

fn unix_now(provider: &DemoProvider) -> u64 {
    provider.inner().clock.unix_now().unwrap_or_default()
}
