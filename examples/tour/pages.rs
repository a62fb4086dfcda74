//! Pages without scripts, in the style of the demo provider.

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{Html, IntoResponse, Response},
};
use serde_json::{Map, Value};
use tower_alb_auth::{BackstageIdentity, EntityRef};

use crate::app::{ADMINS, Site};

pub const STYLE: &str = include_str!("../../src/emulator/provider/pages/style.css");
pub const ICON: &str = include_str!("../../src/emulator/provider/pages/icon.svg");

/// A page, and the targets that its form may have.
#[derive(Debug)]
pub struct Page {
    title: &'static str,
    main: String,
    form_targets: String,
}

impl Page {
    fn new(title: &'static str, site: &Site, main: String) -> Self {
        Self { title, main, form_targets: format!("'self' {} {}", site.provider, site.url) }
    }
}

impl IntoResponse for Page {
    fn into_response(self) -> Response {
        let Self { title, main, form_targets } = self;
        let policy = format!(
            "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action {form_targets}"
        );
        let html = format!(
            r#"<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title} - Tour</title>
<link rel="icon" href="/icon.svg" type="image/svg+xml">
<link rel="stylesheet" href="/style.css">
</head>
<body>
{main}
</body>
</html>
"#
        );
        let mut response = Html(html).into_response();
        let headers = response.headers_mut();
        if let Ok(policy) = HeaderValue::try_from(policy) {
            headers.insert(header::CONTENT_SECURITY_POLICY, policy);
        }
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        // Not no-referrer, under which browsers send no origin with the form that signs out.
        headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("same-origin"));
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        response
    }
}

pub fn profile(user: &BackstageIdentity, site: &Site) -> Page {
    let profile = user.profile();
    let owned: String = user.ownership_entity_refs().iter().map(item).collect();
    let email = profile.email().map_or("not sent by the provider".to_owned(), text);
    // Most providers serve the picture only with one of their tokens, so the page shows initials.
    let picture = profile.picture().map_or("not sent by the provider".to_owned(), text);
    let claims: Map<String, Value> = serde_json::from_str(user.claims().as_json()).unwrap_or_default();
    let claims: String = claims.iter().map(|(name, value)| row(name, &claim(value))).collect();
    let main = format!(
        r#"{header}<main class="card wide">
{greeting}
<h2>Who you are to this application</h2>
<table><tbody>
<tr><th scope="row">Entity ref</th><td><code id="entity-ref">{entity}</code></td></tr>
<tr><th scope="row">Ownership</th><td><ul class="plain" id="ownership">{owned}</ul></td></tr>
<tr><th scope="row">Email</th><td><bdi>{email}</bdi></td></tr>
<tr><th scope="row">Picture</th><td><bdi>{picture}</bdi></td></tr>
</tbody></table>
<h2>The claims</h2>
<table id="claims"><caption>Sent by the provider, signed by the load balancer, verified by this application.
The load balancer added <code>exp</code> and <code>iss</code>.</caption><tbody>
{claims}</tbody></table>
<h2>How the application knows you</h2>
<ol class="steps">
<li>You chose a user at the provider, <bdi>{provider}</bdi>, which sent the load balancer a code.</li>
<li>The load balancer exchanged the code for tokens, requested your claims, and keeps them in an encrypted cookie.</li>
<li>For each request it signs the claims in the header <code>x-amzn-oidc-data</code>, valid for two minutes.</li>
<li><code>AlbAuthLayer</code> verified signature, signer, issuer, client id and time. The sign-in policy named you <code>{entity}</code>.</li>
</ol>
</main>"#,
        header = navigation(Some("/")),
        greeting = greeting(user, "You are signed in."),
        entity = text(user.user_entity_ref().as_str()),
        provider = text(&site.provider),
    );
    Page::new("Your profile", site, main)
}

pub fn admin(user: &BackstageIdentity, site: &Site) -> Page {
    let main = format!(
        r#"{header}<main class="card wide">
{greeting}
<p>This page is for members of <code>{ADMINS}</code>, and you are one: the provider sent the group <code>platform-admins</code>, and the
application's sign-in policy maps that to the group.</p>
</main>"#,
        header = navigation(Some("/admin")),
        greeting = greeting(user, "You may administrate."),
    );
    Page::new("Administration", site, main)
}

