//! tonic services behind the layer, over real connections.
//!
//! A load balancer does not authenticate in front of gRPC targets, so a tonic service gets its header from a hop that hands it
//! on, or over HTTP/1.1 as grpc-web.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use crate::support::wire::{Caller, Http};
use futures::stream;
use tonic::{
    Code, Request, Response, Status,
    transport::{Channel, Server, server::TcpIncoming},
};
use tonic_health::pb::{
    HealthCheckRequest, HealthCheckResponse,
    health_client::HealthClient,
    health_server::{Health, HealthServer},
};
use tower_alb_auth::{
    AlbAuthLayer, BackstageIdentity, Claims,
    sign_in::{ClaimsOnly, SignInError, from_fn},
    test_util::{KeyServerMode, MockAlb, User},
};

/// A service that says who calls: the entity ref, else the subject, else nothing, in the metadata `user`.
#[derive(Clone, Default)]
struct WhoCalls {
    calls: Arc<AtomicUsize>,
}

impl WhoCalls {
    fn answer<T, M>(&self, request: &Request<T>, message: M) -> Response<M> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        let mut response = Response::new(message);
        let identity = request.extensions().get::<BackstageIdentity>();
        let user = match (identity, Claims::of(request.extensions())) {
            (Some(identity), _) => identity.user_entity_ref().as_str(),
            (None, Some(claims)) => claims.subject(),
            (None, None) => "",
        };
        response.metadata_mut().insert("user", user.parse().expect("ASCII"));
        let headers = request.metadata().clone().into_headers();
        let seen = headers.keys().filter(|name| name.as_str().starts_with("x-amzn-oidc")).count();
        response.metadata_mut().insert("oidc-headers-seen", seen.into());
        response
    }
}

#[tonic::async_trait]
impl Health for WhoCalls {
    async fn check(&self, request: Request<HealthCheckRequest>) -> Result<Response<HealthCheckResponse>, Status> {
        Ok(self.answer(&request, HealthCheckResponse::default()))
    }

    type WatchStream = stream::Iter<std::vec::IntoIter<Result<HealthCheckResponse, Status>>>;

    async fn watch(&self, request: Request<HealthCheckRequest>) -> Result<Response<Self::WatchStream>, Status> {
        let messages = vec![Ok(HealthCheckResponse::default()), Ok(HealthCheckResponse::default())];
        Ok(self.answer(&request, stream::iter(messages)))
    }
}

/// A server on a free port, until the test ends.
struct Served {
    address: SocketAddr,
    service: WhoCalls,
}

impl Served {
    fn new(layer: AlbAuthLayer) -> Self {
        Self::with(Server::builder(), layer)
    }

    fn with(builder: Server, layer: AlbAuthLayer) -> Self {
        let incoming = TcpIncoming::bind("127.0.0.1:0".parse().expect("an address")).expect("a free loopback port");
        let address = incoming.local_addr().expect("an address");
        let service = WhoCalls::default();
        let mut server = builder.accept_http1(true).layer(layer);
        let routes = server.add_service(HealthServer::new(service.clone()));
        tokio::spawn(routes.serve_with_incoming(incoming));
        Self { address, service }
    }

    async fn channel(&self) -> Channel {
        let endpoint = Channel::from_shared(format!("http://{}", self.address)).expect("an address");
        endpoint.connect().await.expect("a connection")
    }

    async fn check(&self, token: Option<&str>) -> Result<Response<HealthCheckResponse>, Status> {
        HealthClient::new(self.channel().await).check(with_token(token)).await
    }

    fn calls(&self) -> usize {
        self.service.calls.load(Ordering::SeqCst)
    }
}

fn with_token(token: Option<&str>) -> Request<HealthCheckRequest> {
    let mut request = Request::new(HealthCheckRequest::default());
    if let Some(token) = token {
        request.metadata_mut().insert("x-amzn-oidc-data", token.parse().expect("ASCII"));
    }
    request
}

fn metadata<'r, M>(response: &'r Response<M>, name: &str) -> Option<&'r str> {
    response.metadata().get(name).map(|value| value.to_str().expect("ASCII"))
}

#[tokio::test]
async fn a_service_finds_the_user_in_the_extensions() {
    let alb = MockAlb::new().serve().await;
    let served = Served::new(alb.layer());

    let answer = served.check(Some(&alb.sign(&User::jane()))).await.expect("jane is let in");
    assert_eq!(metadata(&answer, "user"), Some("user:default/jane.doe"));
    assert_eq!(metadata(&answer, "oidc-headers-seen"), Some("0"));
    // S-77: gRPC is not cached, so its answers are left as they are.
    assert_eq!(metadata(&answer, "cache-control"), None);

    let relay = Served::new(alb.layer().keep_headers());
    let answer = relay.check(Some(&alb.sign(&User::jane()))).await.expect("jane is let in");
    assert_eq!(metadata(&answer, "oidc-headers-seen"), Some("1"));

    let token = alb.sign(&User::jane());
    let mut watched = HealthClient::new(served.channel().await).watch(with_token(Some(&token))).await.expect("let in");
    assert_eq!(metadata(&watched, "user"), Some("user:default/jane.doe"));
    let mut messages = 0;
    while watched.get_mut().message().await.expect("a sound stream").is_some() {
        messages += 1;
    }
    assert_eq!((messages, served.calls()), (2, 2));
}

