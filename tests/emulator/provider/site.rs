//! A provider on a free port, a browser that keeps cookies, and a client of the provider.

use std::collections::HashMap;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use http::{HeaderMap, StatusCode};
use serde_json::Value;
use tokio::net::TcpListener;
use tower_alb_auth::{
    emulator::provider::{DemoClient, DemoProvider, DemoProviderBuilder, DemoProviderServer},
    test_util::TestClock,
};

pub const CLIENT: &str = "tour";
pub const SECRET: &str = "a secret of development";
pub const CALLBACK: &str = "http://app.localhost:9000/oauth2/idpresponse";
pub const GOODBYE: &str = "http://app.localhost:9000/goodbye";
/// Another client, with addresses of its own.
pub const OTHER: &str = "other";
pub const OTHER_CALLBACK: &str = "http://other.localhost:9000/callback?kept=yes";
pub const OTHER_GOODBYE: &str = "http://other.localhost:9000/bye";
/// A verifier, and its S256 as RFC 7636 appendix B gives them.
pub const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
pub const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

pub struct Site {
    pub provider: DemoProviderServer,
    pub clock: TestClock,
}

impl Site {
    pub async fn new() -> Self {
        Self::with(|builder| builder).await
    }

    pub async fn with(change: impl FnOnce(DemoProviderBuilder) -> DemoProviderBuilder) -> Self {
        let clock = TestClock::new();
        let builder = DemoProvider::builder()
            .client(DemoClient::new(CLIENT, SECRET).redirect_uri(CALLBACK).post_logout_redirect_uri(GOODBYE))
            .client(DemoClient::new(OTHER, SECRET).redirect_uri(OTHER_CALLBACK).post_logout_redirect_uri(OTHER_GOODBYE))
            .clock(clock.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        Self { provider: change(builder).serve(listener).expect("a sound provider"), clock }
    }

    /// The provider's own host name, as a browser would have it.
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.provider.issuer())
    }

    pub fn browser(&self) -> Browser<'_> {
        let client = reqwest::Client::builder()
            .cookie_store(true)
            .redirect(reqwest::redirect::Policy::none())
            .resolve("idp.localhost", self.provider.address())
            .no_proxy()
            .build()
            .expect("a browser");
        Browser { site: self, client }
    }

    /// A code for this user, of a fresh browser.
    pub async fn code(&self, user: &str, more: &[(&str, &str)]) -> String {
        let browser = self.browser();
        let page = browser.authorize(more).await;
        browser.choose(&page, user).await.sent_to(CALLBACK)["code"].clone()
    }

    /// Tokens for this user.
    pub async fn tokens(&self, user: &str) -> Tokens {
        let code = self.code(user, &[]).await;
        Tokens::of(&self.redeem(&code, &[]).await)
    }

    /// The token endpoint, asked by the client.
    pub async fn redeem(&self, code: &str, more: &[(&str, &str)]) -> Answer {
        let form = [&[("grant_type", "authorization_code"), ("code", code), ("redirect_uri", CALLBACK)], more].concat();
        self.token(&form).await
    }

    pub async fn refresh(&self, token: &str) -> Answer {
        self.token(&[("grant_type", "refresh_token"), ("refresh_token", token)]).await
    }

    /// The token endpoint, the client proven by the form.
    pub async fn token(&self, form: &[(&str, &str)]) -> Answer {
        let form = [&[("client_id", CLIENT), ("client_secret", SECRET)], form].concat();
        self.browser().post("/token", &form).await
    }

    pub async fn userinfo(&self, access_token: &str) -> Answer {
        let browser = self.browser();
        Answer::of(browser.client.get(self.url("/userinfo")).bearer_auth(access_token)).await
    }
}

pub struct Browser<'s> {
    pub site: &'s Site,
    pub client: reqwest::Client,
}

