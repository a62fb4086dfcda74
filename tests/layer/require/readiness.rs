//! F-29: a refused request keeps nothing of the service inside ready.

use std::{convert::Infallible, time::Duration};

use http::{Request, Response};
use tower::{Layer as _, Service as _, ServiceBuilder, ServiceExt as _};
use tower_alb_auth::{
    RequireLayer,
    test_util::{MockAlb, User},
};

#[tokio::test]
async fn f_29_a_refused_connection_keeps_no_permit() {
    let alb = MockAlb::new();
    // One permit for all clones.
    let inner = ServiceBuilder::new()
        .layer(tower::limit::GlobalConcurrencyLimitLayer::new(1))
        .service_fn(async |_: Request<String>| Ok::<_, Infallible>(Response::new(String::new())));
    let service = alb.layer().optional().layer(RequireLayer::signed_in().layer(inner));

    // Connections of strangers, which stay open after their refusal.
    let mut idle = Vec::new();
    for _ in 0..4 {
        let mut connection = service.clone();
        let ready = tokio::time::timeout(Duration::from_secs(10), connection.ready()).await;
        let answer = ready.expect("a permit is free").unwrap().call(alb.request("/").into()).await.unwrap();
        assert_eq!(answer.status(), 401);
        idle.push(connection);
    }
    let honest = service.clone().oneshot(alb.request("/").user(&User::jane()).into());
    let answer = tokio::time::timeout(Duration::from_secs(10), honest).await.expect("a permit is free").unwrap();
    assert_eq!(answer.status(), 200);
    drop(idle);
}
