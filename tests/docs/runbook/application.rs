//! Entries that only an application of its own shows.

use std::{
    io::Write,
    sync::{Arc, Mutex},
};

use http::{Request, Response};
use metrics_exporter_prometheus::PrometheusBuilder;
use tower::{Layer as _, ServiceExt as _};
use tower_alb_auth::RequireLayer;
use tracing_subscriber::fmt::MakeWriter;

use crate::runbook::entry::entry;

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

#[tokio::test]
async fn r_19_no_layer_is_around_a_route_that_requires_a_user() {
    let written = Written::default();
    let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(written.clone()).finish();
    let _log = tracing::subscriber::set_default(subscriber);
    let recorder = PrometheusBuilder::new().build_recorder();
    let metrics = recorder.handle();
    let _metrics = metrics::set_default_local_recorder(&recorder);
    let handler =
        tower::service_fn(async |_: Request<String>| Ok::<_, std::convert::Infallible>(Response::new(String::new())));
    let service = RequireLayer::signed_in().layer(handler);
    let response = service.oneshot(Request::new(String::new())).await.expect("infallible");
    assert_eq!(response.status(), 500);
    let log = String::from_utf8(written.0.lock().unwrap().clone()).expect("UTF-8");
    entry("R-19").assert_seen(&log, &metrics.render());
}
