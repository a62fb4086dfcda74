//! Pages without a form.

use axum::response::{IntoResponse, Response};
use http::StatusCode;

use super::Page;
use crate::emulator::provider::{DemoProvider, html::Html, users::UserList};

const SIGNED_OUT: &str = r#"<h1>You are signed out</h1>
<p class="lead">No user is signed in at the demo provider in this browser.</p>"#;

const ERROR: &str = r#"<h1>{}</h1>
<p>{}</p>"#;

const ABOUT: &str = r#"<h1>OpenID Connect provider for development</h1>
<p class="lead">Applications find the endpoints at
<a href="/.well-known/openid-configuration">/.well-known/openid-configuration</a>.</p>
{}<h2>Clients</h2>
<table><caption>Each with the addresses that it may ask for a code at</caption><tbody>
{}</tbody></table>
<h2>Users</h2>
<table><caption>By these ids they are named in <code>login_hint</code></caption><tbody>
{}</tbody></table>"#;

/// Shown after a sign-out without a redirect.
pub(in super::super) fn signed_out() -> Page {
    Page::new("Signed out", SIGNED_OUT, &[])
}

/// The start page of the provider.
pub(in super::super) fn about(provider: &DemoProvider, users: &UserList) -> Page {
    const ROW: &str = "<tr><th scope=\"row\"><bdi>{}</bdi></th><td><bdi>{}</bdi></td></tr>\n";
    let problem = users.problem().map(|problem| {
        Html::fill(
            "<p class=\"notice\" role=\"alert\">The previous users are still in use, because {}.</p>\n",
            &[&problem],
        )
    });
    let clients: Html = provider
        .clients()
        .iter()
        .map(|client| Html::fill(ROW, &[&client.id(), &client.redirect_uris().join(" ")]))
        .collect();
    let users: Html = users.users().iter().map(|user| Html::fill(ROW, &[&user.id(), &user.display_name()])).collect();
    Page::new("Demo provider", ABOUT, &[&problem.unwrap_or_default(), &clients, &users])
}

/// An error that cannot be sent to a client, so the user sees it.
#[derive(Debug)]
pub(in super::super) struct ErrorPage {
    status: StatusCode,
    title: &'static str,
    message: String,
}

impl ErrorPage {
    pub(in super::super) fn new(status: StatusCode, title: &'static str, message: impl Into<String>) -> Self {
        Self { status, title, message: message.into() }
    }

    /// The request is invalid, and no client can be informed.
    pub(in super::super) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "Invalid request", message)
    }
}

impl From<aws_lc_rs::error::Unspecified> for ErrorPage {
    fn from(_: aws_lc_rs::error::Unspecified) -> Self {
        let message = "The operating system provides no random bytes.";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "Internal error", message)
    }
}

impl IntoResponse for ErrorPage {
    fn into_response(self) -> Response {
        if self.status != StatusCode::NOT_FOUND {
            tracing::info!(target: "alb_emulator", "demo provider: {}", self.message);
        }
        Page::new(self.title, ERROR, &[&self.title, &self.message]).status(self.status).into_response()
    }
}
