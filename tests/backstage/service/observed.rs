//! What operators see of the service: metrics, log lines, the audit trail.

use std::{fs, net::TcpStream};

use serde_json::Value;

use crate::service::{health::once_ready, site::Site};

const USER: &str = "user:default/jane.doe";

/// The address of the metrics, as the start lines name it.
pub fn metrics(site: &Site) -> String {
    let line = site.service.start_lines.lines().find(|line| line.trim().starts_with("Metrics"));
    let mut words = line.unwrap_or_else(|| panic!("{}", site.service.start_lines)).split_whitespace();
    words.nth(1).expect("an address").trim_end_matches(',').to_owned()
}

pub async fn text(url: &str) -> (u16, String) {
    let answer = reqwest::get(url).await.expect("an answer");
    (answer.status().as_u16(), answer.text().await.expect("a text"))
}

#[tokio::test]
async fn counters_are_0_from_the_start_and_metrics_have_an_address_of_their_own() {
    let site = Site::with(&["--metrics", "127.0.0.1:0"]).await;
    let url = metrics(&site);
    let (status, before) = text(&url).await;
    assert_eq!(status, 200);
    for line in [
        r#"alb_auth_decisions_total{outcome="user"} 0"#,
        r#"alb_auth_decisions_total{outcome="untrusted_signer"} 0"#,
        r#"alb_auth_token_cache_lookups_total{result="miss"} 0"#,
        r#"alb_auth_key_fetches_total{result="failed"} 0"#,
        r#"alb_auth_sign_in_cache_lookups_total{result="hit"} 0"#,
    ] {
        assert!(before.lines().any(|found| found == line), "{line} is not in:\n{before}");
    }
    site.signed_in("jane").await.session().await;
    let (_, after) = text(&url).await;
    assert!(after.contains(r#"alb_auth_decisions_total{outcome="user"} 1"#), "{after}");
    assert!(!after.contains("jane"), "{after}");
    // Neither the load balancer's port nor another path.
    assert_eq!(text(&site.service.at("/metrics")).await.0, 404);
    assert_eq!(text(&url.replace("/metrics", "/")).await.0, 404);
}

#[tokio::test]
async fn without_the_argument_there_are_no_metrics() {
    let site = Site::new().await;
    assert!(!site.service.start_lines.contains("Metrics"), "{}", site.service.start_lines);
    assert_eq!(text(&site.service.at("/metrics")).await.0, 404);
}

/// The duration of a sign-in that waits, by a catalog that is away.
#[tokio::test]
async fn the_duration_of_a_sign_in_is_a_histogram_with_buckets() {
    let folder = tempfile::tempdir().expect("a folder");
    let away = "discovery:\n  endpoints:\n    - target: http://127.0.0.1:1/api/catalog\n      plugins: [catalog]\n";
    let site = Site::changed(folder, &["--metrics", "127.0.0.1:0"], |settings| format!("{settings}{away}")).await;
    assert_eq!(site.signed_in("jane").await.get("/api/auth/awsalb/refresh").await.0, 503);
    let (_, seen) = text(&metrics(&site)).await;
    assert!(seen.contains("# TYPE alb_auth_sign_in_seconds histogram"), "{seen}");
    for line in [r#"result="unavailable",le="0.05""#, r#"result="unavailable",le="+Inf"} 1"#] {
        assert!(seen.contains(line), "{line} is not in:\n{seen}");
    }
}

#[tokio::test]
async fn each_line_of_the_json_log_is_an_object() {
    let site = Site::with(&["--log-format", "json"]).await;
    once_ready(&site.service).await;
    site.signed_in("jane").await.session().await;
    let log = site.service.wait_until_it_logs("finished processing request");
    for line in log.lines().filter(|line| line.ends_with('}')) {
        let line: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{line}: {error}"));
        for member in ["timestamp", "level", "target", "fields"] {
            assert!(line.get(member).is_some(), "{member} is not in {line}");
        }
    }
    assert!(log.lines().count() > 1 && log.starts_with('{'), "{log}");
}

#[tokio::test]
async fn the_audit_log_names_the_user_of_each_session_and_is_off_unless_it_is_wanted() {
    for wanted in [true, false] {
        let arguments: &[&str] =
            if wanted { &["--audit-log", "--log-format", "json"] } else { &["--log-format", "json"] };
        let site = Site::with(arguments).await;
        let session = site.signed_in("jane").await.session().await;
        let log = site.service.wait_until_it_logs("finished processing request");
        let audited = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let audited: Vec<Value> = audited.filter(|line| line["target"] == "tower_alb_auth::audit").collect();
        if !wanted {
            assert!(audited.is_empty() && !log.contains(USER), "{log}");
            continue;
        }
        let [line] = &audited.iter().filter(|line| line["fields"]["event"] == "session_issued").collect::<Vec<_>>()[..]
        else {
            panic!("{log}")
        };
        let fields = &line["fields"];
        assert_eq!(
            (&fields["event"], &fields["provider"], &fields["user"]),
            (&"session_issued".into(), &"awsalb".into(), &USER.into())
        );
        assert!(fields["expires_at"].as_u64().is_some_and(|at| at > 1_700_000_000), "{line}");
        let token = session["backstageIdentity"]["token"].as_str().expect("a token");
        assert!(!log.contains(token) && !log.contains("@example.com"), "{log}");
    }
}

#[tokio::test]
async fn settings_of_the_back_end_for_probes_and_the_end_are_obeyed() {
    let folder = tempfile::tempdir().expect("a folder");
    let more = "\
backend:
  health: { headers: { x-service-name: portal } }
  lifecycle: { serverShutdownDelay: { seconds: 200 } }
  rateLimit: true
  csp: { connect-src: ['self'] }
";
    fs::write(folder.path().join("more.yaml"), more).expect("written");
    let mut site = Site::of(folder, &["--without-catalog", "--config", "more.yaml"]).await;
    for path in ["liveness", "readiness"] {
        let answer = reqwest::get(site.service.at(&format!("/.backstage/health/v1/{path}"))).await.expect("an answer");
        assert_eq!(answer.headers()["x-service-name"], "portal", "{path}");
    }
    let log = site.service.log();
    assert!(log.contains("backend.rateLimit") && log.contains("backend.csp"), "{log}");
    site.service.signal("TERM");
    site.service.wait_until_it_logs("about to end");
    // The delay is long: it serves still, and says that it is not ready.
    assert_eq!(text(&site.service.at("/.backstage/health/v1/readiness")).await.0, 503);
    assert!(site.service.runs() && TcpStream::connect(&site.service.url[7..]).is_ok());
}

/// The lines of the audit trail, up to this event.
fn audited(site: &Site, event: &str) -> Vec<Value> {
    let log = site.service.wait_until_it_logs(&format!("\"event\":\"{event}\""));
    let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let lines = lines.filter(|line| line["target"] == "tower_alb_auth::audit" && line["fields"]["event"] == event);
    lines.map(|line| line["fields"].clone()).collect()
}

#[tokio::test]
async fn the_audit_log_has_refusals_and_sign_outs() {
    let site = Site::with(&["--audit-log", "--log-format", "json"]).await;
    let (status, _) = site.signed_in("guest").await.get("/api/auth/awsalb/refresh").await;
    assert_eq!(status, 403);
    let refused = audited(&site, "session_refused");
    assert_eq!(refused.len(), 1, "{refused:?}");
    assert_eq!((&refused[0]["kind"], &refused[0]["status"]), (&"sign_in_refused".into(), &403.into()));
    assert_eq!((&refused[0]["provider"], &refused[0]["left_out"]), (&"awsalb".into(), &0.into()));

    let browser = site.signed_in("jane").await;
    let ended = browser.client.post(site.url("/api/auth/awsalb/logout")).header("origin", site.emulator.url());
    assert_eq!(ended.send().await.expect("a response").status(), 200);
    let signed_out = audited(&site, "signed_out");
    assert_eq!(signed_out.len(), 1, "{signed_out:?}");
    assert_eq!((&signed_out[0]["user"], &signed_out[0]["provider"]), (&USER.into(), &"awsalb".into()));
    assert!(!site.service.log().contains('@'), "{}", site.service.log());
}

/// Requests past the load balancer cannot fill the log.
#[tokio::test]
async fn the_audit_log_of_refusals_is_bounded() {
    let site = Site::with(&["--audit-log", "--log-format", "json"]).await;
    let client = reqwest::Client::new();
    for _ in 0..50 {
        let refused = client.get(site.service.at("/api/auth/awsalb/refresh")).send().await.expect("a response");
        assert_eq!(refused.status(), 401);
    }
    let refused = audited(&site, "session_refused");
    // A window is 10 s: a slow machine sees a second one.
    assert!((10..50).contains(&refused.len()), "{refused:?}");
    assert!(refused.iter().all(|line| line["kind"] == "missing" && line.get("user").is_none()), "{refused:?}");
}
