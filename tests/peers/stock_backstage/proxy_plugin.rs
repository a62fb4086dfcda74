//! A Rust service behind Backstage's own proxy plugin: what docs/SERVICES.md says of `allowedHeaders`.

use axum::{Router, routing::get};
use serde_json::json;
use tower_alb_auth::{
    BackstageIdentity,
    test_util::{MockAlb, User},
};

use crate::stock_backstage::{auth_backend::Place, stock::Stock};

async fn who(user: BackstageIdentity) -> String {
    user.user_entity_ref().to_string()
}

#[tokio::test]
#[ignore = "peer: stock Backstage by .ci/peers"]
async fn the_proxy_plugin_passes_on_the_headers_of_its_configuration() {
    let (alb, place) = (MockAlb::new(), Place::take().await);
    let service = place.serve(Router::new().route("/who", get(who)).layer(alb.layer()));
    let endpoint = |allowed: &[&str]| json!({ "target": service.url, "credentials": "dangerously-allow-unauthenticated", "allowedHeaders": allowed });
    let named = ["x-amzn-oidc-data", "x-amzn-oidc-identity", "x-amzn-trace-id"];
    let settings = json!({ "proxy": { "endpoints": { "/named": endpoint(&named), "/unnamed": endpoint(&[]) } } });
    let stock = Stock::start("proxy", settings, None).await;
    for (path, expected) in [("named", (200, "user:default/jane.doe")), ("unnamed", (401, ""))] {
        let request = alb.request("/who").user(&User::jane()).body(()).into_parts().0;
        let url = format!("{}/api/proxy/{path}/who", stock.url);
        let answer = reqwest::Client::new().get(url).headers(request.headers).send().await.expect("an answer");
        let status = answer.status().as_u16();
        let body = answer.text().await.expect("a text");
        assert_eq!((status, if status == 200 { &*body } else { "" }), expected, "{path}: {body}");
    }
}
