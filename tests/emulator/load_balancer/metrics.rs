//! Metrics of the emulator for Prometheus.

use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::json;
use tower_alb_auth::emulator::{EmulatorConfig, OnJwtValidation};

use crate::load_balancer::site::{Page, Site};

/// One listener with every kind of action. Its files are those of `aws elbv2 describe-rules`.
fn rules() -> tempfile::NamedTempFile {
    rules_with_keys("https://idp.example.com/keys")
}

fn rules_with_keys(jwks: &str) -> tempfile::NamedTempFile {
    let arn = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:listener-rule/app/edge/1/2";
    let path = |value: &str| json!([{"Field": "path-pattern", "PathPatternConfig": {"Values": [value]}}]);
    let forward = json!({"Type": "forward", "TargetGroupArn": "web"});
    let jwt = json!({"Type": "jwt-validation", "JwtValidationConfig":
        {"Issuer": "https://idp.example.com", "JwksEndpoint": jwks}});
    let rules = [
        ("/machine/*", json!([jwt, forward])),
        ("/old", json!([{"Type": "redirect", "RedirectConfig": {"Path": "/new", "StatusCode": "HTTP_301"}}])),
        ("/fixed", json!([{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "418"}}])),
        ("/open", json!([forward])),
    ];
    let rules: Vec<_> = rules
        .iter()
        .zip(1..)
        .map(|((value, actions), priority)| {
            json!({"RuleArn": format!("{arn}/{priority}"), "Priority": priority.to_string(), "Conditions": path(value),
                "Actions": actions})
        })
        .collect();
    let file = tempfile::Builder::new().prefix("rules").suffix(".json").tempfile().expect("a file");
    std::fs::write(file.path(), json!({ "Rules": rules }).to_string()).expect("written");
    file
}

fn with_metrics(config: EmulatorConfig) -> EmulatorConfig {
    config.metrics(([127, 0, 0, 1], 0).into())
}

async fn scraped(site: &Site) -> String {
    let client = reqwest::Client::builder().no_proxy().build().expect("a client");
    let response = client.get(site.emulator.metrics_url().expect("served")).send().await.expect("a response");
    assert_eq!(response.headers()["content-type"], "text/plain; version=0.0.4; charset=utf-8");
    response.text().await.expect("a text")
}

/// The samples that are not 0, by series.
fn counted(text: &str) -> BTreeMap<&str, &str> {
    let samples = text.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.rsplit_once(' '));
    samples.filter(|(_, value)| *value != "0").collect()
}

#[tokio::test]
async fn each_response_sign_in_and_bearer_token_is_counted_once() {
    let file = rules();
    let site = Site::with(|config| with_metrics(config).rules_file(file.path())).await;
    assert_eq!(counted(&scraped(&site).await), BTreeMap::new());

    let browser = site.browser();
    // To the provider, the callback, and the page.
    browser.sign_in("/", "jane").await;
    for path in ["/old", "/fixed", "/open", "/a//b", "/machine/x", "/machine/x", "/oauth2/idpresponse"] {
        browser.get(path).await;
    }
    let trace = browser.client.request(http::Method::TRACE, site.url("/open"));
    assert_eq!(Page::of(trace.send().await.expect("a response")).await.status, 405);

    let response =
        |outcome: &str, class: &str| format!("alb_emulator_responses_total{{outcome=\"{outcome}\",class=\"{class}\"}}");
    let expected = [
        (response("sign_in", "3xx"), "1"),
        (response("callback", "3xx"), "1"),
        (response("callback", "4xx"), "1"),
        (response("forward", "2xx"), "2"),
        (response("redirect", "3xx"), "1"),
        (response("fixed_response", "4xx"), "1"),
        (response("jwt_validation", "4xx"), "2"),
        // The path that can be read in two ways, and the method TRACE.
        (response("rejected", "4xx"), "2"),
        ("alb_emulator_sign_ins_total{result=\"signed_in\"}".to_owned(), "1"),
        ("alb_emulator_sign_ins_total{result=\"failed\"}".to_owned(), "1"),
        ("alb_emulator_bearer_tokens_total{result=\"refused\"}".to_owned(), "2"),
    ];
    let text = scraped(&site).await;
    assert_eq!(counted(&text), expected.iter().map(|(series, value)| (series.as_str(), *value)).collect());
}

