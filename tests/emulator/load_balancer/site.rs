//! An emulator on free ports, an application behind it, and a browser in front.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use axum::{Json, Router, extract::Request, response::IntoResponse, routing::any};
use http::{HeaderMap, Method, StatusCode};
use reqwest::{cookie::Jar, redirect::Policy};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tower_alb_auth::{
    AlbAuthConfig, AlbAuthLayer, BackstageIdentity, Clock as _, SignOut,
    emulator::{Emulator, EmulatorConfig},
    sign_in::{FirstMatch, Subject, WholeEmail},
    test_util::TestClock,
};

use crate::load_balancer::scripted::Scripted;

pub struct Site {
    pub emulator: Emulator,
    pub clock: TestClock,
    pub calls: Arc<AtomicUsize>,
}

impl Site {
    pub async fn new() -> Self {
        Self::with(|config| config).await
    }

    /// With a provider that says what a test wants.
    pub async fn scripted() -> (Self, Scripted) {
        Self::scripted_with(|config| config).await
    }

    pub async fn scripted_with(change: impl FnOnce(EmulatorConfig) -> EmulatorConfig) -> (Self, Scripted) {
        // The clocks of the tests begin now.
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970").as_secs();
        let scripted = Scripted::start(now).await;
        let site = Self::with(|config| change(scripted.configure(config))).await;
        (site, scripted)
    }

    /// An application that says what it got, behind the layer of production, behind the emulator.
    pub async fn with(change: impl FnOnce(EmulatorConfig) -> EmulatorConfig) -> Self {
        let clock = TestClock::new();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
        let target = listener.local_addr().expect("an address");
        let config = EmulatorConfig::on_free_ports().target(format!("http://{target}")).clock(clock.clone());
        let emulator = Emulator::start(change(config)).await.expect("a sound configuration");
        let calls = Arc::new(AtomicUsize::new(0));
        let app = application(&emulator, &clock, Arc::clone(&calls));
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { emulator, clock, calls }
    }

    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.emulator.url())
    }

    /// The clock's date, in seconds since 1970.
    pub fn unix_now(&self) -> u64 {
        self.clock.now().duration_since(std::time::UNIX_EPOCH).expect("after 1970").as_secs()
    }

    pub fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }

    pub fn browser(&self) -> Browser<'_> {
        self.browser_with_jar().0
    }

    /// A browser, and its cookies.
    pub fn browser_with_jar(&self) -> (Browser<'_>, Arc<Jar>) {
        let jar = Arc::new(Jar::default());
        let idp: SocketAddr = (Ipv4Addr::LOCALHOST, 0).into();
        let client = reqwest::Client::builder()
            .cookie_provider(Arc::clone(&jar))
            .redirect(Policy::none())
            .resolve("app.localhost", self.emulator.address())
            .resolve("idp.localhost", idp)
            .no_proxy()
            .build()
            .expect("a browser");
        (Browser { site: self, client }, jar)
    }
}

/// Says who it is and what it saw; at `/sign-out` it expires the session's cookies.
fn application(emulator: &Emulator, clock: &TestClock, calls: Arc<AtomicUsize>) -> Router {
    let policy = FirstMatch::of(WholeEmail::in_domains(["example.com"])).or(Subject::new().in_namespace("subjects"));
    let config = AlbAuthConfig::builder().trust(emulator.trusted()).sign_in(policy).clock(clock.clone()).build();
    let layer = AlbAuthLayer::new(config.expect("a sound configuration")).optional().keep_headers();
    let say = move |user: Option<BackstageIdentity>, request: Request| {
        calls.fetch_add(1, Ordering::SeqCst);
        async move {
            match request.uri().path() {
                "/sign-out" => SignOut::builder().build().expect("sound").response(&Method::POST, request.headers()),
                _ => Json(said(user, &request)).into_response(),
            }
        }
    };
    Router::new().fallback(any(say)).layer(layer)
}

fn said(user: Option<BackstageIdentity>, request: &Request) -> Value {
    let headers: serde_json::Map<String, Value> = request
        .headers()
        .iter()
        .map(|(name, value)| (name.to_string(), json!(String::from_utf8_lossy(value.as_bytes()))))
        .collect();
    json!({
        "user": user.map(|user| user.user_entity_ref().to_string()),
        "path": request.uri().to_string(),
        "headers": headers,
    })
}

/// What came back.
#[derive(Debug)]
pub struct Page {
    pub status: u16,
    pub headers: HeaderMap,
    pub text: String,
}

