//! In axum and tonic, over real connections.

use std::net::SocketAddr;

use axum::{Router, routing::get};
use http::{Method, Request, Response};
use tokio::net::TcpListener;
use tonic::{
    Code,
    transport::{Channel, Server, server::TcpIncoming},
};
use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};
use tower_alb_auth::{
    AlbAuthLayer, BackstageIdentity, RequireLayer,
    test_util::{MockAlb, User},
};

use crate::support::wire::{Caller, Http, SAYS_401, SAYS_403};

async fn serve(app: Router) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free loopback port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move { axum::serve(listener, app).await });
    address
}

#[tokio::test]
async fn an_axum_application_requires_by_route() {
    let alb = MockAlb::new().serve().await;
    let admins = RequireLayer::owner_of_any(["group:default/admins"]).expect("an entity ref");
    let app = Router::new()
        .route("/admin", get(|| async { "admin" }))
        .route_layer(admins.refuse_with_backstage_json())
        .route("/team", get(|| async { "team" }).layer(RequireLayer::claim_equals("custom:team", "platform")))
        .route(
            "/me",
            get(|user: BackstageIdentity| async move { user.user_entity_ref().to_string() })
                .layer(RequireLayer::signed_in()),
        )
        .route("/", get(|| async { "public" }))
        .layer(alb.layer().optional());
    for http in [Http::One, Http::Two] {
        let caller = Caller::new(http, serve(app.clone()).await);
        let jane = |path: &str| alb.request(path).user(&User::jane());
        let cognito = User::cognito("jane.doe");
        assert_eq!(caller.call(alb.request("/")).await.said(), (200, "public"));
        assert_eq!(caller.call(alb.request("/me")).await.said(), (401, SAYS_401));
        assert_eq!(caller.call(jane("/me")).await.said(), (200, "user:default/jane.doe"));
        assert_eq!(caller.call(jane("/team")).await.said(), (403, SAYS_403));
        assert_eq!(caller.call(alb.request("/team").user(&cognito)).await.said(), (200, "team"));
        let refused = caller.call(jane("/admin")).await;
        let json = r#"{"error":{"name":"NotAllowedError","message":"You are signed in, but this application does not let you in."},"request":{"method":"GET","url":"/admin"},"response":{"statusCode":403}}"#;
        assert_eq!(refused.said(), (403, json));
        assert_eq!(refused.header("cache-control"), Some("no-store"));
        let head = caller.call(alb.request("/me").method(Method::HEAD)).await;
        assert_eq!(head.said(), (401, ""));
    }
}

#[tokio::test]
async fn a_closure_makes_the_refusal() {
    let alb = MockAlb::new().serve().await;
    let require = RequireLayer::signed_in().refuse_with(|error, request| {
        let text = format!("{} {}", error.kind().as_str(), request.uri.path());
        Response::builder().status(303).header("location", "/").body(axum::body::Body::from(text)).expect("a response")
    });
    let app = Router::new().route("/me", get(|| async { "me" })).layer(require).layer(alb.layer().optional());
    let answer = Caller::new(Http::One, serve(app).await).call(Request::get("/me").body(String::new()).unwrap()).await;
    assert_eq!(answer.said(), (303, "missing /me"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
}

/// What a tonic client gets from a server whose services require this.
async fn status(layer: Option<AlbAuthLayer>, require: RequireLayer, token: Option<&str>) -> (Code, String) {
    let incoming = TcpIncoming::bind("127.0.0.1:0".parse().expect("an address")).expect("a free loopback port");
    let address = incoming.local_addr().expect("an address");
    let (_reporter, service) = tonic_health::server::health_reporter();
    // tower-layer takes an option as the layer or none.
    let stack = tower::ServiceBuilder::new().option_layer(layer).layer(require);
    tokio::spawn(Server::builder().layer(stack).add_service(service).serve_with_incoming(incoming));
    let channel = Channel::from_shared(format!("http://{address}")).expect("an address").connect().await;
    let mut request = tonic::Request::new(HealthCheckRequest::default());
    if let Some(token) = token {
        request.metadata_mut().insert("x-amzn-oidc-data", token.parse().expect("ASCII"));
    }
    match HealthClient::new(channel.expect("a connection")).check(request).await {
        Ok(_) => (Code::Ok, String::new()),
        Err(status) => (status.code(), status.message().to_owned()),
    }
}

#[tokio::test]
async fn a_tonic_service_answers_with_the_status_of_grpc() {
    let alb = MockAlb::new().serve().await;
    let token = alb.sign(&User::jane());
    let optional = || Some(alb.layer().optional());
    let says = |text: &str| text.trim_end().to_owned();
    let admins = || RequireLayer::owner_of_any(["group:default/admins"]).expect("an entity ref");
    assert_eq!(status(optional(), RequireLayer::signed_in(), Some(&token)).await, (Code::Ok, String::new()));
    assert_eq!(status(optional(), RequireLayer::signed_in(), None).await, (Code::Unauthenticated, says(SAYS_401)));
    assert_eq!(status(optional(), admins(), Some(&token)).await, (Code::PermissionDenied, says(SAYS_403)));
    let claim = RequireLayer::claim_present("groups");
    assert_eq!(status(optional(), claim, Some(&token)).await, (Code::PermissionDenied, says(SAYS_403)));
    let wrong = "This part of the application is set up wrongly.".to_owned();
    assert_eq!(status(None, RequireLayer::signed_in(), Some(&token)).await, (Code::Internal, wrong));
}
