//! S-90: a redirect leads to another service, and the user's token stays where it belongs.

use std::{
    convert::Infallible,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    extract::Request as Incoming,
    http::{HeaderValue, StatusCode, header::LOCATION},
    response::IntoResponse,
};
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use tokio::net::TcpListener;
use tower::{Layer as _, Service, ServiceExt as _, service_fn};
use tower_alb_auth::{
    Claims, RelayIdentityLayer,
    test_util::{MockAlb, User},
};
use tower_http::follow_redirect::{FollowRedirect, FollowRedirectLayer, policy::SameOrigin};
use tracing::Level;

use crate::support::traced::Traced;

type Body = Full<Bytes>;

/// A service that notes which requests came with a token, and redirects where its path says so: `/<status>/<address>`.
#[derive(Clone)]
struct Service302 {
    address: SocketAddr,
    seen: Arc<Mutex<Vec<(String, bool)>>>,
}

impl Service302 {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free loopback port");
        let address = listener.local_addr().expect("an address");
        let seen: Arc<Mutex<Vec<(String, bool)>>> = Arc::default();
        let noted = Arc::clone(&seen);
        let app = Router::new().fallback(move |request: Incoming| async move {
            let path = request.uri().path().to_owned();
            noted.lock().unwrap().push((path.clone(), request.headers().contains_key("x-amzn-oidc-data")));
            let redirect = path.trim_start_matches('/').split_once('/');
            match redirect.and_then(|(status, to)| Some((StatusCode::from_bytes(status.as_bytes()).ok()?, to))) {
                Some((status, to)) => (status, [(LOCATION, HeaderValue::from_str(to).expect("ASCII"))]).into_response(),
                None => "here".into_response(),
            }
        });
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { address, seen }
    }

    /// Path and whether a token came, of each request since the last time.
    fn seen(&self) -> Vec<(String, bool)> {
        std::mem::take(&mut self.seen.lock().unwrap())
    }
}

fn hyper_client() -> Client<HttpConnector, Body> {
    Client::builder(TokioExecutor::new()).build_http()
}

async fn jane() -> Claims {
    let alb = MockAlb::new();
    let request = alb.request("/").user(&User::jane()).body(());
    alb.layer().handle().authenticate(request.headers()).await.expect("signed in").claims().clone()
}

/// What comes back at the end.
async fn get<S, B>(client: S, url: &str) -> (u16, Bytes)
where
    S: Service<Request<Body>, Response = Response<B>>,
    S::Error: std::fmt::Debug,
    B: http_body::Body<Data = Bytes>,
    B::Error: std::fmt::Debug,
{
    let answer = client.oneshot(Request::get(url).body(Body::default()).expect("a request")).await.expect("an answer");
    (answer.status().as_u16(), answer.into_body().collect().await.expect("a body").to_bytes())
}

const STATUSES: [u16; 5] = [301, 302, 303, 307, 308];

#[tokio::test]
async fn s_90_a_redirect_to_another_authority_is_followed_without_the_token() {
    let (own, other) = (Service302::start().await, Service302::start().await);
    let relay = RelayIdentityLayer::of(&jane().await).only_to([own.address.to_string()]);
    let client = FollowRedirect::new(relay.layer(hyper_client()));
    for status in STATUSES {
        for to in [
            format!("http://{}/x", other.address),
            // The same machine by another name, and a name that begins like the own one.
            format!("http://localhost:{}/x", other.address.port()),
            format!("http://{}@{}/x", own.address.ip(), other.address),
        ] {
            let url = format!("http://{}/{status}/{to}", own.address);
            assert_eq!(get(client.clone(), &url).await, (200, "here".into()), "{url}");
            assert_eq!(own.seen(), [(format!("/{status}/{to}"), true)]);
            assert_eq!(other.seen(), [("/x".to_owned(), false)], "{url}");
        }
    }
}