#[tokio::test]
async fn a_service_without_backstage_finds_the_claims() {
    let alb = MockAlb::new();
    let config = alb.config_builder().sign_in(ClaimsOnly).build().expect("a sound configuration");
    let served = Served::new(AlbAuthLayer::new(config));
    let answer = served.check(Some(&alb.sign(&User::okta("jane")))).await.expect("jane is let in");
    assert_eq!(metadata(&answer, "user"), Some("00ujane"));
}

#[tokio::test]
async fn an_optional_layer_passes_a_call_without_a_token_as_anonymous() {
    let alb = MockAlb::new();
    let served = Served::new(alb.layer().optional());
    assert_eq!(metadata(&served.check(None).await.expect("nobody is let in"), "user"), Some(""));
    let forged = MockAlb::with_keys_of(&alb).sign(&User::jane());
    assert_eq!(served.check(Some(&forged)).await.expect_err("forged").code(), Code::Unauthenticated);
}

#[tokio::test]
async fn an_interceptor_finds_the_user_too() {
    let alb = MockAlb::new();
    let incoming = TcpIncoming::bind("127.0.0.1:0".parse().expect("an address")).expect("a free loopback port");
    let address = incoming.local_addr().expect("an address");
    let only_jane = |request: Request<()>| match request.extensions().get::<BackstageIdentity>() {
        Some(user) if *user.user_entity_ref() == "user:default/jane.doe" => Ok(request),
        _ => Err(Status::permission_denied("only jane")),
    };
    let service = HealthServer::with_interceptor(WhoCalls::default(), only_jane);
    let mut server = Server::builder().layer(alb.layer());
    tokio::spawn(server.add_service(service).serve_with_incoming(incoming));
    let served = Served { address, service: WhoCalls::default() };

    let answer = served.check(Some(&alb.sign(&User::jane()))).await.expect("jane is let in");
    assert_eq!(metadata(&answer, "user"), Some("user:default/jane.doe"));
    let refused = served.check(Some(&alb.sign(&User::entra("john.roe")))).await.expect_err("john is not");
    assert_eq!((refused.code(), refused.message()), (Code::PermissionDenied, "only jane"));
}

#[tokio::test]
async fn refusals_are_grpc_statuses() {
    let alb = MockAlb::new().serve().await;
    let down = MockAlb::new().serve().await;
    down.set_key_server(KeyServerMode::Status(500));
    let ambiguous = from_fn(|_| Err(SignInError::ambiguous("two users have this email")));
    let ambiguous = alb.config_builder().sign_in(ambiguous).build().expect("a sound configuration");

    let guest = User::jane().claim("email", "jane@partner.example");
    let (unauthenticated, denied) = (
        (Code::Unauthenticated, "This needs a sign-in through the load balancer."),
        (Code::PermissionDenied, "You are signed in, but this application does not let you in."),
    );
    let two_users = (Code::PermissionDenied, "You are signed in, but more than one user matches you here.");
    let out_of_reach = (Code::Unavailable, "Your sign-in cannot be checked at the moment. Please try again.");
    let cases = [
        ("no token", alb.layer(), None, unauthenticated),
        ("not a token", alb.layer(), Some("a.b.c".to_owned()), unauthenticated),
        ("forged", alb.layer(), Some(MockAlb::with_keys_of(&alb).sign(&User::jane())), unauthenticated),
        ("expired", alb.layer(), Some(alb.token(&User::jane()).expires_at(1).sign()), unauthenticated),
        ("guest", alb.layer(), Some(alb.sign(&guest)), denied),
        ("ambiguous", AlbAuthLayer::new(ambiguous), Some(alb.sign(&User::jane())), two_users),
        ("keys out of reach", down.layer(), Some(down.sign(&User::jane())), out_of_reach),
    ];
    for (name, layer, token, expected) in cases {
        let served = Served::new(layer);
        let refused = served.check(token.as_deref()).await.expect_err(name);
        assert_eq!((refused.code(), refused.message()), expected, "{name}");
        assert_eq!(served.calls(), 0, "{name}");
    }
}

