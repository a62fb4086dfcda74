//! What the metrics facade gets, seen by a recorder.

use std::{convert::Infallible, time::Duration};

use crate::support::App;
use http::{Request, Response};
use metrics_util::debugging::{DebugValue, DebuggingRecorder, Snapshotter};
use tower::{Layer as _, ServiceExt as _, service_fn};
use tower_alb_auth::{
    AlbAuthLayer, AuthErrorKind, RequireLayer,
    deny_list::Denied,
    sign_in::{SignIn, SignInError, from_async_fn},
    test_util::{KeyServerMode, MockAlb, TestClock, User},
};

/// Everything that is recorded on this thread. Tests here run on one thread each.
struct Recorded {
    snapshotter: Snapshotter,
    _guard: metrics::LocalRecorderGuard<'static>,
}

impl Recorded {
    fn begin() -> Self {
        // Lives as long as the test binary: the guard borrows it.
        let recorder: &'static DebuggingRecorder = Box::leak(Box::new(DebuggingRecorder::new()));
        Self { snapshotter: recorder.snapshotter(), _guard: metrics::set_default_local_recorder(recorder) }
    }

    /// The counters and histograms that something was added to since the last time, once for each that was added.
    fn counters(&self) -> Vec<String> {
        let mut all = Vec::new();
        for (key, _, _, value) in self.snapshotter.snapshot().into_vec() {
            let (_, key) = key.into_parts();
            let labels: Vec<String> = key.labels().map(|label| format!("{}={}", label.key(), label.value())).collect();
            let times = match value {
                DebugValue::Counter(count) => usize::try_from(count).expect("few"),
                DebugValue::Histogram(values) => values.len(),
                DebugValue::Gauge(_) => 0,
            };
            all.extend(vec![format!("{}{{{}}}", key.name(), labels.join(",")); times]);
        }
        all.sort();
        all
    }

    fn gauge(&self, name: &str) -> Option<f64> {
        let all = self.snapshotter.snapshot().into_vec();
        all.into_iter().find_map(|(key, _, _, value)| match value {
            DebugValue::Gauge(value) if key.key().name() == name => Some(value.into_inner()),
            _ => None,
        })
    }
}

/// One counter by one label.
fn labelled(name: &str, label: &str, value: &str) -> String {
    format!("alb_auth_{name}{{{label}={value}}}")
}

#[tokio::test]
async fn decisions_are_counted_by_what_became_of_them() {
    let recorded = Recorded::begin();
    let alb = MockAlb::new();
    let stranger = MockAlb::with_keys_of(&alb);
    let layer = alb.layer().optional().exempt_path("/healthz");
    layer.handle().deny(Denied::email("amy@example.com").expect("an email"));
    let app = App::new(layer);
    let token = alb.sign(&User::jane());
    let guest = User::jane().claim("email", "jane@partner.example");
    for (case, request, outcome, cache) in [
        ("the first", alb.request("/").token(&token), "user", Some("miss")),
        ("again", alb.request("/").token(&token), "user", Some("hit")),
        ("nobody", alb.request("/"), "anonymous", None),
        ("exempt", alb.request("/healthz").token("bad"), "anonymous", None),
        ("malformed", alb.request("/").token("bad"), "malformed", None),
        ("two", alb.request("/").token(&token).token(&token), "duplicate_header", None),
        ("a stranger", stranger.request("/").user(&User::jane()), "untrusted_signer", None),
        ("a guest", alb.request("/").user(&guest), "sign_in_refused", Some("miss")),
        ("shut out", alb.request("/").user(&User::entra("amy")), "denied", Some("miss")),
    ] {
        app.call(request).await;
        let counters = recorded.counters();
        let mut expected = vec![labelled("decisions_total", "outcome", outcome)];
        expected.extend(cache.map(|cache| labelled("token_cache_lookups_total", "result", cache)));
        expected.extend((case == "the first").then(|| labelled("key_fetches_total", "result", "key")));
        expected.sort();
        assert_eq!(counters, expected, "{case}");
    }
}

