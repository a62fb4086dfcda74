//! Dashboard and alert rules of deploy/monitoring on the running programs, by Debian's Prometheus.
//!
//! `.ci/peers` installs it; `cargo test --all-features --test peers monitoring -- --ignored --nocapture` runs this and prints its version.

mod panels;
mod programs;
mod prometheus;

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use serde_json::json;
use tower_alb_auth::test_util::{MockAlb, User};

use self::{
    panels::{file, legend, panels},
    programs::Programs,
    prometheus::{Prometheus, Rule, Series},
};
use crate::support::{key_endpoint::Mode, process::MAX_WAIT};

/// What Grafana uses at a scrape each second is 4 s; longer, so that a busy machine misses none.
const RATE_INTERVAL: &str = "10s";
/// How long the services have good traffic only.
const QUIET: Duration = Duration::from_secs(15);
/// What a slow catalog takes: more than the alert allows on average, and less than the timeout of 5 s.
const SLOW: Duration = Duration::from_millis(2500);
/// Alerts that no short run reaches, and why.
const NEEDS_TIME: [(&str, &str); 1] =
    [("AlbAuthKeyIsOld", "refreshes have to fail for 90 minutes; its metric is checked by its panel")];

/// Good traffic: the alerts are quiet.
async fn quiet(programs: &Programs) -> usize {
    let (started, jane) = (Instant::now(), User::jane());
    let browser = sign_in(programs).await;
    let token = programs.alb.sign(&jane);
    assert_eq!(programs.at_backstage(&token).await, 200, "{}", programs.backstage.log());
    let mut requests = 0;
    while started.elapsed() < QUIET {
        let response = browser.get(programs.emulator.url()).send().await.expect("a response");
        assert_eq!(response.status(), 200, "{}", programs.proxy.log());
        let fresh = programs.alb.sign(&jane);
        for token in [&token, &fresh] {
            assert_eq!(programs.at_proxy(token).await, 200, "{}", programs.proxy.log());
            assert_eq!(programs.at_backstage(token).await, 200, "{}", programs.backstage.log());
        }
        programs.probe().await;
        assert_eq!(programs.at_alb_emulator().await, 302, "{}", programs.alb_emulator.log());
        requests += 2;
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    for _ in 0..3 {
        assert_eq!(programs.at_backstage(&programs.alb.sign(&programs.new_user())).await, 200);
    }
    assert_eq!(programs.sign_out(&token).await, 204);
    requests
}

/// A browser with a session at the emulator.
async fn sign_in(programs: &Programs) -> reqwest::Client {
    let loopback = std::net::SocketAddr::from(([127, 0, 0, 1], 0));
    let builder = reqwest::Client::builder().cookie_store(true).no_proxy();
    let client =
        builder.resolve("app.localhost", loopback).resolve("idp.localhost", loopback).build().expect("a client");
    let page = client.get(programs.emulator.url()).send().await.expect("a response").text().await.expect("a page");
    let ticket = page.split("name=\"ticket\" value=\"").nth(1).and_then(|rest| rest.split('"').next());
    let form = [("ticket", ticket.unwrap_or_else(|| panic!("no login page: {page}"))), ("user", "jane")];
    let login = format!("{}/login", programs.emulator.issuer());
    assert_eq!(client.post(login).form(&form).send().await.expect("a response").status(), 200);
    client
}

/// Waits until an alert has a sample for this job.
async fn active(prometheus: &Prometheus, alert: &str, job: &str) {
    let is_active = |rules: &[Rule]| rules.iter().any(|rule| rule.name == alert && rule.active.contains(job));
    let rules = prometheus.until(is_active, MAX_WAIT).await;
    assert!(is_active(&rules), "{alert} has no sample for {job}: {rules:?}");
}

/// What goes wrong, one after the other, and the alert that each of them is for.
async fn incidents(programs: &mut Programs, prometheus: &Prometheus, good: usize) -> BTreeSet<(String, String)> {
    let mut seen = BTreeSet::new();
    let mut expect = async |alert: &str, job: &str| {
        active(prometheus, alert, job).await;
        seen.insert((alert.to_owned(), job.to_owned()));
    };
    // A client reaches the target past its load balancer.
    let token = programs.alb.sign(&User::jane());
    let stranger = MockAlb::new().sign(&User::jane());
    let page = format!("http://{}/", programs.proxy.address());
    assert_eq!(programs.at_proxy(&stranger).await, 401);
    expect("AlbAuthUntrustedSigner", "alb-auth-proxy").await;
    assert_eq!(programs.send(&page, &[&token, &stranger]).await, 401);
    expect("AlbAuthTargetReachedDirectly", "alb-auth-proxy").await;

    // More refusals than the audit trail records, in two windows too.
    for _ in 0..40 {
        assert_eq!(programs.at_proxy(&stranger).await, 401);
    }

    programs.lose_audit_events().await;
    expect("AlbAuthAuditEventsLost", "alb-auth-proxy").await;

    // The catalog is slow, then it fails; then it does not know most users.
    programs.catalog.responds_after(SLOW);
    let slow = (0..6).map(|_| programs.alb.sign(&programs.new_user())).collect::<Vec<_>>();
    let statuses = futures::future::join_all(slow.iter().map(|token| programs.at_backstage(token))).await;
    assert!(statuses.iter().all(|status| *status == 200), "{statuses:?} {}", programs.backstage.log());
    expect("AlbAuthSignInSlow", "backstage-auth").await;
    programs.catalog.fails();
    assert_eq!(programs.at_backstage(&programs.alb.sign(&programs.new_user())).await, 503);
    expect("AlbAuthSignInUnavailable", "backstage-auth").await;
    programs.catalog.responds_after(Duration::ZERO);
    for _ in 0..good * 2 {
        let unknown = programs.new_user().claim("email", "unknown@example.com");
        assert_eq!(programs.at_backstage(&programs.alb.sign(&unknown)).await, 403);
    }
    expect("AlbAuthSignInRefused", "backstage-auth").await;

    // The database goes away.
    programs.database.stop();
    assert_eq!(programs.at_backstage(&programs.alb.sign(&programs.new_user())).await, 503);
    expect("AlbAuthSessionsNotIssued", "backstage-auth").await;
    programs.database.start_again();

    programs.stream_of_a_denied_user().await;
    assert_eq!(programs.at_machines().await, 401);
    assert_eq!(programs.at_application().await, 500);
    expect("AlbAuthMisused", "application").await;

    // The load balancer has a new key, and the key endpoint does not respond. A proxy that was just deployed reaches a page instead.
    programs.alb.rotate();
    programs.keys.set(Mode::Silent);
    let new_key = programs.alb.sign(&programs.new_user());
    assert_eq!(programs.at_proxy(&new_key).await, 503, "{}", programs.proxy.log());
    expect("AlbAuthKeysUnavailable", "alb-auth-proxy").await;
    for _ in 0..8 {
        let mut other = programs.alb.clone();
        other.rotate();
        assert_eq!(programs.at_new_proxy(&other.sign(&programs.new_user())).await, 503);
    }
    expect("AlbAuthKeyFetchesFail", "new-alb-auth-proxy").await;
    expect("AlbAuthKeysUnavailable", "new-alb-auth-proxy").await;
    seen
}

/// The names of metrics in a text. `alb_auth_proxy` is the name of a schema.
fn metrics(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    words.filter(|word| word.starts_with("alb_auth_") && *word != "alb_auth_proxy").map(str::to_owned).collect()
}

#[tokio::test]
#[ignore = "peer: Prometheus, PostgreSQL"]
async fn f_69_every_panel_and_every_alert_sees_the_traffic_that_it_is_for() {
    let started = Instant::now();
    let mut programs = Programs::start().await;
    let prometheus = Prometheus::start(&programs.jobs()).await;
    println!("prometheus {}", prometheus.version().await);
    let is_up = async || prometheus.targets().await.into_values().all(|state| state == "up");
    while !is_up().await {
        assert!(started.elapsed() < MAX_WAIT, "{:?}", prometheus.targets().await);
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let scraped = Instant::now();

    let good = quiet(&programs).await;
    let rules = prometheus.until(|rules| rules.iter().all(|rule| rule.health != "unknown"), MAX_WAIT).await;
    assert!(rules.len() >= 10, "{rules:?}");
    for rule in &rules {
        assert_eq!(rule.health, "ok", "{rule:?}");
        assert!(rule.active.is_empty(), "good traffic fires {rule:?}");
    }

    let of_emulator = "alb_emulator_responses_total{job=\"alb-emulator\",outcome=\"sign_in\",class=\"3xx\"}";
    let series = prometheus.last(of_emulator, scraped.elapsed().as_secs()).await;
    let seen_at_emulator = series.iter().flat_map(|(_, samples)| samples).any(|(_, value)| *value > 0.0);
    assert!(seen_at_emulator, "{of_emulator}: {series:?}");

    let seen = incidents(&mut programs, &prometheus, good).await;
    let rules: BTreeSet<&str> = rules.iter().map(|rule| rule.name.as_str()).collect();
    let shown = seen.iter().map(|(alert, _)| alert.as_str()).chain(NEEDS_TIME.map(|(alert, _)| alert)).collect();
    assert_eq!(rules, shown, "every alert was made to have a sample, or has a reason why not");
    assert!(prometheus.rules().await.iter().all(|rule| rule.health == "ok"));

    let seconds = scraped.elapsed().as_secs();
    let mut drawn = Vec::new();
    for panel in panels(RATE_INTERVAL) {
        let mut lines: Vec<(String, Vec<(f64, f64)>)> = Vec::new();
        for (expression, form) in &panel.targets {
            let series: Vec<Series> = prometheus.last(expression, seconds).await;
            let above_zero = series.iter().flat_map(|(_, samples)| samples).any(|(_, value)| *value > 0.0);
            assert!(above_zero, "{}: {expression} has no sample above 0: {series:?}", panel.title);
            lines.extend(series.into_iter().map(|(labels, samples)| (legend(form, &labels), samples)));
        }
        drawn.push(json!({ "title": panel.title, "unit": panel.unit, "lines": lines }));
    }

    let (scraped, expressions) = (prometheus.names().await, panels(RATE_INTERVAL));
    let expressions = expressions.iter().flat_map(|panel| &panel.targets).map(|(expression, _)| expression.as_str());
    let files = ["deploy/monitoring/alerts.yml", "docs/OPERATING.md", "docs/PROXY.md"].map(file);
    let named: BTreeSet<String> = expressions.chain(files.iter().map(String::as_str)).flat_map(metrics).collect();
    let bases: BTreeMap<&str, &str> = scraped.iter().map(|name| (name.as_str(), base(name))).collect();
    assert!(named.len() >= 12, "{named:?}");
    for name in named {
        let exists = bases.iter().any(|(full, base)| *full == name || *base == name);
        assert!(exists, "{name} was not scraped: {scraped:?}");
    }

    // For deploy/monitoring/picture.
    if let Some(path) = std::env::var_os("MONITORING_SAMPLES") {
        std::fs::write(path, json!({ "seconds": seconds, "panels": drawn }).to_string()).expect("written");
    }
}

/// The name of a histogram without what Prometheus adds.
fn base(name: &str) -> &str {
    ["_bucket", "_count", "_sum"].iter().find_map(|suffix| name.strip_suffix(suffix)).unwrap_or(name)
}
