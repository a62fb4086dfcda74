//! Entries that only an application of its own shows.

use std::{
    io::Write,
    sync::{Arc, Mutex},
};

use http::{Request, Response, StatusCode};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle, PrometheusRecorder};
use serde_json::json;
use tower::{Layer as _, ServiceExt as _};
use tower_alb_auth::{
    AlbAuthConfig, AlbAuthLayer, RequireLayer,
    config::AccessTokens,
    sign_in::ClaimsOnly,
    test_util::{MockAlb, User},
};
use tracing::subscriber::DefaultGuard;
use tracing_subscriber::fmt::MakeWriter;

use crate::{runbook::entry::entry, support::issuer::Issuer};

#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl Write for Written {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Written {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

/// What this thread logs and counts.
struct Seen {
    written: Written,
    metrics: PrometheusHandle,
    _log: DefaultGuard,
}

impl Seen {
    fn of(recorder: &PrometheusRecorder) -> Self {
        let written = Written::default();
        let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(written.clone()).finish();
        let _log = tracing::subscriber::set_default(subscriber);
        Self { written, metrics: recorder.handle(), _log }
    }

    #[track_caller]
    fn assert_is(&self, id: &str) {
        let log = String::from_utf8(self.written.0.lock().unwrap().clone()).expect("UTF-8");
        entry(id).assert_seen(&log, &self.metrics.render());
    }
}

async fn handler(_: Request<String>) -> Result<Response<String>, std::convert::Infallible> {
    Ok(Response::new(String::new()))
}

#[tokio::test]
async fn r_19_no_layer_is_around_a_route_that_requires_a_user() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let seen = Seen::of(&recorder);
    let _metrics = metrics::set_default_local_recorder(&recorder);
    let service = RequireLayer::signed_in().layer(tower::service_fn(handler));
    let response = service.oneshot(Request::new(String::new())).await.expect("infallible");
    assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
    seen.assert_is("R-19");
}

#[tokio::test]
async fn r_26_the_keys_of_the_access_tokens_issuer_cannot_be_fetched() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let seen = Seen::of(&recorder);
    let _metrics = metrics::set_default_local_recorder(&recorder);
    let issuer = Issuer::start().await;
    issuer.fail_with(Some(StatusCode::BAD_GATEWAY));
    let alb = MockAlb::new().with_issuer(&issuer.url);
    let entry = alb.trusted().access_tokens(AccessTokens::new()).sign_in(ClaimsOnly);
    let config = alb.keys_and_clock(AlbAuthConfig::builder().trust(entry)).build().expect("sound");
    let user = User::empty().claim("sub", "u1");
    let token = issuer.token(&json!({ "iss": issuer.url, "sub": "u1", "client_id": alb.client_id() }));
    let mut request: Request<String> = alb.request("/").user(&user).into();
    request.headers_mut().insert("x-amzn-oidc-accesstoken", token.parse().expect("a header value"));
    let service = AlbAuthLayer::new(config).layer(tower::service_fn(handler));
    let response = service.oneshot(request).await.expect("infallible");
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    seen.assert_is("R-26");
}