#[tokio::test]
async fn a_rule_that_responds_501_and_a_target_that_does_not_listen_are_counted() {
    let file = rules();
    let site = Site::with(|config| {
        let config = with_metrics(config).rules_file(file.path()).target("http://127.0.0.1:1");
        config.on_jwt_validation(OnJwtValidation::Respond501)
    })
    .await;
    let browser = site.browser();
    assert_eq!((browser.get("/machine/x").await.status, browser.get("/open").await.status), (501, 502));
    let text = scraped(&site).await;
    let counted = counted(&text);
    let responses = ["respond_501", "forward"]
        .map(|outcome| format!("alb_emulator_responses_total{{outcome=\"{outcome}\",class=\"5xx\"}}"));
    assert_eq!(counted, responses.iter().map(|series| (series.as_str(), "1")).collect());
}

/// The keys of a provider that is not the demo provider are fetched. Nothing listens there.
#[tokio::test]
async fn a_bearer_token_whose_keys_cannot_be_fetched_counts_as_unavailable() {
    let file = rules_with_keys("http://127.0.0.1:1/keys");
    let (site, _provider) = Site::scripted_with(|config| with_metrics(config).rules_file(file.path())).await;
    let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
    let token = format!("{}.{}.AAAA", part(r#"{"alg":"RS256","kid":"a"}"#), part("{}"));
    let request = site.browser().client.get(site.url("/machine/x")).bearer_auth(token);
    assert_eq!(Page::of(request.send().await.expect("a response")).await.status, 500);
    let text = scraped(&site).await;
    let expected = [
        "alb_emulator_responses_total{outcome=\"jwt_validation\",class=\"5xx\"}",
        "alb_emulator_bearer_tokens_total{result=\"unavailable\"}",
    ];
    assert_eq!(counted(&text), expected.map(|series| (series, "1")).into());
}

/// Series cost memory of the process and of Prometheus.
#[tokio::test]
async fn s_205_no_request_makes_a_series_or_stands_in_one() {
    let file = rules();
    let site = Site::with(|config| with_metrics(config).rules_file(file.path())).await;
    // In no order.
    let series = |text: &str| -> Vec<String> {
        let series = text.lines().filter_map(|line| line.rsplit_once(' ')).map(|(series, _)| series.to_owned());
        let mut series: Vec<String> = series.collect();
        series.sort();
        series
    };
    let before = series(&scraped(&site).await);
    let browser = site.browser();
    browser.sign_in("/canary", "jane").await;
    for number in 0..50 {
        for path in ["open", "machine", "none", "oauth2/idpresponse"] {
            let request = browser.client.get(site.url(&format!("/{path}/canary-{number}?state=canary-{number}")));
            let request = request.header("authorization", format!("Bearer canary-{number}"));
            let request = request.header("user-agent", format!("canary-{number}"));
            request.send().await.expect("a response");
        }
        let method = http::Method::from_bytes(format!("CANARY{number}").as_bytes()).expect("a method");
        browser.client.request(method, site.url("/open")).send().await.expect("a response");
    }
    let text = scraped(&site).await;
    assert!(!text.to_ascii_lowercase().contains("canary") && !text.contains("jane"), "{text}");
    assert_eq!(series(&text), before);
}

#[tokio::test]
async fn metrics_are_served_at_their_own_address_and_path_only() {
    let site = Site::with(with_metrics).await;
    let client = reqwest::Client::builder().no_proxy().build().expect("a client");
    let url = site.emulator.metrics_url().expect("served");
    assert_eq!(client.post(&url).send().await.expect("a response").status(), 405);
    assert_eq!(client.get(url.replace("/metrics", "/other")).send().await.expect("a response").status(), 404);
    // The load balancer forwards it as any path.
    assert_eq!(site.browser().get("/metrics").await.status, 302);
    assert_eq!(Site::new().await.emulator.metrics_url(), None);
}
