//! A listener: what it refuses before any rule, what the action lets go on, and how that is told in the log.

use std::sync::Arc;

use axum::body::Body;
use http::{HeaderMap, HeaderValue, Method, Request, Response, header};
use hyper::body::Incoming;

use super::{
    action::{Action, shown},
    front::{Answers, MAX_LINE},
    proxy::{ClientConnection, Proxy, answer},
};

/// One listener of the load balancer: what the action lets go on, the proxy carries.
pub(super) struct Listener {
    pub(super) action: Arc<Action>,
    pub(super) proxy: Proxy,
}

impl Answers for Listener {
    fn cut(&self) {
        self.proxy.cut();
    }

    async fn answer(self: Arc<Self>, request: Request<Incoming>, client: ClientConnection) -> Response<Body> {
        if request.uri().path_and_query().is_some_and(|path| path.as_str().len() > MAX_LINE) {
            return answer(414, "the request line is longer than 16 KiB");
        }
        if too_long(request.headers()) {
            return answer(400, "a header line is longer than 16 KiB");
        }
        if request.method() == Method::TRACE {
            // It would say the user's token and access token to whoever asks.
            return answer(405, "a load balancer does not support TRACE");
        }
        let (method, path) = (request.method().clone(), request.uri().path().to_owned());
        match self.action.judge(request).await {
            Err(answered) => answered.map(Body::from),
            Ok((request, outcome)) => {
                let mut response = self.proxy.forward(request, client).await;
                set_before_the_targets(response.headers_mut(), outcome.cookies);
                let (status, path) = (response.status().as_u16(), shown(&path));
                tracing::info!(target: "alb_emulator", "{method} {path} {status} {}", outcome.actions);
                response
            }
        }
    }
}

/// Of two cookies of one name the later counts, and an application that expires the session's has the last word.
fn set_before_the_targets(headers: &mut HeaderMap, cookies: Vec<HeaderValue>) {
    if cookies.is_empty() {
        return;
    }
    let targets: Vec<HeaderValue> = headers.get_all(header::SET_COOKIE).iter().cloned().collect();
    headers.remove(header::SET_COOKIE);
    for cookie in cookies.into_iter().chain(targets) {
        headers.append(header::SET_COOKIE, cookie);
    }
}

fn too_long(headers: &HeaderMap) -> bool {
    headers.iter().any(|(name, value)| name.as_str().len().saturating_add(value.len()) > MAX_LINE)
}
