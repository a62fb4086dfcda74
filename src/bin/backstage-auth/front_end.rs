//! A built front end, served as Backstage's app-backend serves it.
//!
//! | path | response | `Cache-Control` |
//! |---|---|---|
//! | `/static/*` | the file, whose name contains its hash; else 404 | two weeks |
//! | another file | the file, unless its name begins with a dot | `no-store` for pages; none for other files |
//! | any other path, as a page | `index.html`, which routes in the browser | `no-store` |
//! | any other path, as something else | 404: see [`is_page`] | |
//!
//! No settings are injected: the front end has those that it was built with, not those of this service's files.

use std::path::Path;

use axum::{
    Router,
    extract::Request,
    http::{HeaderMap, HeaderValue, Response, StatusCode, Uri, header},
    middleware::{Next, from_fn},
    response::IntoResponse,
};
use percent_encoding::percent_decode_str;
use tower_http::{
    services::{ServeDir, ServeFile},
    set_header::SetResponseHeaderLayer,
};
use tower_layer::Layer;

const TWO_WEEKS: HeaderValue = HeaderValue::from_static("public, max-age=1209600");
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store, max-age=0");

/// The front end of this folder, `dist` of the package `app`.
pub fn routes(folder: &Path) -> Result<Router, String> {
    let index = folder.join("index.html");
    if !index.is_file() || !folder.join("static").is_dir() {
        return Err(format!(
            "--static {} does not contain a built front end: expected index.html and static/ in it, as in packages/app/dist \
             after `yarn workspace app build`; leave --static out to run without a front end",
            folder.display()
        ));
    }
    let kept = SetResponseHeaderLayer::overriding(header::CACHE_CONTROL, |response: &Response<_>| {
        (response.status().is_success() || response.status() == StatusCode::NOT_MODIFIED).then_some(TWO_WEEKS)
    });
    let page = SetResponseHeaderLayer::overriding(header::CACHE_CONTROL, |response: &Response<_>| {
        let kind = response.headers().get(header::CONTENT_TYPE)?;
        kind.as_bytes().starts_with(b"text/html").then_some(NO_STORE)
    });
    // No other site may show it in a frame (clickjacking).
    let framed = SetResponseHeaderLayer::overriding(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    let pages = Router::new().fallback_service(ServeFile::new(index)).layer(from_fn(only_pages));
    Ok(Router::new()
        .nest_service("/static", kept.layer(ServeDir::new(folder.join("static"))))
        .fallback_service(page.layer(ServeDir::new(folder).fallback(pages)))
        .layer(from_fn(without_dot_files))
        .layer(framed))
}

/// Paths at which monitoring systems probe by convention. A page with status 200 there would report a service that does not
/// have the path as healthy.
const PROBES: [&str; 8] = ["healthz", "readyz", "livez", "metrics", "health", "healthcheck", "ready", "live"];

async fn only_pages(request: Request, next: Next) -> axum::response::Response {
    match is_page(request.uri().path(), request.headers()) {
        true => next.run(request).await,
        false => (StatusCode::NOT_FOUND, [(header::CACHE_CONTROL, NO_STORE)]).into_response(),
    }
}

/// Whether the request is for a page: at no path of a probe, and not for a script, a style or data, as browsers say in
/// `Sec-Fetch-Dest` and other clients in `Accept`.
fn is_page(path: &str, headers: &HeaderMap) -> bool {
    let first = path.trim_start_matches('/').split('/').next().unwrap_or_default();
    if PROBES.iter().any(|probe| first.eq_ignore_ascii_case(probe)) {
        return false;
    }
    let is_text = |value: &HeaderValue, accepted: &[&str]| {
        value.to_str().is_ok_and(|value| accepted.iter().any(|accepted| value.to_ascii_lowercase().contains(accepted)))
    };
    let is_shown =
        headers.get("sec-fetch-dest").is_none_or(|to| is_text(to, &["document", "frame", "embed", "object"]));
    let mut accepted = headers.get_all(header::ACCEPT).iter().peekable();
    is_shown && (accepted.peek().is_none() || accepted.any(|accept| is_text(accept, &["text/html", "text/*", "*/*"])))
}

/// Dot files, such as the schema of the settings, are not part of a front end.
async fn without_dot_files(mut request: Request, next: Next) -> axum::response::Response {
    // Decoded as a whole, as `ServeDir` does: `static%2f.env` is one segment before decoding and two after.
    let path = percent_decode_str(request.uri().path()).collect::<Vec<u8>>();
    if path.split(|byte| matches!(byte, b'/' | b'\\')).any(|segment| segment.starts_with(b".")) {
        *request.uri_mut() = Uri::from_static("/");
    }
    next.run(request).await
}
