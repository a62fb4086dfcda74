//! The answer to the login page.

use axum::{Form, extract::State, response::Response};
use http::{HeaderMap, Method, StatusCode};

use super::{
    DemoProvider,
    authorize::{SignedIn, answer_with_code, redirect},
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
            "This login page is used up",
            "It was answered before, is older than 15 minutes, or was not made for this browser. Go back to the application \
             and start again.",
        )
    })?;
    if one("cancel")?.is_some() {
        let error = AuthorizeError::new("access_denied", "the user chose to cancel");
        return redirect(&method, &request.destination.with_error(&error), None);
    }
    let users = provider.inner().users.now().await;
    let chosen = one("user")?.unwrap_or_default();
    let user = users.by_id(chosen).ok_or_else(|| {
        let sentence =
            format!("There is no user {} here any more. Go back to the application and start again.", quoted(chosen));
        ErrorPage::new(StatusCode::BAD_REQUEST, "Nobody was chosen", sentence)
    })?;
    let who = SignedIn::new(&provider, user)?;
    answer_with_code(&provider, &method, &request, who)
}
