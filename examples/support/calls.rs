//! Requests to try: printed as `curl` commands, or made and compared with the expected responses.

use std::{error::Error, fmt, process::ExitCode};

use http::Request;
use http_body_util::BodyExt;
use hyper_util::{client::legacy::Client, rt::TokioExecutor};

/// A GET and the expected response.
pub struct Call {
    what: &'static str,
    url: String,
    headers: Vec<(&'static str, String)>,
    status: u16,
    says: String,
}

impl Call {
    /// A description, and the URL.
    pub fn new(what: &'static str, url: impl Into<String>) -> Self {
        Self { what, url: url.into(), headers: Vec::new(), status: 200, says: String::new() }
    }

    /// Adds a header.
    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// Signed in as this user by the front door.
    pub fn by(self, user: &str) -> Self {
        self.header("cookie", format!("user={user}"))
    }

    /// Expects this status, and this text in the body.
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

/// Makes the requests and prints the responses. Fails if one of them is not as expected.
pub async fn check(calls: &[Call]) -> ExitCode {
    let mut failed = 0;
    for call in calls {
        let (status, body) = call.send().await.unwrap_or_else(|error| (0, format!("no response: {error}")));
        let expected = status == call.status && body.contains(&call.says);
        report(call.what, expected, &format!("{status} {}", body.trim_end()));
        if !expected {
            failed += 1;
            println!("       expected: {} and a body with {:?}", call.status, call.says);
        }
    }
    match failed {
        0 => println!("All {} responses are as expected.", calls.len()),
        _ => println!("{failed} of {} responses are not as expected.", calls.len()),
    }
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Prints whether the result is as expected, and returns it.
pub fn expect(what: &str, got: &str, expected: &str) -> bool {
    let as_expected = report(what, got == expected, got);
    if !as_expected {
        println!("       expected: {expected}");
    }
    as_expected
}

fn report(what: &str, as_expected: bool, got: &str) -> bool {
    println!("{:<6} {what}\n       {got}", if as_expected { "ok" } else { "FAILED" });
    as_expected
}