impl Browser<'_> {
    pub async fn get(&self, path: &str, query: &[(&str, &str)]) -> Answer {
        Answer::of(self.client.get(self.site.url(path)).query(query)).await
    }

    pub async fn post(&self, path: &str, form: &[(&str, &str)]) -> Answer {
        Answer::of(self.client.post(self.site.url(path)).form(form)).await
    }

    /// A sound request of the client `tour` with these members set, or left out where they are empty.
    pub async fn authorize(&self, more: &[(&str, &str)]) -> Answer {
        let usual = [
            ("client_id", CLIENT),
            ("redirect_uri", CALLBACK),
            ("response_type", "code"),
            ("scope", "openid email profile"),
            ("state", "s t/a+te="),
        ];
        let usual = usual.iter().filter(|(name, _)| more.iter().all(|(other, _)| other != name));
        let query: Vec<(&str, &str)> =
            usual.chain(more.iter().filter(|(_, value)| !value.is_empty())).copied().collect();
        self.get("/authorize", &query).await
    }

    /// Presses the button of this user on a login page.
    pub async fn choose(&self, page: &Answer, user: &str) -> Answer {
        self.post("/login", &[("ticket", &page.ticket()), ("user", user)]).await
    }
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: String,
}

impl Answer {
    pub async fn of(request: reqwest::RequestBuilder) -> Self {
        let answer = request.send().await.expect("an answer");
        let (status, headers) = (answer.status(), answer.headers().clone());
        Self { status, headers, body: answer.text().await.expect("a whole body") }
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().expect("ASCII"))
    }

    /// The ticket of a login page.
    #[track_caller]
    pub fn ticket(&self) -> String {
        assert_eq!(self.status, StatusCode::OK, "{self:?}");
        let (_, rest) =
            self.body.split_once("name=\"ticket\" value=\"").unwrap_or_else(|| panic!("no ticket: {self:?}"));
        rest.split_once('"').expect("the end of an attribute").0.to_owned()
    }

    /// The parameters with which the browser is sent to this address.
    #[track_caller]
    pub fn sent_to(&self, address: &str) -> HashMap<String, String> {
        assert!(matches!(self.status, StatusCode::FOUND | StatusCode::SEE_OTHER), "{self:?}");
        let location = self.header("location").expect("an address");
        let rest = location.strip_prefix(address).unwrap_or_else(|| panic!("{location} is not {address}"));
        let pairs = rest.strip_prefix(['?', '&']).unwrap_or_else(|| panic!("no parameters in {location}"));
        let decode = |text: &str| percent_encoding::percent_decode_str(text).decode_utf8().expect("UTF-8").into_owned();
        let pair =
            |pair: &str| pair.split_once('=').map(|(name, value)| (decode(name), decode(value))).expect("a pair");
        pairs.split('&').map(pair).collect()
    }

    /// That the browser is sent back with this error.
    #[track_caller]
    pub fn assert_sent_back(&self, error: &str) {
        let sent = self.sent_to(CALLBACK);
        assert_eq!(sent.get("error").map(String::as_str), Some(error), "{sent:?}");
        assert!(!sent.contains_key("code"), "{sent:?}");
    }

    /// That this is a page that leads nowhere and says this.
    #[track_caller]
    pub fn assert_page(&self, status: u16, says: &str) {
        assert_eq!((self.status.as_u16(), self.header("location")), (status, None), "{self:?}");
        assert!(self.body.contains(says), "{says:?} is not in: {}", self.body);
    }

    /// That the token endpoint refused with this error.
    #[track_caller]
    pub fn assert_refused(&self, status: u16, error: &str) {
        assert_eq!((self.status.as_u16(), self.json()["error"].as_str()), (status, Some(error)), "{self:?}");
        assert_eq!(self.header("cache-control"), Some("no-store"));
        for token in ["access_token", "refresh_token", "id_token"] {
            assert!(!self.json().as_object().expect("an object").contains_key(token), "{self:?}");
        }
    }

    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// What the token endpoint gives.
#[derive(Debug, Clone)]
pub struct Tokens {
    pub access: String,
    pub refresh: String,
    pub id: String,
}

impl Tokens {
    #[track_caller]
    pub fn of(answer: &Answer) -> Self {
        assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
        let text =
            |name: &str| answer.json()[name].as_str().unwrap_or_else(|| panic!("no {name}: {answer:?}")).to_owned();
        Self { access: text("access_token"), refresh: text("refresh_token"), id: text("id_token") }
    }
}

/// The payload of a token, unverified.
pub fn payload(token: &str) -> Value {
    let payload = token.split('.').nth(1).expect("three segments");
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).expect("base64url")).expect("JSON")
}
