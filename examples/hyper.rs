//! Plain hyper, without a framework: the layer around a function, over HTTP/1.1 and HTTP/2.
//!
//! ```text
//! cargo run --example hyper --all-features            # prints curl commands to try
//! cargo run --example hyper --all-features -- --check # makes the same requests
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

/// The layer can write its rejections into `Full<Bytes>`; for other bodies there is `refuse_with`.
async fn answer(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let user = request.extensions().get::<BackstageIdentity>();
    let (status, text) = match (request.uri().path(), user) {
        ("/healthz", _) => (StatusCode::OK, "ok\n".to_owned()),
        ("/me", Some(user)) => (StatusCode::OK, format!("{}\n", user.user_entity_ref())),
        _ => (StatusCode::NOT_FOUND, "not found\n".to_owned()),
    };
    let mut response = Response::new(text.into());
    *response.status_mut() = status;
    Ok(response)
}

async fn serve(listener: TcpListener, layer: AlbAuthLayer) {
    // Once, and cloned for each connection: clones share keys and caches.
    let service = layer.layer(service_fn(answer));
    let mut server = auto::Builder::new(TokioExecutor::new());
    // hyper rejects HTTP/2 header lists over 16 KiB. A token with many claims and the session's cookies can exceed that.
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
    // In production: AlbAuthLayer::new(AlbAuthConfig::builder().trust(..).sign_in(..).build()?), as in the example axum.
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
        Call::new("Jane, at another path", format!("{door}/elsewhere")).by("jane").answers(404, "not found"),
        Call::new("no user", &me).by("signed-out").answers(401, "This needs a sign-in through the load balancer."),
        Call::new("no user, at another path", format!("{door}/elsewhere"))
            .by("signed-out")
            .answers(401, "This needs a sign-in"),
        Call::new("a guest of a partner", &me).by("guest-of-partner").answers(403, "does not let you in"),
        Call::new("the health check", format!("http://{target}/healthz")).answers(200, "ok"),
    ])
    .await
}