#[tokio::test]
async fn s_90_a_redirect_within_the_authority_keeps_the_token_and_one_back_gets_it_again() {
    let (own, other) = (Service302::start().await, Service302::start().await);
    let relay = RelayIdentityLayer::of(&jane().await).only_to([own.address.to_string()]);
    let client = FollowRedirect::new(relay.layer(hyper_client()));
    let url = format!("http://{}", own.address);
    get(client.clone(), &format!("{url}/302//there")).await;
    assert_eq!(own.seen(), [("/302//there".to_owned(), true), ("/there".to_owned(), true)]);

    let back = format!("http://{}/302/{url}/back", other.address);
    get(client, &format!("{url}/302/{back}")).await;
    assert_eq!(own.seen().last(), Some(&("/back".to_owned(), true)));
    assert_eq!(other.seen(), [(format!("/302/{url}/back"), false)]);
}

#[tokio::test]
async fn s_90_without_a_list_no_whole_address_gets_the_token_and_the_log_says_why() {
    let (own, other) = (Service302::start().await, Service302::start().await);
    let (traced, _guard) = Traced::begin();
    let client = FollowRedirect::new(RelayIdentityLayer::of(&jane().await).layer(hyper_client()));
    let url = format!("http://{}/302/http://{}/x", own.address, other.address);
    for _ in 0..20 {
        assert_eq!(get(client.clone(), &url).await.0, 200);
    }
    assert!(own.seen().iter().chain(&other.seen()).all(|(_, token)| !token));
    // A mock load balancer has a warning too, once in a process: in whichever test is the first.
    let warnings: Vec<_> =
        traced.lines(Level::WARN).into_iter().filter(|line| line.contains("the user is not sent to")).collect();
    assert!(warnings.len() <= 1, "once a minute: {warnings:?}");
    let said = [warnings, traced.lines(Level::DEBUG)].concat();
    for authority in [own.address, other.address] {
        let part =
            format!("the user is not sent to \"{authority}\" (http): RelayIdentityLayer::only_to(..) does not list it");
        assert!(said.iter().any(|line| line.contains(&part)), "{part}: {said:?}");
    }
}

#[tokio::test]
async fn the_waiver_sends_the_token_wherever_a_request_goes() {
    let other = Service302::start().await;
    let relay = RelayIdentityLayer::of(&jane().await).dangerously_to_any_authority();
    get(relay.layer(hyper_client()), &format!("http://{}/x", other.address)).await;
    assert_eq!(other.seen(), [("/x".to_owned(), true)]);
}

/// Inside the layer a follower carries all headers along; one that stays at the authority carries them nowhere else.
#[tokio::test]
async fn s_90_a_follower_inside_the_layer_has_to_stay_at_the_authority() {
    let (own, other) = (Service302::start().await, Service302::start().await);
    let relay = RelayIdentityLayer::of(&jane().await).only_to([own.address.to_string()]);
    let stays = FollowRedirectLayer::with_policy(SameOrigin::default());
    let client = relay.layer(stays.layer(hyper_client()));
    let url = format!("http://{}/302/http://{}/x", own.address, other.address);
    assert_eq!(get(client.clone(), &url).await.0, 302);
    assert_eq!(other.seen(), []);
    get(client, &format!("http://{}/302//there", own.address)).await;
    assert_eq!(own.seen().last(), Some(&("/there".to_owned(), true)));
}

/// A client of reqwest as a service. It follows no redirect by itself.
#[tokio::test]
async fn s_90_around_reqwest_the_follower_stands_outside() {
    let (own, other) = (Service302::start().await, Service302::start().await);
    let reqwest = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build();
    let reqwest = reqwest.expect("a client");
    let connects = service_fn(move |request: Request<Body>| {
        let reqwest = reqwest.clone();
        async move {
            let (parts, _) = request.into_parts();
            let request = Request::from_parts(parts, reqwest::Body::default()).try_into().expect("a request");
            Ok::<_, Infallible>(Response::from(reqwest.execute(request).await.expect("an answer")))
        }
    });
    let relay = RelayIdentityLayer::of(&jane().await).only_to([own.address.to_string()]);
    let client = FollowRedirect::new(relay.layer(connects));
    let url = format!("http://{}/302/http://{}/x", own.address, other.address);
    assert_eq!(get(client, &url).await, (200, "here".into()));
    assert_eq!(own.seen().len(), 1);
    assert_eq!(other.seen(), [("/x".to_owned(), false)]);
}
