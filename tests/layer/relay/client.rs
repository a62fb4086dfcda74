//! What a client sends, seen as the service behind it would.

use std::convert::Infallible;

use http::{HeaderMap, Request, Response};
use tower::{Layer as _, ServiceExt as _, service_fn};
use tower_alb_auth::{
    BackstageIdentity, RelayIdentityLayer, RelayScopeLayer, SignedIn,
    test_util::{MockAlb, User},
};

/// The headers of the load balancer that go out by a client with this layer.
async fn sent(relay: RelayIdentityLayer, request: Request<String>) -> Vec<(String, String)> {
    let client = relay.layer(service_fn(async |request: Request<String>| {
        for (name, value) in request.headers() {
            assert!(value.is_sensitive() || name != "x-amzn-oidc-data", "a token that Debug shows");
        }
        Ok::<_, Infallible>(Response::new(oidc(request.headers())))
    }));
    client.oneshot(request).await.expect("infallible").into_body()
}

fn oidc(headers: &HeaderMap) -> Vec<(String, String)> {
    let all = headers.iter().map(|(name, value)| (name.as_str().to_owned(), value.to_str().expect("ASCII").to_owned()));
    all.filter(|(name, _)| name.replace('_', "-").starts_with("x-amzn-oidc")).collect()
}

async fn signed_in(alb: &MockAlb, token: &str) -> SignedIn {
    let request = alb.request("/").token(token).body(());
    alb.layer().handle().authenticate(request.headers()).await.expect("signed in")
}

fn only(token: &str) -> Vec<(String, String)> {
    vec![("x-amzn-oidc-data".to_owned(), token.to_owned())]
}

/// A request as a handler makes it that copies all headers of a stranger's.
fn copied() -> Request<String> {
    let stranger = MockAlb::new();
    let smuggled = stranger.request("/next").user(&User::entra("mallory")).header("x_amzn_oidc_data", "smuggled");
    smuggled.header("x-amzn-oidc-new", "smuggled").header("accept", "*/*").body(String::new())
}

#[tokio::test]
async fn the_token_goes_out_as_it_came_in_and_nothing_else() {
    let alb = MockAlb::new();
    let token = alb.sign(&User::jane());
    let user = signed_in(&alb, &token).await;
    let identity = user.identity().expect("an identity");
    for relay in [RelayIdentityLayer::of(identity), RelayIdentityLayer::of(user.claims())] {
        assert_eq!(sent(relay.clone(), Request::new(String::new())).await, only(&token));
        assert_eq!(sent(relay, copied()).await, only(&token), "what a handler copied is replaced");
    }
}

#[tokio::test]
async fn s_04_without_a_user_nothing_goes_out_not_even_what_a_handler_copied() {
    assert_eq!(sent(RelayIdentityLayer::new(), Request::new(String::new())).await, []);
    assert_eq!(sent(RelayIdentityLayer::new(), copied()).await, []);
    // An identity made for a test came without a token.
    let jane = BackstageIdentity::builder("user:default/jane").build().expect("an identity");
    assert_eq!(sent(RelayIdentityLayer::of(&jane), copied()).await, []);
}

#[tokio::test]
async fn the_user_is_the_clients_else_the_requests_else_the_scopes() {
    let alb = MockAlb::new();
    let tokens = ["jane", "amy", "eve"].map(|name| alb.sign(&User::entra(name)));
    let [jane, amy, eve] =
        [signed_in(&alb, &tokens[0]).await, signed_in(&alb, &tokens[1]).await, signed_in(&alb, &tokens[2]).await];

    // A handler of Eve's request, which makes three calls.
    let handler = service_fn(async |_: Request<String>| {
        let by_scope = sent(RelayIdentityLayer::new(), copied()).await;
        let mut with_amy = copied();
        with_amy.extensions_mut().insert(amy.identity().expect("an identity").clone());
        let by_request = sent(RelayIdentityLayer::new(), with_amy.clone()).await;
        let by_client = sent(RelayIdentityLayer::of(jane.claims()), with_amy).await;
        let spawned = tokio::spawn(async { sent(RelayIdentityLayer::new(), copied()).await }).await.expect("no panic");
        Ok::<_, Infallible>(Response::new([by_scope, by_request, by_client, spawned]))
    });
    let mut request = Request::new(String::new());
    request.extensions_mut().insert(eve.identity().expect("an identity").clone());
    let [by_scope, by_request, by_client, spawned] =
        RelayScopeLayer::new().layer(handler).oneshot(request).await.expect("infallible").into_body();
    assert_eq!(by_scope, only(&tokens[2]));
    assert_eq!(by_request, only(&tokens[1]));
    assert_eq!(by_client, only(&tokens[0]));
    assert_eq!(spawned, [], "a task that outlives the request has no user");
}

#[tokio::test]
async fn a_scope_without_a_user_hides_the_one_around_it() {
    let alb = MockAlb::new();
    let user = signed_in(&alb, &alb.sign(&User::jane())).await;
    let inner = RelayScopeLayer::new().layer(service_fn(async |_: Request<String>| {
        Ok::<_, Infallible>(Response::new(sent(RelayIdentityLayer::new(), Request::new(String::new())).await))
    }));
    let outer = RelayScopeLayer::new()
        .layer(service_fn(|_: Request<String>| inner.clone().oneshot(Request::new(String::new()))));
    let mut request = Request::new(String::new());
    request.extensions_mut().insert(user.claims().clone());
    assert_eq!(outer.oneshot(request).await.expect("infallible").into_body(), []);
}

#[tokio::test]
async fn s_61_nothing_prints_the_token() {
    let alb = MockAlb::new();
    let token = alb.sign(&User::jane());
    let user = signed_in(&alb, &token).await;
    let relay = RelayIdentityLayer::of(user.claims());
    let client = relay.layer("a client");
    let shown = format!("{relay:?} {relay:#?} {client:?} {user:?}");
    for segment in token.split('.') {
        assert!(!shown.contains(segment), "{shown}");
    }
    assert!(!shown.contains("jane.doe@"), "{shown}");
}