pub fn not_for_you(site: &Site) -> Page {
    let main = format!(
        r#"{header}<main class="card wide">
{BADGE}<h1>This page is not for you</h1>
<p class="notice">It is for members of <code>{ADMINS}</code>.</p>
<p><a href="/">Your profile</a> lists your groups under Ownership. Sign out and choose Ada Admin to see this page.</p>
</main>"#,
        header = navigation(Some("/admin")),
    );
    Page::new("Not for you", site, main)
}

/// The page of a request that the layer rejects. The reason is in the log for the operator; the page is the same for every
/// reason of one status.
pub fn no_access(status: StatusCode, site: &Site) -> (StatusCode, Page) {
    let (title, says, sign_out) = match status {
        StatusCode::UNAUTHORIZED => (
            "You are not signed in",
            format!("Open this application at its load balancer: <a href=\"{0}\">{0}</a>.", text(&site.url)),
            "",
        ),
        StatusCode::SERVICE_UNAVAILABLE => {
            ("Please try again", "Your sign-in cannot be checked at the moment.".to_owned(), "")
        }
        _ => (
            "You have no access",
            "You are signed in, but you have no access to this application. Its log has the reason. Sign out to sign in as \
             another user."
                .to_owned(),
            SIGN_OUT,
        ),
    };
    let main = format!(
        "<main class=\"card\">\n{BADGE}<h1>{title}</h1>\n<p>{says}</p>\n<div class=\"actions\">{sign_out}</div>\n</main>"
    );
    (status, Page::new("No access", site, main))
}

pub fn not_found(site: &Site) -> Page {
    let main = format!(
        "{}<main class=\"card wide\">\n<h1>There is no such page</h1>\n<p>The tour has two: your profile and the admin page.</p>\n</main>",
        navigation(None)
    );
    Page::new("No such page", site, main)
}

pub fn goodbye(site: &Site) -> Page {
    let main = format!(
        r#"<main class="card">
{BADGE}<h1>You are signed out</h1>
<p>The load balancer's session has ended, and the provider's too. This page needs neither.</p>
<div class="actions"><a class="button primary" href="/">Sign in again</a></div>
</main>"#
    );
    Page::new("Goodbye", site, main)
}

const BADGE: &str = "<p class=\"badge\">Demo application</p>\n";

const SIGN_OUT: &str =
    "<form method=\"post\" action=\"/sign-out\"><button type=\"submit\" id=\"sign-out\">Sign out</button></form>";

/// Links to the two pages, and the sign-out button.
fn navigation(here: Option<&str>) -> String {
    let link = |path: &str, name: &str| {
        let current = if here == Some(path) { " aria-current=\"page\"" } else { "" };
        format!("<a href=\"{path}\"{current}>{name}</a>")
    };
    let (profile, admin) = (link("/", "Profile"), link("/admin", "Admin"));
    format!("<header class=\"bar\"><nav aria-label=\"Pages\">{profile}{admin}</nav>{SIGN_OUT}</header>\n")
}

fn greeting(user: &BackstageIdentity, says: &str) -> String {
    let name = user.profile().display_name();
    format!(
        r#"{BADGE}<div class="greeting"><span class="avatar large tone-0" aria-hidden="true">{}</span>
<div><h1>Hello, <bdi>{}</bdi></h1>
<p class="lead">{says}</p></div></div>"#,
        text(initials(name)),
        text(name)
    )
}

fn item(entity: &EntityRef) -> String {
    format!("<li><code>{}</code></li>", text(entity.as_str()))
}

fn row(name: &str, value: &str) -> String {
    format!("<tr><th scope=\"row\"><bdi>{}</bdi></th><td><bdi>{}</bdi></td></tr>\n", text(name), text(value))
}

/// A text as it is, anything else as JSON.
fn claim(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn initials(name: &str) -> String {
    let mut words = name.split_whitespace().filter_map(|word| word.chars().find(|c| c.is_alphanumeric()));
    let first = words.next();
    first.into_iter().chain(words.next_back()).flat_map(char::to_uppercase).collect()
}

/// Escapes a text for HTML. Every value of a provider or a user passes through here.
fn text(text: impl AsRef<str>) -> String {
    let text = text.as_ref();
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;").replace('\'', "&#39;")
}
