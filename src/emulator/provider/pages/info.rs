//! Pages on which there is nothing to do.

use axum::response::{IntoResponse, Response};
use http::StatusCode;

use super::Page;
use crate::emulator::provider::{DemoProvider, html::Html, users::UserList};

const SIGNED_OUT: &str = r#"<h1>You are signed out</h1>
<p class="lead">Nobody is signed in at the demo provider in this browser.</p>"#;

const ERROR: &str = r#"<h1>{}</h1>
<p>{}</p>"#;

const ABOUT: &str = r#"<h1>A provider to try things with</h1>
<p class="lead">An OpenID Connect provider for development. Applications find all of it at
<a href="/.well-known/openid-configuration">/.well-known/openid-configuration</a>.</p>
{}<h2>Clients</h2>
<table><caption>Each with the addresses that it may ask for a code at</caption><tbody>
{}</tbody></table>
<h2>Users</h2>
<table><caption>By these ids they are named in <code>login_hint</code></caption><tbody>
{}</tbody></table>"#;

/// After a sign-out that leads nowhere else.
pub(in super::super) fn signed_out() -> Page {
    Page::new("Signed out", SIGNED_OUT, &[])
}

/// What this provider is, for whoever opens its address.
pub(in super::super) fn about(provider: &DemoProvider, users: &UserList) -> Page {
    const ROW: &str = "<tr><th scope=\"row\"><bdi>{}</bdi></th><td><bdi>{}</bdi></td></tr>\n";
    let problem = users.problem().map(|problem| {
        Html::fill("<p class=\"notice\" role=\"alert\">These are the users of before, since {}.</p>\n", &[&problem])
    });
    let clients: Html = provider
        .clients()
        .iter()
        .map(|client| Html::fill(ROW, &[&client.id(), &client.redirect_uris().join(" ")]))
        .collect();
    let users: Html = users.users().iter().map(|user| Html::fill(ROW, &[&user.id(), &user.display_name()])).collect();
    Page::new("Demo provider", ABOUT, &[&problem.unwrap_or_default(), &clients, &users])
}

/// Something went wrong that can be sent nowhere: the user reads it.
#[derive(Debug)]
pub(in super::super) struct ErrorPage {
    status: StatusCode,
    title: &'static str,
    sentence: String,
}

impl ErrorPage {
    pub(in super::super) fn new(status: StatusCode, title: &'static str, sentence: impl Into<String>) -> Self {
        Self { status, title, sentence: sentence.into() }
    }

    /// The request cannot be answered, and whoever sent it cannot be told.
    pub(in super::super) fn bad_request(sentence: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "This request cannot be answered", sentence)
    }
}

impl From<aws_lc_rs::error::Unspecified> for ErrorPage {
    fn from(_: aws_lc_rs::error::Unspecified) -> Self {
        let sentence = "The operating system gives no random numbers.";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "The provider is broken", sentence)
    }
}

impl IntoResponse for ErrorPage {
    fn into_response(self) -> Response {
        if self.status != StatusCode::NOT_FOUND {
            tracing::info!(target: "alb_emulator", "demo provider: {}", self.sentence);
        }
        Page::new(self.title, ERROR, &[&self.title, &self.sentence]).status(self.status).into_response()
    }
}