/// Unary or streaming, there or not: who is not signed in learns nothing about the service.
#[tokio::test]
async fn every_method_is_refused_alike() {
    let alb = MockAlb::new();
    let served = Served::new(alb.layer());
    let caller = Caller::new(Http::Two, served.address);
    let mut answers = Vec::new();
    for path in ["/grpc.health.v1.Health/Check", "/grpc.health.v1.Health/Watch", "/grpc.health.v1.Health/No", "/No/No"]
    {
        let request = alb.request(path).method(http::Method::POST).header("content-type", "application/grpc+proto");
        // An empty message: no compression, length 0.
        answers.push(caller.call(request.body("\0\0\0\0\0".to_owned())).await);
    }
    assert_eq!(answers[0].header("grpc-status"), Some("16"));
    assert_eq!(answers[0].header("content-type"), Some("application/grpc"));
    assert_eq!(answers[0].said(), (200, ""));
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
}

/// The way that a browser takes, and the only one that a load balancer authenticates: grpc-web over HTTP/1.1.
#[tokio::test]
async fn grpc_web_is_refused_in_its_own_content_type() {
    let alb = MockAlb::new();
    let served = Served::new(alb.layer());
    let caller = Caller::new(Http::One, served.address);
    let post = |content_type: &str| {
        let request = alb.request("/grpc.health.v1.Health/Check").method(http::Method::POST);
        request.header("content-type", content_type)
    };
    let cases = [
        ("application/grpc-web", "application/grpc-web"),
        ("application/grpc-web+proto", "application/grpc-web"),
        ("application/grpc-web; charset=utf-8", "application/grpc-web"),
        ("application/grpc-web-text", "application/grpc-web-text"),
        ("application/grpc-web-text+proto", "application/grpc-web-text"),
        ("APPLICATION/GRPC-WEB", "application/grpc-web"),
    ];
    for (asked, answered) in cases {
        let refused = caller.call(post(asked)).await;
        // S-79: a load balancer's alarms see the status of HTTP alone.
        assert_eq!(refused.said(), (401, ""), "{asked}");
        assert_eq!(refused.header("content-type"), Some(answered), "{asked}");
        assert_eq!(refused.header("grpc-status"), Some("16"), "{asked}");
        let message = Some("This needs a sign-in through the load balancer.");
        assert_eq!(refused.header("grpc-message"), message, "{asked}");
    }
    assert_eq!(served.calls(), 0);

    // An empty message: no compression, length 0.
    let by_jane =
        caller.call(post("application/grpc-web+proto").user(&User::jane()).body("\0\0\0\0\0".to_owned())).await;
    assert_eq!((by_jane.header("user"), served.calls()), (Some("user:default/jane.doe"), 1));

    // A browser that opens the address is no gRPC client: it gets a status that it understands.
    let refused = caller.call(alb.request("/grpc.health.v1.Health/Check")).await;
    assert_eq!((refused.status.as_u16(), refused.header("grpc-status")), (401, None));
}

/// What a load balancer adds at most: claims and access token of 11 KiB in all. The claims grow by a third in base64.
fn largest(alb: &MockAlb, claims: usize, access_token: usize) -> Request<HealthCheckRequest> {
    let user = User::jane().claim("filler", "x".repeat(claims - 400));
    let mut request = with_token(Some(&alb.sign(&user)));
    let access_token = "x".repeat(access_token);
    request.metadata_mut().insert("x-amzn-oidc-accesstoken", access_token.parse().expect("ASCII"));
    request
}

/// hyper refuses HTTP/2 header lists over 16 KiB before any service sees them, with 431, which a gRPC client shows as
/// `Unknown`. A relayed token alone fits; together with an access token or the cookies of a session it may not.
#[tokio::test]
async fn a_token_of_many_claims_needs_room_in_http2_header_lists() {
    let alb = MockAlb::new();
    let default = Served::new(alb.layer());
    let raised = Served::with(Server::builder().http2_max_header_list_size(64 * 1024), alb.layer());
    const KIB: usize = 1024;

    let fits = largest(&alb, 9 * KIB, 2 * KIB);
    let token = fits.metadata().get("x-amzn-oidc-data").expect("a token").len();
    assert!((12 * KIB..13 * KIB).contains(&token), "{token}");
    for served in [&default, &raised] {
        HealthClient::new(served.channel().await).check(largest(&alb, 9 * KIB, 2 * KIB)).await.expect("it fits");
    }

    let answer = HealthClient::new(raised.channel().await).check(largest(&alb, 9 * KIB, 6 * KIB)).await;
    assert_eq!(metadata(&answer.expect("there is room"), "user"), Some("user:default/jane.doe"));
    let refused = HealthClient::new(default.channel().await).check(largest(&alb, 9 * KIB, 6 * KIB)).await;
    let refused = refused.expect_err("there is no room");
    assert_eq!((refused.code(), default.calls()), (Code::Unknown, 1));
    assert!(refused.message().contains("431"), "{refused:?}");
}
