//! The example `otlp` against a collector stand-in: what arrives, decoded.

use std::{
    collections::BTreeMap,
    path::Path,
    process::Stdio,
    sync::{Arc, Mutex},
};

use axum::{Router, body::Bytes, extract::State, routing::post};
use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest,
    common::v1::{KeyValue, any_value::Value},
    trace::v1::{Span, span::SpanKind},
};
use prost::Message as _;
use tokio::process::Command;

use crate::examples::{MAX_WAIT, binary};

/// The bodies of the requests to `/v1/traces`.
#[derive(Clone, Default)]
struct Collector(Arc<Mutex<Vec<Bytes>>>);

impl Collector {
    /// Serves on a free port until the test ends.
    async fn serve(&self) -> String {
        async fn keep(State(collector): State<Collector>, body: Bytes) -> Bytes {
            collector.0.lock().unwrap().push(body);
            // An empty message: everything is accepted.
            Bytes::new()
        }
        let app = Router::new().route("/v1/traces", post(keep)).with_state(self.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        tokio::spawn(async move { axum::serve(listener, app).await });
        format!("http://{address}")
    }

    fn requests(&self) -> Vec<ExportTraceServiceRequest> {
        let bodies = self.0.lock().unwrap();
        bodies.iter().map(|body| ExportTraceServiceRequest::decode(body.clone()).expect("OTLP")).collect()
    }

    fn spans(&self) -> Vec<Span> {
        let resources = self.requests().into_iter().flat_map(|request| request.resource_spans);
        resources.flat_map(|of| of.scope_spans).flat_map(|of| of.spans).collect()
    }
}

fn texts(attributes: &[KeyValue]) -> BTreeMap<String, String> {
    let text = |value: &Value| match value {
        Value::StringValue(text) => text.clone(),
        Value::IntValue(number) => number.to_string(),
        Value::BoolValue(value) => value.to_string(),
        other => format!("{other:?}"),
    };
    let pairs =
        attributes.iter().filter_map(|pair| Some((pair.key.clone(), text(pair.value.as_ref()?.value.as_ref()?))));
    pairs.collect()
}

async fn run(program: &Path, collector: &str, record_user: bool) {
    let mut command = Command::new(program);
    command.arg("--check").env("OTEL_EXPORTER_OTLP_ENDPOINT", collector).env_remove("RUST_LOG").env_remove("PORT");
    command.env_remove("RECORD_USER").env_remove("http_proxy").env_remove("HTTP_PROXY").env_remove("ALL_PROXY");
    if record_user {
        command.env("RECORD_USER", "1");
    }
    let output = command.stdin(Stdio::null()).kill_on_drop(true).output();
    let output = tokio::time::timeout(MAX_WAIT, output).await.expect("it ends by itself").expect("it starts");
    let (out, log) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{out}\n{log}");
    assert_eq!(out.lines().filter(|line| line.starts_with("ok ")).count(), 2, "{out}");
}

#[tokio::test]
async fn otlp_exports_the_span_of_the_request_and_the_layer_s_inside_it() {
    for record_user in [false, true] {
        let collector = Collector::default();
        run(&binary("otlp"), &collector.serve().await, record_user).await;
        let requests = collector.requests();
        let resource = requests[0].resource_spans[0].resource.as_ref().expect("a resource");
        assert_eq!(texts(&resource.attributes).get("service.name").map(String::as_str), Some("orders"));

        let spans = collector.spans();
        let of = |status: &str| {
            let is =
                |span: &&Span| texts(&span.attributes).get("http.response.status_code").is_some_and(|of| of == status);
            spans.iter().find(is).unwrap_or_else(|| panic!("{status}: {spans:#?}"))
        };
        let inside = |outer: &Span| {
            let mut inner = spans.iter().filter(|span| span.parent_span_id == outer.span_id);
            let (Some(inner), None) = (inner.next(), inner.next()) else { panic!("{spans:#?}") };
            assert_eq!((inner.name.as_str(), &inner.trace_id), ("alb_auth", &outer.trace_id));
            texts(&inner.attributes)
        };
        for (status, outcome, user) in [("200", "user", Some("user:default/jane.doe")), ("401", "missing", None)] {
            let outer = of(status);
            assert_eq!((outer.name.as_str(), outer.kind()), ("GET", SpanKind::Server));
            let attributes = texts(&outer.attributes);
            let user = user.filter(|_| record_user);
            for (name, value) in [("http.request.method", Some("GET")), ("url.path", Some("/me")), ("enduser.id", user)]
            {
                assert_eq!(attributes.get(name).map(String::as_str), value, "{name} of {status}: {attributes:?}");
            }
            let decision = inside(outer);
            assert_eq!(decision.get("outcome").map(String::as_str), Some(outcome), "{decision:?}");
            assert_eq!(decision.get("user").map(String::as_str), user, "{decision:?}");
            assert_eq!(decision.contains_key("kid"), outcome == "user", "{decision:?}");
        }
        let all = format!("{requests:?}");
        assert!(!all.contains("@example.com") && !all.contains("eyJ"), "an email or a token: {all}");
        assert_eq!(all.contains("jane"), record_user);
    }
}