#[tokio::test]
async fn key_fetches_are_counted_by_what_they_brought() {
    for (mode, result, outcome) in [
        (KeyServerMode::Healthy, "key", "user"),
        (KeyServerMode::Status(403), "unknown", "unknown_key"),
        (KeyServerMode::Status(500), "failed", "keys_unavailable"),
        (KeyServerMode::Answer(b"<html>".to_vec()), "rejected", "key_rejected"),
    ] {
        let recorded = Recorded::begin();
        let alb = MockAlb::new();
        alb.set_key_server(mode);
        App::new(alb.layer()).call(alb.request("/").user(&User::jane())).await;
        let counters = recorded.counters();
        assert!(counters.contains(&labelled("key_fetches_total", "result", result)), "{counters:?}");
        assert!(counters.contains(&labelled("decisions_total", "outcome", outcome)), "{counters:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn fetches_under_way_go_up_and_down_again_however_they_end() {
    let recorded = Recorded::begin();
    let in_flight = || recorded.gauge("alb_auth_key_fetches_in_flight");
    let alb = MockAlb::new();
    alb.set_key_server(KeyServerMode::Silent);
    let app = App::new(alb.layer());
    let waiting = tokio::spawn({
        let (app, request) = (app.clone(), Request::<String>::from(alb.request("/").user(&User::jane())));
        async move { app.call(request).await.status.as_u16() }
    });
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(in_flight(), Some(1.0));
    assert_eq!(waiting.await.expect("no panic"), 503);
    // A snapshot takes out what the gauge held: this is the difference.
    assert_eq!(in_flight(), Some(-1.0));
}

#[tokio::test]
async fn the_age_of_keys_is_that_of_the_oldest() {
    let recorded = Recorded::begin();
    let age = || recorded.gauge("alb_auth_oldest_key_age_seconds");
    let clock = TestClock::new();
    let mut alb = MockAlb::new().with_clock(&clock);
    let layer = alb.layer();
    let app = App::new(layer.clone());
    app.call(alb.request("/").user(&User::jane())).await.assert_ok("user:default/jane.doe");
    assert_eq!(age(), Some(0.0));
    clock.advance(Duration::from_secs(600));
    alb.rotate();
    app.call(alb.request("/").user(&User::jane())).await.assert_ok("user:default/jane.doe");
    assert_eq!(age(), Some(600.0));
    clock.advance(Duration::from_secs(60));
    assert!(layer.handle().readiness().is_ready());
    assert_eq!(age(), Some(660.0));
}

#[tokio::test]
async fn sign_ins_that_wait_are_timed_and_those_remembered_are_counted() {
    let recorded = Recorded::begin();
    let alb = MockAlb::new();
    for (result, answer) in [
        ("ok", Ok(SignIn::claims_only())),
        ("refused", Err(SignInError::refused("no"))),
        ("not_found", Err(SignInError::not_found("nobody"))),
        ("ambiguous", Err(SignInError::ambiguous("two"))),
        ("unavailable", Err(SignInError::unavailable("down"))),
        ("misconfigured", Err(SignInError::misconfigured("another token"))),
    ] {
        let policy = from_async_fn(move |_| std::future::ready(answer.clone()));
        let app = App::new(AlbAuthLayer::new(alb.config_builder().sign_in(policy).build().expect("sound")));
        app.call(alb.request("/").user(&User::jane())).await;
        let first = recorded.counters();
        assert!(first.contains(&labelled("sign_in_seconds", "result", result)), "{first:?}");
        assert!(first.contains(&labelled("sign_in_cache_lookups_total", "result", "miss")), "{first:?}");

        app.call(alb.request("/").user(&User::jane())).await;
        let second = recorded.counters();
        let remembered = !matches!(result, "unavailable" | "misconfigured");
        assert_eq!(
            second.contains(&labelled("sign_in_cache_lookups_total", "result", "hit")),
            remembered,
            "{second:?}"
        );
        assert_eq!(second.contains(&labelled("sign_in_seconds", "result", result)), !remembered, "{second:?}");
    }
}

#[tokio::test]
async fn refusals_of_a_part_of_the_application_are_counted_by_themselves() {
    let recorded = Recorded::begin();
    let alb = MockAlb::new();
    let inner = service_fn(async |_: Request<String>| Ok::<_, Infallible>(Response::new(String::new())));
    let admins = RequireLayer::owner_of_any(["group:default/admins"]).expect("an entity ref").layer(inner);
    alb.layer().layer(admins.clone()).oneshot(alb.request("/").user(&User::jane()).into()).await.expect("infallible");
    let counters = recorded.counters();
    assert!(counters.contains(&labelled("requirements_failed_total", "kind", "ownership_missing")), "{counters:?}");
    assert!(counters.contains(&labelled("decisions_total", "outcome", "user")), "{counters:?}");
    admins.oneshot(Request::new(String::new())).await.expect("infallible");
    assert_eq!(recorded.counters(), [labelled("requirements_failed_total", "kind", "misused")]);
}

/// A kind that the metrics do not list would count as `other`.
#[test]
fn no_kind_of_refusal_is_counted_as_other() {
    let metrics = include_str!("../../../src/telemetry/metrics.rs");
    for name in AuthErrorKind::ALL.iter().map(|kind| kind.as_str()) {
        assert!(metrics.contains(&format!("\"{name}\"")), "{name} is not in src/telemetry/metrics.rs");
    }
}

#[test]
fn the_page_for_operators_lists_every_metric() {
    let (page, source) =
        (include_str!("../../../docs/OPERATING.md"), include_str!("../../../src/telemetry/metrics.rs"));
    let rows = |text: &str| -> Vec<String> {
        let lines = text.lines().map(|line| line.trim_start_matches("//! "));
        lines.filter(|line| line.starts_with("| `alb_auth_")).map(str::to_owned).collect()
    };
    assert_eq!(rows(page), rows(source));
    assert_eq!(rows(page).len(), 13);
    for row in rows(page) {
        let name = row.split('`').nth(1).expect("a name");
        assert!(source.matches(&format!("\"{name}\"")).count() >= 2, "{name} is described and recorded");
    }
}
