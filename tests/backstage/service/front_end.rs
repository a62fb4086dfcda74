//! A built front end, beside the auth backend.

use std::{fs, path::Path};

use http::header::CACHE_CONTROL;
use tempfile::TempDir;

use crate::{
    service::site::Site,
    support::backstage_auth::{Service, run},
};

const TWO_WEEKS: &str = "public, max-age=1209600";
const NOT_AT_ALL: &str = "no-store, max-age=0";

/// As `yarn workspace app build` leaves it.
fn built() -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let dist = folder.path().join("dist");
    fs::create_dir_all(dist.join("static")).expect("a folder");
    for (file, text) in [
        ("index.html", "<!doctype html><title>Portal</title>"),
        ("static/main.0a1b2c.js", "console.log('portal')"),
        ("favicon.ico", "icon"),
        ("manifest.json", "{}"),
        (".config-schema.json", "{\"schemas\":[]}"),
    ] {
        fs::write(dist.join(file), text).expect("written");
    }
    folder
}

struct Seen {
    status: u16,
    body: String,
    cache: Option<String>,
    kind: Option<String>,
}

async fn see(service: &Service, path: &str) -> Seen {
    let answer = reqwest::get(service.at(path)).await.expect("an answer");
    let header = |name| answer.headers().get(name).map(|value: &http::HeaderValue| value.to_str().unwrap().to_owned());
    let (cache, kind) = (header(CACHE_CONTROL), header(http::header::CONTENT_TYPE));
    assert_eq!(answer.headers().get("x-frame-options").map(|value| value.as_bytes()), Some(&b"DENY"[..]), "{path}");
    Seen { status: answer.status().as_u16(), cache, kind, body: answer.text().await.expect("a text") }
}

#[tokio::test]
async fn files_are_served_as_app_backend_serves_them() {
    let site = Site::of(built(), &["--without-catalog", "--static", "dist"]).await;
    for path in [
        "/",
        "/index.html",
        "/catalog/default/component/x",
        "/settings?x=y",
        "/.config-schema.json",
        "/%2econfig-schema.json",
        "/a/../.config-schema.json",
    ] {
        let seen = see(&site.service, path).await;
        assert_eq!((seen.status, seen.cache.as_deref()), (200, Some(NOT_AT_ALL)), "{path}: {}", seen.body);
        assert!(seen.body.contains("Portal") && seen.kind.as_deref() == Some("text/html"), "{path}: {}", seen.body);
    }
    let script = see(&site.service, "/static/main.0a1b2c.js").await;
    assert_eq!((script.status, script.cache.as_deref()), (200, Some(TWO_WEEKS)));
    assert_eq!(script.kind.as_deref(), Some("text/javascript"));
    let icon = see(&site.service, "/favicon.ico").await;
    assert_eq!((icon.status, icon.cache, icon.body.as_str()), (200, None, "icon"));
    let gone = see(&site.service, "/static/main.of-the-version-before.js").await;
    assert_eq!((gone.status, gone.cache), (404, None), "a page must not be taken for a script");
}

/// A page with status 200 would report what is not there as healthy, or be read as a script.
#[tokio::test]
async fn the_page_is_for_pages_and_for_no_probe_script_or_data() {
    let site = Site::of(built(), &["--without-catalog", "--static", "dist"]).await;
    for path in ["/readyz", "/healthz", "/metrics", "/livez", "/Healthz/", "/readyz/ping", "/metrics?x"] {
        let seen = see(&site.service, path).await;
        assert_eq!((seen.status, seen.cache.as_deref()), (404, Some(NOT_AT_ALL)), "{path}: {}", seen.body);
    }
    let client = reqwest::Client::new();
    for (name, value, expected) in [
        ("accept", "text/html,application/xhtml+xml,*/*;q=0.8", 200),
        ("accept", "application/json", 404),
        ("sec-fetch-dest", "document", 200),
        ("sec-fetch-dest", "iframe", 200),
        ("sec-fetch-dest", "script", 404),
        ("sec-fetch-dest", "empty", 404),
    ] {
        let answer = client.get(site.service.at("/assets/chunk.of-before.js")).header(name, value).send().await;
        assert_eq!(answer.expect("an answer").status().as_u16(), expected, "{name}: {value}");
    }
}

/// Clients of Backstage itself look for its documents there, and must not get a page.
#[tokio::test]
async fn well_known_documents_are_not_the_page() {
    let site = Site::of(built(), &["--without-catalog", "--static", "dist"]).await;
    let answer = reqwest::get(site.service.at("/.well-known/oauth-protected-resource")).await.expect("an answer");
    assert_eq!(answer.status(), 404);
}

#[tokio::test]
async fn what_is_no_file_of_it_stays_out_of_reach() {
    let folder = built();
    fs::write(folder.path().join("secret.txt"), "canary").expect("written");
    fs::create_dir(folder.path().join("dist/static/.git")).expect("a folder");
    for hidden in ["static/.git/config", "static/.env"] {
        fs::write(folder.path().join("dist").join(hidden), "canary").expect("written");
    }
    let site = Site::of(folder, &["--without-catalog", "--static", "dist"]).await;
    for path in [
        "/../secret.txt",
        "/%2e%2e/secret.txt",
        "/static/..%2f..%2fsecret.txt",
        "/..%5csecret.txt",
        "//secret.txt",
        "/static/.env",
        "/static/%2eenv",
        // A segment that begins with no dot, until it is decoded.
        "/static%2f.env",
        "/static%2F%2Eenv",
        "/static%2f.git%2fconfig",
        "/static/.%2fx/..%2f.env",
    ] {
        let seen = raw(&site.service, path);
        assert!(!seen.contains("canary"), "{path}: {seen}");
    }
}

/// A path as it is written here, which a client with manners would tidy up.
fn raw(service: &Service, path: &str) -> String {
    use std::io::{Read, Write};
    let mut stream = std::net::TcpStream::connect(&service.url[7..]).expect("a connection");
    write!(stream, "GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").expect("written");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    answer
}

#[tokio::test]
async fn paths_of_back_ends_get_no_page() {
    let site = Site::of(built(), &["--without-catalog", "--static", "dist"]).await;
    for path in ["/api", "/api/catalog/entities", "/api/auth/x", "/api/auth", "/.backstage/x"] {
        let answer = reqwest::get(site.service.at(path)).await.expect("an answer");
        assert_eq!(answer.status(), 404, "{path}");
        let error: serde_json::Value = answer.json().await.expect("JSON");
        assert_eq!(error["error"]["name"], "NotFoundError", "{path}");
    }
    assert_eq!(reqwest::get(site.service.at("/.backstage/health/v1/liveness")).await.unwrap().status(), 200);
    // A page is read, not written to.
    let posted = reqwest::Client::new().post(site.service.at("/catalog")).send().await.expect("an answer");
    assert_eq!(posted.status(), 405);
}

#[test]
fn a_folder_that_is_no_front_end_is_refused_with_what_to_do() {
    let folder = tempfile::tempdir().expect("a folder");
    settings(folder.path());
    let ended = run(folder.path(), &["--static", "dist", "--listen", "127.0.0.1:0"]);
    assert_eq!(ended.code, 1, "{ended:?}");
    for part in ["--static dist does not contain a built front end", "yarn workspace app build", "packages/app/dist"] {
        assert!(ended.stderr.contains(part), "{part} is not in: {}", ended.stderr);
    }
}

fn settings(folder: &Path) {
    fs::write(folder.join("app-config.yaml"), crate::service::settings::SOUND).expect("written");
}
