//! Spans of the layer and of an axum service in an OpenTelemetry collector, by OTLP over HTTP.
//!
//! ```text
//! export OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318   # a collector; this is the default
//! export RECORD_USER=1                                       # users' entity refs as enduser.id: personal data
//! export ALB_AUTH_SIGNERS=...                                # as in the example axum
//! cargo run --example otlp --all-features
//!
//! cargo run --example otlp --all-features -- --check         # behind a mock load balancer, with its own requests
//! ```
//!
//! Names and values follow the semantic conventions: <https://opentelemetry.io/docs/specs/semconv/http/http-spans/>.

mod support;

use std::{io::IsTerminal as _, process::ExitCode};

use axum::{Router, extract::Request, response::Response, routing::get};
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_sdk::{Resource, trace::SdkTracerProvider};
use support::{Call, front_door};
use tower_alb_auth::{AlbAuthLayer, AlbAuthSettings, BackstageIdentity, layer::trace_id, test_util::MockAlb};
use tower_http::trace::TraceLayer;
use tracing::{Level, Span, field::Empty};
use tracing_subscriber::{Layer as _, filter::Targets, layer::SubscriberExt as _, util::SubscriberInitExt as _};

async fn me(user: BackstageIdentity) -> String {
    format!("{}\n", user.user_entity_ref())
}

/// The span of a request. The layer's span `alb_auth` is inside it, and fills `enduser.id` if the configuration records users.
fn span(request: &Request) -> Span {
    let (method, path) = (request.method(), request.uri().path());
    tracing::info_span!(
        "request",
        otel.name = %method,
        otel.kind = "server",
        otel.status_code = Empty,
        http.request.method = %method,
        http.response.status_code = Empty,
        // Never the query, which may have credentials.
        url.path = path,
        enduser.id = Empty,
        // By which the load balancer's access log is joined.
        aws.alb.trace_id = trace_id(request.headers()).map(tracing::field::display),
    )
}

fn end(response: &Response, _: std::time::Duration, span: &Span) {
    span.record("http.response.status_code", response.status().as_u16());
    if response.status().is_server_error() {
        span.record("otel.status_code", "ERROR");
    }
}

fn application(layer: AlbAuthLayer) -> Router {
    let trace = TraceLayer::new_for_http().make_span_with(span).on_response(end);
    Router::new().route("/me", get(me)).layer(layer.exempt_path("/healthz")).layer(trace)
}

/// Exports spans in batches, from a thread of the SDK. To be kept, and shut down at the end.
fn export() -> Result<SdkTracerProvider, Box<dyn std::error::Error>> {
    let exporter = opentelemetry_otlp::SpanExporter::builder().with_http().build()?;
    let provider = SdkTracerProvider::builder()
        .with_resource(Resource::builder().with_service_name("orders").build())
        .with_batch_exporter(exporter)
        .build();
    // The span of a decision is at DEBUG.
    let exported = Targets::new().with_target("tower_alb_auth", Level::DEBUG).with_target("otlp", Level::INFO);
    let spans = tracing_opentelemetry::layer()
        .with_tracer(provider.tracer("orders"))
        .with_location(false)
        .with_threads(false)
        .with_tracked_inactivity(false)
        .with_filter(exported);
    let log = tracing_subscriber::fmt::layer()
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr)
        .with_filter(Targets::new().with_default(Level::INFO));
    tracing_subscriber::registry().with(spans).with(log).init();
    Ok(provider)
}

#[tokio::main]
async fn main() -> support::Outcome {
    let provider = export()?;
    let outcome = if support::check_only()? { check().await } else { serve().await };
    // Sends what is left. It blocks, so not on a thread of the runtime.
    tokio::task::spawn_blocking(move || provider.shutdown()).await??;
    outcome
}

async fn serve() -> support::Outcome {
    let builder = AlbAuthSettings::from_vars(std::env::vars())?.to_builder();
    let builder = if records_users() { builder.record_user_in_spans() } else { builder };
    let listener = support::listen().await?;
    println!("Serving at http://{}: /me. Ctrl-C stops it.", listener.local_addr()?);
    let ctrl_c = async {
        let _ = tokio::signal::ctrl_c().await;
    };
    axum::serve(listener, application(AlbAuthLayer::new(builder.build()?))).with_graceful_shutdown(ctrl_c).await?;
    Ok(ExitCode::SUCCESS)
}

/// Entity refs are personal data, so they are exported only if that is wanted.
fn records_users() -> bool {
    std::env::var_os("RECORD_USER").is_some()
}

/// The same application behind a mock load balancer.
async fn check() -> support::Outcome {
    let alb = MockAlb::new().serve().await;
    let builder = alb.config_builder().sign_in(tower_alb_auth::sign_in::EmailLocalPart::in_domains(["example.com"]));
    let builder = if records_users() { builder.record_user_in_spans() } else { builder };
    let listener = support::listen_anywhere().await?;
    let target = listener.local_addr()?;
    let application = application(AlbAuthLayer::new(builder.build()?));
    tokio::spawn(async move { axum::serve(listener, application).await });
    let door = front_door::open(support::listen_anywhere().await?, &alb, target)?;
    let me = format!("{door}/me");
    support::try_out(&[
        Call::new("Jane at /me", &me).by("jane").answers(200, "user:default/jane.doe"),
        Call::new("no user at /me", &me).by("signed-out").answers(401, "This needs a sign-in"),
    ])
    .await
}
