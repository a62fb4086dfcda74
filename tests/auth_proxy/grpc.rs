//! gRPC through the proxy: tonic on both ends, over h2c.

use tonic::{Code, Request, transport::Channel};
use tonic_health::{
    ServingStatus,
    pb::{HealthCheckRequest, health_client::HealthClient},
};

use crate::site::{LONG, Log, Site};

const SERVICE: &str = "a.Service";

#[tokio::test]
async fn grpc_calls_and_streams_pass_and_a_stranger_gets_a_grpc_status() {
    let (reporter, service) = tonic_health::server::health_reporter();
    reporter.set_service_status(SERVICE, ServingStatus::Serving).await;
    let router = tonic::service::Routes::new(service).into_axum_router();
    let upstream = crate::site::serve(router).await;
    let site = Site::in_front_of(&format!("http://{upstream}"), "upstream_protocol: http2\n", Log::default()).await;
    let channel = Channel::from_shared(site.url("")).expect("an address").connect().await.expect("a channel");
    let mut client = HealthClient::new(channel);
    let request = |token: Option<String>, service: &str| {
        let mut request = Request::new(HealthCheckRequest { service: service.to_owned() });
        if let Some(token) = token {
            request.metadata_mut().insert("x-amzn-oidc-data", token.parse().expect("ASCII"));
        }
        request
    };

    let stranger = client.check(request(None, SERVICE)).await.expect_err("refused");
    assert_eq!(stranger.code(), Code::Unauthenticated);
    let checked = client.check(request(Some(site.token()), SERVICE)).await.expect("a response").into_inner();
    assert_eq!(checked.status, ServingStatus::Serving as i32);
    let unknown = client.check(request(Some(site.token()), "no.Such")).await.expect_err("the service's own status");
    assert_eq!(unknown.code(), Code::NotFound, "trailers pass");

    let mut stream = client.watch(request(Some(site.token()), SERVICE)).await.expect("a stream").into_inner();
    let mut next = async || {
        let message = tokio::time::timeout(LONG, stream.message()).await.expect("in time").expect("a stream");
        message.expect("a message").status
    };
    assert_eq!(next().await, ServingStatus::Serving as i32);
    reporter.set_service_status(SERVICE, ServingStatus::NotServing).await;
    assert_eq!(next().await, ServingStatus::NotServing as i32);
}