impl Page {
    pub async fn of(answer: reqwest::Response) -> Self {
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        Self { status, headers, text: answer.text().await.expect("a text") }
    }

    pub fn location(&self) -> &str {
        self.headers.get("location").unwrap_or_else(|| panic!("{self:?}")).to_str().expect("ASCII")
    }

    /// What the application said.
    #[track_caller]
    pub fn said(&self) -> Value {
        assert_eq!(self.status, StatusCode::OK, "{self:?}");
        serde_json::from_str(&self.text).expect("JSON")
    }

    /// Who the application says it is.
    #[track_caller]
    pub fn user(&self) -> Option<String> {
        self.said()["user"].as_str().map(str::to_owned)
    }

    /// A header that the application saw.
    #[track_caller]
    pub fn saw(&self, name: &str) -> Option<String> {
        self.said()["headers"][name].as_str().map(str::to_owned)
    }

    pub fn cookies(&self) -> Vec<&str> {
        self.headers.get_all("set-cookie").iter().map(|value| value.to_str().expect("ASCII")).collect()
    }
}

pub struct Browser<'s> {
    pub site: &'s Site,
    pub client: reqwest::Client,
}

impl Browser<'_> {
    /// One request, no redirect followed.
    pub async fn get(&self, path: &str) -> Page {
        self.visit(&self.site.url(path)).await
    }

    pub async fn visit(&self, url: &str) -> Page {
        Page::of(self.client.get(url).send().await.expect("an answer")).await
    }

    /// Is sent off to a scripted provider, and comes back with a code.
    pub async fn callback(&self, path: &str) -> Page {
        let sent_off = self.get(path).await;
        let state = query(sent_off.location(), "state");
        self.get(&format!("/oauth2/idpresponse?code=code-1&state={state}")).await
    }

    /// Signs in as this user of the demo provider, by its page, and gives what the browser sees at the end.
    pub async fn sign_in(&self, path: &str, user: &str) -> Page {
        let callback = self.to_callback(path, user).await;
        let back = self.visit(&callback).await;
        assert_eq!(back.status, 302, "{back:?}");
        self.visit(back.location()).await
    }

    /// Signs in at the provider, up to the address that it sends the browser back to.
    pub async fn to_callback(&self, path: &str, user: &str) -> String {
        let sent_off = self.get(path).await;
        assert_eq!(sent_off.status, 302, "{sent_off:?}");
        self.at_provider(sent_off.location(), user).await
    }

    pub async fn at_provider(&self, authorize: &str, user: &str) -> String {
        let mut page = self.visit(authorize).await;
        // A provider that shows its page at an address of its own.
        while page.status == 303 || page.status == 302 {
            let location = page.location().to_owned();
            if location.starts_with(self.site.emulator.url()) {
                return location;
            }
            page = self.visit(&absolute(authorize, &location)).await;
        }
        let form = Form::of(&page.text);
        let button = [("user".to_owned(), user.to_owned())];
        let fields: Vec<(String, String)> = form.fields.into_iter().chain(button).collect();
        let answer = self.client.post(absolute(authorize, &form.action)).form(&fields).send().await.expect("an answer");
        Page::of(answer).await.location().to_owned()
    }
}

/// A parameter of an address, as it is written there.
pub fn query(url: &str, name: &str) -> String {
    let pairs = url.split_once('?').map_or("", |(_, query)| query).split('&');
    let mut values = pairs.filter_map(|pair| pair.strip_prefix(&format!("{name}=")));
    values.next().unwrap_or_else(|| panic!("no {name} in {url}")).to_owned()
}

fn absolute(base: &str, location: &str) -> String {
    reqwest::Url::parse(base).expect("a URL").join(location).expect("a URL").into()
}

/// The form of a page: where it goes, and its hidden fields.
struct Form {
    action: String,
    fields: Vec<(String, String)>,
}

impl Form {
    fn of(page: &str) -> Self {
        let attribute = |tag: &str, name: &str| {
            let rest = tag.split(&format!("{name}=\"")).nth(1)?;
            rest.split('"').next().map(|text| text.replace("&amp;", "&"))
        };
        let form = page.split("<form").nth(1).unwrap_or_else(|| panic!("no form in {page}"));
        let form = form.split("</form>").next().expect("an end");
        let action = attribute(form, "action").expect("an action");
        let hidden = form.split("<input").skip(1).filter(|input| input.contains("type=\"hidden\""));
        let fields = hidden
            .map(|input| (attribute(input, "name").expect("a name"), attribute(input, "value").unwrap_or_default()));
        Self { action, fields: fields.collect() }
    }
}
