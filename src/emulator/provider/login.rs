//! The form of the login page.

use axum::{Form, extract::State, response::Response};
use http::{HeaderMap, Method, StatusCode};

use super::{
    DemoProvider,
    authorize::{SignedIn, redirect, respond_with_code},
    authorize_request::AuthorizeError,
    pages::ErrorPage,
    params::Params,
};
use crate::internal::quoted;

pub(super) async fn login(
    State(provider): State<DemoProvider>,
    method: Method,
    headers: HeaderMap,
    Form(pairs): Form<Vec<(String, String)>>,
) -> Result<Response, ErrorPage> {
    let params = Params::new(pairs);
    let one = |name| params.one(name).map_err(ErrorPage::bad_request);
    let browser = provider.inner().cookies.browser(&headers).unwrap_or_default();
    let now = provider.inner().clock.monotonic();
    let request = provider.inner().memory.lock().take_login(one("ticket")?.unwrap_or_default(), &browser, now);
    let request = request.ok_or_else(|| {
        ErrorPage::new(
            StatusCode::BAD_REQUEST,
            "This login page is no longer valid",
            "It was used before, is older than 15 minutes, or was opened in another browser. Go back to the application \
             and start again.",
        )
    })?;
    if one("cancel")?.is_some() {
        let error = AuthorizeError::new("access_denied", "the user cancelled the sign-in");
        return redirect(&method, &request.destination.with_error(&error), None);
    }
    let users = provider.inner().users.now().await;
    let chosen = one("user")?.unwrap_or_default();
    let user = users.by_id(chosen).ok_or_else(|| {
        let message =
            format!("The user {} no longer exists. Go back to the application and start again.", quoted(chosen));
        ErrorPage::new(StatusCode::BAD_REQUEST, "No user was chosen", message)
    })?;
    let who = SignedIn::new(&provider, user)?;
    respond_with_code(&provider, &method, &request, who)
}
