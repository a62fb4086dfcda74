//! Settings of `backend` that a stock auth backend obeys.

use std::time::Duration;

use super::{config, read, wrong};
use tower_alb_auth::backstage::settings::{BackstageSettings, Check};

#[test]
fn probes_and_the_end_are_as_the_files_say() {
    let settings = read("backend: { health: { headers: { x-a: b } }, lifecycle: { serverShutdownDelay: 30s } }");
    assert_eq!(settings.health_headers["x-a"], "b");
    assert_eq!(settings.shutdown_delay, Duration::from_secs(30));
    assert_eq!((read("").shutdown_delay, read("").health_headers.len()), (Duration::ZERO, 0));
    let long = read("backend: { lifecycle: { serverShutdownDelay: { hours: 1 } } }");
    assert_eq!(long.shutdown_delay, Duration::from_secs(300));
    assert!(long.warnings.iter().any(|warning| warning.contains("serverShutdownDelay")), "{:?}", long.warnings);
}

#[test]
fn what_they_cannot_be_is_refused_with_the_key() {
    for (text, key) in [
        ("backend: { health: { headers: { x-a: 1 } } }", "backend.health.headers.x-a"),
        ("backend: { health: { headers: { 'x a': b } } }", "backend.health.headers.x a"),
        ("backend: { lifecycle: { serverShutdownDelay: soon } }", "backend.lifecycle.serverShutdownDelay"),
        ("backend: { auth: { pluginKeyStore: { type: vault } } }", "backend.auth.pluginKeyStore.type"),
        ("backend: { auth: { pluginKeyStore: { type: static } } }", "backend.auth.pluginKeyStore.static.keys"),
    ] {
        let said = wrong(text);
        assert!(said.contains(key), "{text}: {said}");
    }
}

#[test]
fn keys_of_plugin_tokens_can_be_in_files() {
    let text = "backend: { auth: { pluginKeyStore: { type: static, static: { keys: [{ keyId: a, publicKeyFile: p, privateKeyFile: k }] } } } }";
    let keys = read(text).plugin_keys.expect("keys");
    assert_eq!((keys.len(), keys[0].key_id.as_str()), (1, "a"));
    assert_eq!(read("backend: { auth: { pluginKeyStore: { type: database } } }").plugin_keys, None);
}

#[test]
fn what_is_not_served_is_named_at_the_start() {
    let settings = read(
        "backend: { rateLimit: { global: true }, csp: { connect-src: [x] } }\nauth: { staticClients: [{ clientId: a }] }",
    );
    for (key, part) in
        [("backend.rateLimit", "AWS WAF"), ("backend.csp", "comes with the page"), ("auth.staticClients", "--upstream")]
    {
        let named = settings.warnings.iter().any(|warning| warning.contains(key) && warning.contains(part));
        assert!(named, "{key}: {:?}", settings.warnings);
    }
}

/// A browser sends no cookie with a preflight request, so a load balancer that signs users in sends it to the login page.
#[test]
fn two_origins_need_a_rule_for_preflight_requests_and_the_check_says_so() {
    let files = |app: &str, backend: &str| {
        config(&format!("app: {{ baseUrl: '{app}' }}\nbackend: {{ baseUrl: '{backend}' }}\n"))
    };
    for (app, backend, warned) in [
        ("https://portal.example.com", "https://api.example.com", true),
        ("https://portal.example.com", "https://portal.example.com:7007", true),
        ("https://portal.example.com/x", "https://portal.example.com", false),
        ("http://localhost:3000", "http://localhost:7007", false),
    ] {
        let settings = BackstageSettings::read(&files(app, backend)).expect("sound");
        let says = |warnings: &[String]| {
            warnings.iter().any(|warning| warning.contains("preflight") && warning.contains("OPTIONS"))
        };
        assert_eq!(says(&settings.warnings), warned, "{app} {backend}: {:?}", settings.warnings);
        assert_eq!(says(Check::of(&files(app, backend)).warnings()), warned, "{app} {backend}");
    }
}
