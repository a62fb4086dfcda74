//! WebSockets: after both ends have switched protocols, bytes are copied both ways.

use axum::body::Body;
use http::{HeaderValue, Request, Response, StatusCode, header};
use hyper::{body::Incoming, upgrade::OnUpgrade};
use hyper_util::rt::TokioIo;
use tokio::sync::watch;

/// The pending upgrade of a client that requested to switch protocols.
pub(crate) struct Upgrade(OnUpgrade);

/// The pending upgrade, if the request asks for one. HTTP/1.1 only.
pub(crate) fn wanted<B>(request: &mut Request<B>) -> Option<Upgrade> {
    request.headers().contains_key(header::UPGRADE).then(|| Upgrade(hyper::upgrade::on(request)))
}

impl Upgrade {
    /// Returns the server's response, and starts copying bytes both ways until both ends have
    /// closed, one end fails, `abort` becomes true, or `end` completes.
    pub(crate) fn splice(
        self,
        mut response: Response<Incoming>,
        mut abort: watch::Receiver<bool>,
        end: impl Future<Output = ()> + Send + 'static,
    ) -> Response<Body> {
        let server = hyper::upgrade::on(&mut response);
        tokio::spawn(async move {
            let (Ok(client), Ok(server)) = tokio::join!(self.0, server) else { return };
            let (mut client, mut server) = (TokioIo::new(client), TokioIo::new(server));
            // The response is already sent, so an error has no recipient.
            tokio::select! {
                _ = tokio::io::copy_bidirectional(&mut client, &mut server) => {}
                _ = abort.wait_for(|abort| *abort) => {}
                () = end => {}
            }
        });
        let (parts, _) = response.into_parts();
        let mut client_response = Response::new(Body::empty());
        *client_response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        *client_response.headers_mut() = parts.headers;
        client_response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
        client_response
    }
}
