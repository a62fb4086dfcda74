//! A service is not ready before the one inside is; problems of a warm-up; closures of refusals.

use std::{
    future::{Ready, ready},
    task::{Context, Poll},
};

use http::{Request, Response};
use tower::{Layer as _, Service, ServiceExt as _};
use tower_alb_auth::{
    MachineLayer, RelayIdentityLayer, RelayScopeLayer, RequireLayer,
    config::MachineTokens,
    layer::{Refuse as _, RefusedRequest, StandardRefusal},
    test_util::{KeyServerMode, MockAlb, User},
};

/// A service inside that has failed.
#[derive(Debug, Clone)]
struct Gone;

impl Service<Request<String>> for Gone {
    type Response = Response<String>;
    type Error = &'static str;
    type Future = Ready<Result<Response<String>, &'static str>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), &'static str>> {
        Poll::Ready(Err("gone"))
    }

    fn call(&mut self, _: Request<String>) -> Self::Future {
        ready(Ok(Response::default()))
    }
}

fn machines() -> MachineLayer {
    let tokens = MachineTokens::new("https://idp.example.com").audience("api://orders").client("nightly-report");
    MachineLayer::new(tokens).expect("sound")
}

#[tokio::test]
async fn each_service_reports_that_the_one_inside_has_failed() {
    let alb = MockAlb::new();
    let mut found = Vec::new();
    found.push(("AlbAuth", alb.layer().layer(Gone).ready().await.map(drop)));
    found.push(("Require", RequireLayer::signed_in().layer(Gone).ready().await.map(drop)));
    found.push(("MachineAuth", machines().layer(Gone).ready().await.map(drop)));
    found.push(("RelayScope", RelayScopeLayer::new().layer(Gone).ready().await.map(drop)));
    found.push(("RelayIdentity", RelayIdentityLayer::new().layer(Gone).ready().await.map(drop)));
    for (service, result) in found {
        assert_eq!(result, Err("gone"), "{service}");
    }
}

#[tokio::test]
async fn problems_of_a_warm_up_are_compared_by_their_texts_and_shown_as_they_are() {
    let alb = MockAlb::new();
    let handle = alb.layer().handle();
    alb.set_key_server(KeyServerMode::Status(500));
    let warm_up = async |kid: &str| {
        let kid = tower_alb_auth::Kid::parse(kid).expect("a kid");
        handle.warm_up_kids([kid]).await.expect_err("a problem")
    };
    let [one, other] = ["00000000-0000-4000-8000-00000000000a", "00000000-0000-4000-8000-00000000000b"];
    let (first, second) = (warm_up(one).await, warm_up(other).await);
    assert_eq!(first, first.clone());
    assert_ne!(first.problems(), second.problems());
    assert_ne!(first, second);
    assert_eq!(format!("{first:?}"), first.to_string());
    assert!(first.to_string().contains(&first.problems()[0]));
}

/// A closure that calls the standard form gets no form around it, so that it does not call itself.
#[tokio::test]
async fn a_closure_of_refusals_may_call_the_standard_form() {
    let alb = MockAlb::new();
    let layer = alb.layer().refuse_with(|error, request: &RefusedRequest<'_>| {
        let mut response: Response<String> = StandardRefusal::default().refuse(error, request);
        response.headers_mut().insert("x-own", http::HeaderValue::from_static("1"));
        response
    });
    let require = RequireLayer::owner_of_any(["group:default/admins"]).expect("a ref");
    let inside = require
        .layer(tower::service_fn(async |_: Request<String>| Ok::<_, &'static str>(Response::new(String::new()))));
    let response = layer.layer(inside).oneshot(alb.request("/").user(&User::jane()).into()).await.expect("a response");
    assert_eq!((response.status().as_u16(), response.headers().contains_key("x-own")), (403, true));
}
