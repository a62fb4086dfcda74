//! Plain hyper, without a framework: the layer around a function, over HTTP/1.1 and HTTP/2.
//!
//! ```text
//! cargo run --example hyper --all-features            # prints curl lines to try
//! cargo run --example hyper --all-features -- --check # makes those calls itself
//! ```

mod support;

use std::convert::Infallible;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
    service::TowerToHyperService,
};
use support::{Call, front_door};
use tokio::net::TcpListener;
use tower::{Layer, service_fn};
use tower_alb_auth::{AlbAuthLayer, BackstageIdentity, test_util::MockAlb};

/// `Full<Bytes>` is a body that the layer can write its refusals into; for others there is `refuse_with`.
async fn answer(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let user = request.extensions().get::<BackstageIdentity>();
    let (status, text) = match (request.uri().path(), user) {
        ("/healthz", _) => (StatusCode::OK, "well\n".to_owned()),
        ("/me", Some(user)) => (StatusCode::OK, format!("{}\n", user.user_entity_ref())),
        _ => (StatusCode::NOT_FOUND, "There is nothing here.\n".to_owned()),
    };
    let mut response = Response::new(text.into());
    *response.status_mut() = status;
    Ok(response)
}

async fn serve(listener: TcpListener, layer: AlbAuthLayer) {
    // Once, and cloned for each connection: clones share keys and caches.
    let service = layer.layer(service_fn(answer));
    let mut server = auto::Builder::new(TokioExecutor::new());
    // hyper refuses HTTP/2 header lists over 16 KiB, which a token of many claims and a session's cookies can exceed.
    server.http2().max_header_list_size(64 * 1024);
    loop {
        let connection = match listener.accept().await {
            Ok((connection, _)) => connection,
            Err(error) => {
                tracing::warn!("no connection: {error}");
                tokio::time::sleep(std::time::Duration::from_millis(100)).await;
                continue;
            }
        };
        let (server, service) = (server.clone(), TowerToHyperService::new(service.clone()));
        tokio::spawn(async move {
            if let Err(error) = server.serve_connection(TokioIo::new(connection), service).await {
                tracing::debug!("a connection ended early: {error}");
            }
        });
    }
}

#[tokio::main]
async fn main() -> support::Outcome {
    support::log();
    // Yours is AlbAuthLayer::new(AlbAuthConfig::builder().trust(..).sign_in(..).build()?), as in the example axum.
    let alb = MockAlb::new();
    let layer = alb.layer().exempt_path("/healthz");

    let listener = support::listen_anywhere().await?;
    let target = listener.local_addr()?;
    tokio::spawn(serve(listener, layer));
    let door = front_door::open(support::listen().await?, &alb, target)?;
    println!("A mock load balancer is at {door}, the service at http://{target}\n");

    let me = format!("{door}/me");
    support::try_out(&[
        Call::new("Jane", &me).by("jane").answers(200, "user:default/jane.doe"),
        Call::new("Jane, elsewhere", format!("{door}/elsewhere")).by("jane").answers(404, "nothing here"),
        Call::new("nobody", &me).by("nobody").answers(401, "This needs a sign-in through the load balancer."),
        Call::new("nobody, elsewhere", format!("{door}/elsewhere")).by("nobody").answers(401, "This needs a sign-in"),
        Call::new("a guest of a partner", &me).by("guest-of-partner").answers(403, "does not let you in"),
        Call::new("the health check", format!("http://{target}/healthz")).answers(200, "well"),
    ])
    .await
}
