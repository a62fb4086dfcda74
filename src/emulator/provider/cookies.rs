//! The provider's two cookies.

use cookie::{Cookie, SameSite};
use http::{HeaderMap, HeaderValue, header};

/// The names of the cookies, and whether they are `Secure`.
#[derive(Debug, Clone)]
pub(super) struct Cookies {
    /// The cookie of the signed-in user.
    session: String,
    /// Identifies the browser that got a login page. Other sites cannot read it, so they cannot
    /// forge a form that is accepted.
    browser: String,
    secure: bool,
}

impl Cookies {
    /// Browsers share cookies between all ports of a host, so the names contain the port. Otherwise
    /// two providers on one machine would sign each other's users out.
    pub(super) fn of_issuer(issuer: &str) -> Self {
        let port = issuer.rsplit_once(':').map(|(_, port)| port).filter(|port| port.parse::<u16>().is_ok());
        let name = |what| format!("demo-provider-{what}-{}", port.unwrap_or("default"));
        Self { session: name("session"), browser: name("browser"), secure: issuer.starts_with("https:") }
    }

    pub(super) fn session(&self, headers: &HeaderMap) -> Option<String> {
        read(headers, &self.session)
    }

    pub(super) fn browser(&self, headers: &HeaderMap) -> Option<String> {
        read(headers, &self.browser)
    }

    pub(super) fn set_session(&self, value: &str) -> Option<HeaderValue> {
        self.set(&self.session, value)
    }

    pub(super) fn set_browser(&self, value: &str) -> Option<HeaderValue> {
        self.set(&self.browser, value)
    }

    pub(super) fn expire_session(&self) -> Option<HeaderValue> {
        let mut cookie = self.cookie(&self.session, "");
        cookie.make_removal();
        HeaderValue::try_from(cookie.to_string()).ok()
    }

    fn set(&self, name: &str, value: &str) -> Option<HeaderValue> {
        HeaderValue::try_from(self.cookie(name, value).to_string()).ok()
    }

    /// `Lax`, because an application on another host name sends its users here.
    fn cookie<'c>(&self, name: &'c str, value: &'c str) -> Cookie<'c> {
        Cookie::build((name, value)).path("/").http_only(true).same_site(SameSite::Lax).secure(self.secure).build()
    }
}

fn read(headers: &HeaderMap, name: &str) -> Option<String> {
    let texts = headers.get_all(header::COOKIE).into_iter().filter_map(|value| value.to_str().ok());
    let mut cookies = texts.flat_map(|text| Cookie::split_parse(text.to_owned())).filter_map(Result::ok);
    cookies.find(|cookie| cookie.name() == name).map(|cookie| cookie.value().to_owned())
}
