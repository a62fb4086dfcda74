//! An edge, and services behind it.

use std::{net::SocketAddr, time::Duration};

use axum::{Router, extract::State, http::StatusCode, routing::get};
use futures::stream;
use http::Request;
use http_body_util::BodyExt as _;
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use tokio::net::TcpListener;
use tonic::transport::{Channel, Server, server::TcpIncoming};
use tonic_health::pb::{
    HealthCheckRequest, HealthCheckResponse,
    health_client::HealthClient,
    health_server::{Health, HealthServer},
};
use tower::Layer as _;
use tower_alb_auth::{
    AlbAuthConfig, AlbAuthLayer, BackstageIdentity, RelayIdentityLayer, RelayScopeLayer,
    layer::RelayIdentity,
    sign_in::EmailLocalPart,
    test_util::{MockAlb, TestClock, User},
};

use crate::support::wire::{Caller, Http};

/// The service behind the edge: says who calls.
struct WhoCalls;

#[tonic::async_trait]
impl Health for WhoCalls {
    async fn check(
        &self,
        request: tonic::Request<HealthCheckRequest>,
    ) -> Result<tonic::Response<HealthCheckResponse>, tonic::Status> {
        let user = request.extensions().get::<BackstageIdentity>().map(|user| user.user_entity_ref().to_string());
        let mut response = tonic::Response::new(HealthCheckResponse::default());
        response.metadata_mut().insert("user", user.unwrap_or_default().parse().expect("ASCII"));
        Ok(response)
    }

    type WatchStream = stream::Empty<Result<HealthCheckResponse, tonic::Status>>;

    async fn watch(
        &self,
        _: tonic::Request<HealthCheckRequest>,
    ) -> Result<tonic::Response<Self::WatchStream>, tonic::Status> {
        Ok(tonic::Response::new(stream::empty()))
    }
}

/// A tonic service behind the layer, which takes header lists of this length.
async fn tonic_service(layer: AlbAuthLayer, max_header_list: u32) -> Channel {
    let incoming = TcpIncoming::bind("127.0.0.1:0".parse().expect("an address")).expect("a free loopback port");
    let address = incoming.local_addr().expect("an address");
    let mut server = Server::builder().http2_max_header_list_size(max_header_list).layer(layer);
    tokio::spawn(server.add_service(HealthServer::new(WhoCalls)).serve_with_incoming(incoming));
    Channel::from_shared(format!("http://{address}")).expect("an address").connect().await.expect("a connection")
}

async fn serve(app: Router) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free loopback port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move { axum::serve(listener, app).await });
    address
}

/// An edge that asks the tonic service, by a client that all its requests share.
async fn edge(layer: AlbAuthLayer, service: Channel) -> Caller {
    type Shared = HealthClient<RelayIdentity<Channel>>;
    async fn ask(State(mut client): State<Shared>) -> Result<String, (StatusCode, String)> {
        match client.check(HealthCheckRequest::default()).await {
            Ok(answer) => Ok(answer.metadata().get("user").expect("who calls").to_str().expect("ASCII").to_owned()),
            Err(status) => Err((StatusCode::BAD_GATEWAY, format!("{:?}", status.code()))),
        }
    }
    let client = HealthClient::new(RelayIdentityLayer::new().layer(service));
    let app = Router::new().route("/", get(ask)).with_state(client).layer(RelayScopeLayer::new()).layer(layer);
    Caller::new(Http::One, serve(app).await)
}

/// Jane, with so many bytes of claims.
fn jane_with(bytes: usize) -> User {
    User::jane().claim("groups", vec!["g".repeat(99); bytes / 102])
}

/// Room for a token of 12 KiB of claims, which base64 makes longer.
fn roomy(alb: &MockAlb) -> AlbAuthConfig {
    alb.config_builder()
        .sign_in(EmailLocalPart::in_domains(["example.com"]))
        .token_limits(tower_alb_auth::TokenLimits::new().max_token_bytes(24 * 1024))
        .build()
        .expect("a sound configuration")
}

