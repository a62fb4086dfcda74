//! A client that acts as a browser: it keeps cookies by host name and follows redirects.

use std::{error::Error, net::Ipv4Addr};

use axum::http::{
    HeaderValue, Method, Request, Response, StatusCode, Uri,
    header::{COOKIE, HOST, HeaderName, LOCATION, SET_COOKIE},
    uri::Authority,
};
use cookie::{Cookie, time::OffsetDateTime};
use http_body_util::BodyExt;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

pub type Anything<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// A sign-in needs four.
const MAX_REDIRECTS: usize = 10;

#[derive(Default)]
pub struct Browser {
    /// By host name, without the port, as in browsers.
    cookies: Vec<(String, Cookie<'static>)>,
}

/// The page after all redirects.
pub struct Page {
    pub url: Uri,
    pub status: StatusCode,
    pub body: String,
}

impl Browser {
    pub async fn get(&mut self, url: &str) -> Anything<Page> {
        self.send(Method::GET, url, &[], String::new()).await
    }

    pub async fn send(
        &mut self,
        mut method: Method,
        url: &str,
        headers: &[(HeaderName, &str)],
        mut body: String,
    ) -> Anything<Page> {
        let (mut url, mut headers): (Uri, _) = (url.parse()?, headers);
        for _ in 0..=MAX_REDIRECTS {
            let response = self.exchange(&method, &url, headers, body).await?;
            let Some(location) = response.headers().get(LOCATION).filter(|_| response.status().is_redirection()) else {
                return Ok(Page { url, status: response.status(), body: response.into_body() });
            };
            url = followed(&url, location.to_str()?)?;
            (method, headers, body) = (Method::GET, &[], String::new());
        }
        Err(format!("more than {MAX_REDIRECTS} redirects, the last one to {url}").into())
    }

    async fn exchange(
        &mut self,
        method: &Method,
        url: &Uri,
        headers: &[(HeaderName, &str)],
        body: String,
    ) -> Anything<Response<String>> {
        let authority = url.authority().ok_or("a URL without a host")?;
        let host = authority.host().to_owned();
        let mut request = Request::new(body);
        *request.method_mut() = method.clone();
        *request.uri_mut() = url.path_and_query().map_or("/", |path| path.as_str()).parse()?;
        request.headers_mut().insert(HOST, authority.as_str().parse()?);
        for (name, value) in headers {
            request.headers_mut().insert(name, value.parse()?);
        }
        let own = self.cookies.iter().filter(|(of, _)| *of == host).map(|(_, cookie)| cookie.stripped().to_string());
        let own = own.collect::<Vec<_>>().join("; ");
        if !own.is_empty() {
            request.headers_mut().insert(COOKIE, own.parse()?);
        }
        let response = send(authority, request).await?;
        response.headers().get_all(SET_COOKIE).iter().try_for_each(|value| self.keep(&host, value))?;
        Ok(response)
    }

    fn keep(&mut self, host: &str, value: &HeaderValue) -> Anything<()> {
        let cookie = Cookie::parse(value.to_str()?.to_owned())?;
        self.cookies.retain(|(of, kept)| of != host || kept.name() != cookie.name());
        let now = OffsetDateTime::now_utc();
        let in_time = cookie.expires_datetime().is_none_or(|at| at > now);
        if in_time && cookie.max_age().is_none_or(|age| age.is_positive()) {
            self.cookies.push((host.to_owned(), cookie));
        }
        Ok(())
    }
}

/// Connects to this machine whatever the name: browsers resolve names under `localhost` the same way.
async fn send(authority: &Authority, request: Request<String>) -> Anything<Response<String>> {
    let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, authority.port_u16().unwrap_or(80))).await?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    let (parts, body) = sender.send_request(request).await?.into_parts();
    let body = body.collect().await?.to_bytes();
    Ok(Response::from_parts(parts, String::from_utf8(body.into())?))
}

/// Resolves a `Location`, which is a URL or a path of the same origin.
fn followed(from: &Uri, location: &str) -> Anything<Uri> {
    let mut parts = location.parse::<Uri>()?.into_parts();
    parts.scheme = parts.scheme.or_else(|| from.scheme().cloned());
    parts.authority = parts.authority.or_else(|| from.authority().cloned());
    Ok(Uri::from_parts(parts)?)
}
