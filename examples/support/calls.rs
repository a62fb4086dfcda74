//! Calls to try: printed as `curl` lines, or made, and their answers compared with what is promised.

use std::{error::Error, fmt, process::ExitCode};

use http::Request;
use http_body_util::BodyExt;
use hyper_util::{client::legacy::Client, rt::TokioExecutor};

/// A GET, and what it is promised to answer.
pub struct Call {
    what: &'static str,
    url: String,
    headers: Vec<(&'static str, String)>,
    status: u16,
    says: String,
}

impl Call {
    /// What it is, and where it goes.
    pub fn new(what: &'static str, url: impl Into<String>) -> Self {
        Self { what, url: url.into(), headers: Vec::new(), status: 200, says: String::new() }
    }

    /// With one header more.
    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// Signed in as this user by the front door.
    pub fn by(self, user: &str) -> Self {
        self.header("cookie", format!("user={user}"))
    }

    /// Promises this status, and this text somewhere in the body.
    pub fn answers(mut self, status: u16, says: impl Into<String>) -> Self {
        self.status = status;
        self.says = says.into();
        self
    }

    async fn send(&self) -> Result<(u16, String), Box<dyn Error + Send + Sync>> {
        let client = Client::builder(TokioExecutor::new()).build_http::<String>();
        let mut request = Request::get(&self.url);
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        let (parts, body) = client.request(request.body(String::new())?).await?.into_parts();
        Ok((parts.status.as_u16(), String::from_utf8(body.collect().await?.to_bytes().to_vec())?))
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "  # {}: {}\n  curl", self.what, self.status)?;
        for (name, value) in &self.headers {
            match *name {
                "cookie" => write!(f, " -b {value}")?,
                name => write!(f, " -H '{name}: {value}'")?,
            }
        }
        write!(f, " {}", self.url)
    }
}

/// Makes the calls and prints what came back. Fails if one of them is not as promised.
pub async fn check(calls: &[Call]) -> ExitCode {
    let mut sound = true;
    for call in calls {
        let (status, body) = call.send().await.unwrap_or_else(|error| (0, format!("no answer: {error}")));
        let promised = status == call.status && body.contains(&call.says);
        sound &= report(call.what, promised, &format!("{status} {}", body.trim_end()));
        if !promised {
            println!("       promised: {} with {:?} in it", call.status, call.says);
        }
    }
    if sound { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Prints whether that is what was promised.
pub fn expect(what: &str, got: &str, promised: &str) -> bool {
    let sound = report(what, got == promised, got);
    if !sound {
        println!("       promised: {promised}");
    }
    sound
}

fn report(what: &str, promised: bool, got: &str) -> bool {
    println!("{:<5}  {what}\n       {got}", if promised { "ok" } else { "WRONG" });
    promised
}