#[tokio::test]
async fn a_tonic_service_behind_an_axum_edge_knows_the_user() {
    let alb = MockAlb::new().serve().await;
    let edge = edge(alb.layer().optional(), tonic_service(alb.layer(), 64 * 1024).await).await;
    let stranger = MockAlb::with_keys_of(&alb);

    for name in ["jane", "amy"] {
        let answer = edge.call(alb.request("/").user(&User::entra(name))).await;
        assert_eq!(answer.said(), (200, format!("user:default/{name}").as_str()));
    }
    assert_eq!(edge.call(alb.request("/")).await.said(), (502, "Unauthenticated"), "nobody is nobody behind it too");
    assert_eq!(edge.call(stranger.request("/").user(&User::jane())).await.status, 401);
}

#[tokio::test]
async fn twelve_kib_of_claims_go_through_where_the_service_takes_them() {
    let alb = MockAlb::new().serve().await;
    let jane = jane_with(12 * 1024);
    assert!(alb.sign(&jane).len() > 16 * 1024, "longer than HTTP/2 takes by default");
    let layer = || AlbAuthLayer::new(roomy(&alb));
    let takes_them = edge(layer(), tonic_service(layer(), 64 * 1024).await).await;
    assert_eq!(takes_them.call(alb.request("/").user(&jane)).await.said(), (200, "user:default/jane.doe"));

    let does_not = edge(layer(), tonic_service(layer(), 16 * 1024).await).await;
    let answer = does_not.call(alb.request("/").user(&jane)).await;
    assert_eq!(answer.status, 502, "{answer:?}");
    assert_eq!(does_not.call(alb.request("/").user(&User::jane())).await.said(), (200, "user:default/jane.doe"));
}

/// The first service still answers, the second one comes too late.
#[tokio::test]
async fn a_token_that_ends_on_the_way_is_refused_by_the_next_service() {
    let (early, late) = (TestClock::new(), TestClock::new());
    let alb = MockAlb::new().with_clock(&early).serve().await;
    let behind = alb.clone().with_clock(&late);
    let edge = edge(alb.layer(), tonic_service(behind.layer(), 64 * 1024).await).await;
    let request = || alb.request("/").user(&User::jane());
    assert_eq!(edge.call(request()).await.said(), (200, "user:default/jane.doe"));
    late.advance(Duration::from_secs(151));
    assert_eq!(edge.call(request()).await.said(), (502, "Unauthenticated"));
}

#[tokio::test]
async fn a_service_of_another_load_balancer_does_not_know_the_user() {
    let (alb, other) = (MockAlb::new().serve().await, MockAlb::new().serve().await);
    let edge = edge(alb.layer(), tonic_service(other.layer(), 64 * 1024).await).await;
    assert_eq!(edge.call(alb.request("/").user(&User::jane())).await.said(), (502, "Unauthenticated"));
}

#[tokio::test]
async fn a_client_of_hyper_sends_the_user_on_too() {
    type HyperClient = Client<HttpConnector, String>;
    async fn ask(State((client, url)): State<(HyperClient, http::Uri)>, user: BackstageIdentity) -> String {
        use tower::ServiceExt as _;
        let next = url.authority().expect("a host").to_string();
        let request = Request::get(url).body(String::new()).expect("a request");
        let answer =
            RelayIdentityLayer::of(&user).only_to([next]).layer(client).oneshot(request).await.expect("an answer");
        String::from_utf8(answer.into_body().collect().await.expect("a body").to_bytes().to_vec()).expect("UTF-8")
    }
    let alb = MockAlb::new().serve().await;
    let behind = get(|user: BackstageIdentity| async move { format!("seen {}", user.user_entity_ref()) });
    let url = format!("http://{}/", serve(Router::new().route("/", behind).layer(alb.layer())).await);
    let url: http::Uri = url.parse().expect("an address");
    let client = Client::builder(TokioExecutor::new()).build_http();
    let app = Router::new().route("/", get(ask)).with_state((client, url)).layer(alb.layer());
    let edge = Caller::new(Http::One, serve(app).await);
    let answer = edge.call(alb.request("/").user(&User::jane())).await;
    assert_eq!(answer.said(), (200, "seen user:default/jane.doe"));
}
