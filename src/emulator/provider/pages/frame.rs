//! The frame of all pages.

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};

use crate::emulator::provider::html::{Html, Part};

const FRAME: &str = r#"<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{}</title>
<link rel="icon" href="/icon.svg" type="image/svg+xml">
<link rel="stylesheet" href="/style.css">
</head>
<body>
<main class="card">
<p class="badge">Development only</p>
{}
</main>
<footer class="foot">
<p>The demo identity provider of <bdi>tower-alb-auth</bdi>. It asks for no password and protects nothing: anyone can
sign in as any user.</p>
</footer>
</body>
</html>
"#;

/// A page: its title, its content, and where its form may lead.
#[derive(Debug)]
pub(in super::super) struct Page {
    status: StatusCode,
    title: &'static str,
    main: Html,
    form_targets: Option<String>,
}

impl Page {
    pub(super) fn new(title: &'static str, template: &'static str, parts: &[&dyn Part]) -> Self {
        Self { status: StatusCode::OK, title, main: Html::fill(template, parts), form_targets: None }
    }

    pub(super) fn status(mut self, status: StatusCode) -> Self {
        self.status = status;
        self
    }

    /// The page has a form whose response may redirect to this origin. Chromium applies the page's
    /// policy also to redirects that follow a form, so the origin must be named.
    pub(super) fn with_form(mut self, origin: &str) -> Self {
        // A policy cannot contain an IPv6 address; the scheme is the closest match.
        let source = match origin.split_once("[") {
            Some((scheme, _)) => scheme.trim_end_matches('/'),
            None => origin,
        };
        self.form_targets = Some(format!("'self' {source}"));
        self
    }
}

impl IntoResponse for Page {
    fn into_response(self) -> Response {
        let policy = format!(
            "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action {}",
            self.form_targets.as_deref().unwrap_or("'none'")
        );
        let html = Html::fill(FRAME, &[&self.title, &self.main]).into_string();
        let mut response = (self.status, [(header::CONTENT_TYPE, "text/html; charset=utf-8")], html).into_response();
        if let Ok(policy) = HeaderValue::try_from(policy) {
            response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
        }
        response
    }
}
