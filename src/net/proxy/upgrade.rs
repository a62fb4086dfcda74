//! WebSockets: once both ends have switched protocols, bytes go both ways.

use axum::body::Body;
use http::{HeaderValue, Request, Response, StatusCode, header};
use hyper::{body::Incoming, upgrade::OnUpgrade};
use hyper_util::rt::TokioIo;
use tokio::sync::watch;

/// A client that wants to switch protocols.
pub(crate) struct Upgrade(OnUpgrade);

/// What is there to be upgraded, if the request asks for it. Over HTTP/1.1 alone.
pub(crate) fn wanted<B>(request: &mut Request<B>) -> Option<Upgrade> {
    request.headers().contains_key(header::UPGRADE).then(|| Upgrade(hyper::upgrade::on(request)))
}

impl Upgrade {
    /// Passes the server's answer on, and then bytes both ways until both ends are done or one breaks off.
    pub(crate) fn splice(self, mut response: Response<Incoming>, mut cut: watch::Receiver<bool>) -> Response<Body> {
        let server = hyper::upgrade::on(&mut response);
        tokio::spawn(async move {
            let (Ok(client), Ok(server)) = tokio::join!(self.0, server) else { return };
            let (mut client, mut server) = (TokioIo::new(client), TokioIo::new(server));
            // However it ends: there is nobody to tell.
            tokio::select! {
                _ = tokio::io::copy_bidirectional(&mut client, &mut server) => {}
                _ = cut.wait_for(|cut| *cut) => {}
            }
        });
        let (parts, _) = response.into_parts();
        let mut answer = Response::new(Body::empty());
        *answer.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        *answer.headers_mut() = parts.headers;
        answer.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
        answer
    }
}
