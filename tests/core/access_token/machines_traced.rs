//! F-65: refusals of machines join the load balancer's access log by the trace id.

use http::{HeaderValue, Request, Response, header::AUTHORIZATION};
use serde_json::json;
use tower::{Layer as _, ServiceExt as _, service_fn};
use tower_alb_auth::{MachineLayer, config::MachineTokens};

use crate::support::{issuer::Issuer, traced::Traced};

const ROOT: &str = "Root=1-67891233-abcdef012345678912345678";

#[tokio::test]
async fn f_65_the_line_of_a_refused_machine_has_the_trace_id() {
    let (traced, _guard) = Traced::begin();
    let issuer = Issuer::start().await;
    let tokens = MachineTokens::new(&issuer.url).audience("api://orders").client("nightly-report");
    let layer = MachineLayer::new(tokens).expect("sound");
    let service = layer
        .layer(service_fn(async |_: Request<String>| Ok::<_, std::convert::Infallible>(Response::new(String::new()))));
    let key = issuer.key();
    let expired = key.sign(
        &json!({"alg": "RS256", "kid": key.kid, "typ": "at+jwt"}),
        &json!({"iss": issuer.url, "aud": "api://orders", "client_id": "nightly-report", "sub": "s", "iat": 1, "exp": 2}),
    );
    for (case, header) in [
        ("no token", None),
        ("no token of any kind", Some("Bearer x".to_owned())),
        // The first that names a key of the issuer waits for it.
        ("a key that is fetched", Some(format!("Bearer {expired}"))),
        ("a key that is known", Some(format!("Bearer {expired}"))),
    ] {
        for trace_id in [Some(ROOT), None] {
            let mut request = Request::new(String::new());
            if let Some(value) = &header {
                request.headers_mut().insert(AUTHORIZATION, value.parse().expect("a header value"));
            }
            if let Some(trace_id) = trace_id {
                request.headers_mut().insert("x-amzn-trace-id", HeaderValue::from_static(trace_id));
            }
            traced.0.lock().unwrap().events.clear();
            assert_eq!(service.clone().oneshot(request).await.expect("infallible").status(), 401, "{case}");
            let events = std::mem::take(&mut traced.0.lock().unwrap().events);
            let lines = events.iter().map(|(_, fields)| fields);
            let refusals: Vec<Option<&str>> = lines
                .filter(|fields| fields["message"].starts_with("machine refused: "))
                .map(|fields| fields.get("trace_id").map(String::as_str))
                .collect();
            assert_eq!(refusals, [trace_id], "{case}");
        }
    }
}
