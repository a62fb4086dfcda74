//! A key without a value: the line that a template left empty, or whose value has the wrong indentation.

use tower_alb_auth::test_util::MockAlb;

use crate::site::{settings, settings_with, trust};

/// Read as absent, it would make a rule apply to every path or host, or require a user alone.
#[tokio::test]
async fn s_97_a_rule_with_a_blank_value_is_refused() {
    let alb = MockAlb::new();
    let trust = trust(&alb).await;
    let with = |rule: &str| settings(&format!("{trust}upstream: http://127.0.0.1:1\nrules:\n  - {rule}\n"));
    assert!(with("{ path: /admin/*, require: { claim_contains: { roles: admin }, claim_present: [team] } }").is_ok());
    for (rule, key) in [
        ("{ path: , access: optional }", "rules[0].path"),
        ("{ path: /public/*, host: , access: optional }", "rules[0].host"),
        ("{ path: /hook, access: exempt, methods: }", "rules[0].methods"),
        ("{ path: /admin/*, require: }", "rules[0].require"),
        ("{ path: /admin/*, require: { claim_present: [team], owner_of_any: } }", "rules[0].require.owner_of_any"),
        ("{ path: /admin/*, require: { claim_present: [team], claim_contains: } }", "rules[0].require.claim_contains"),
        (
            "{ path: /admin/*, require: { claim_present: [team], claim_contains: { roles: } } }",
            "rules[0].require.claim_contains.roles",
        ),
        (
            "{ path: /admin/*, require: { claim_present: [team], claim_equals: { roles: [] } } }",
            "rules[0].require.claim_equals.roles",
        ),
        (
            "{ path: /admin/*, require: { claim_equals: { roles: x }, claim_present: [] } }",
            "rules[0].require.claim_present",
        ),
    ] {
        let error = with(rule).err().unwrap_or_else(|| panic!("{rule} is accepted"));
        let named = error.problems().iter().any(|problem| problem.key() == Some(key));
        assert!(named, "{rule}: {error}");
    }
}

/// A blank line for the deny list would shut out no user, and one for the rules would drop their requirements.
#[tokio::test]
async fn s_117_a_setting_without_a_value_is_refused() {
    let alb = MockAlb::new();
    let trust = trust(&alb).await;
    let base = format!("{trust}upstream: http://127.0.0.1:1\n");
    assert!(settings(&base).is_ok());
    for key in tower_alb_auth::auth_proxy::KEYS {
        let rest: String = base.lines().filter(|line| !line.starts_with(key)).map(|line| format!("{line}\n")).collect();
        // The lines below a key that is left out.
        let rest = if key == "trust" {
            rest.lines().filter(|line| !line.starts_with(' ')).fold(String::new(), |all, line| all + line + "\n")
        } else {
            rest
        };
        let error = settings(&format!("{rest}{key}:\n")).err().unwrap_or_else(|| panic!("{key} is accepted"));
        assert!(error.problems().iter().any(|problem| problem.key() == Some(key)), "{key}: {error}");
    }
}

/// A misspelt key without a value may have been meant for one that shuts users out.
#[tokio::test]
async fn s_117_a_key_that_is_not_known_is_refused_without_a_value_too() {
    let base = format!("{}upstream: http://127.0.0.1:1\n", trust(&MockAlb::new()).await);
    for key in ["deny_lst", "rulez", "development"] {
        for value in ["", " null", " ~", " x"] {
            let error = settings(&format!("{base}{key}:{value}\n")).err().unwrap_or_else(|| panic!("{key}:{value}"));
            assert!(error.problems().iter().any(|problem| problem.key() == Some(key)), "{key}:{value}: {error}");
        }
    }
}

/// The proxy would listen at another port than the platform's load balancer asks.
#[tokio::test]
async fn a_variable_port_that_is_none_is_refused_where_it_decides() {
    let base = format!("{}upstream: http://127.0.0.1:1\n", trust(&MockAlb::new()).await);
    let with = |text: &str, port: &str| settings_with(text, &[("PORT".to_owned(), port.to_owned())]);
    for port in ["abc", "8080/tcp", "tcp://10.0.0.1:80", "65536", "-1"] {
        let error = with(&base, port).err().unwrap_or_else(|| panic!("{port} is accepted"));
        assert!(error.problems().iter().any(|problem| problem.key() == Some("PORT")), "{port}: {error}");
        assert!(with(&format!("{base}listen: 127.0.0.1:8080\n"), port).is_ok(), "{port}");
    }
    assert!(with(&base, " 8081 ").is_ok());
    assert!(with(&base, "").is_ok());
}

/// A service that folds names reads one of two headers, and which one is chance; others are not the proxy's to set.
#[tokio::test]
async fn a_header_that_another_one_replaces_is_refused() {
    let base = format!("{}upstream: http://127.0.0.1:1\n", trust(&MockAlb::new()).await);
    assert!(settings(&format!("{base}headers: {{ X-Team: '{{entity}}', X-Teams: '{{entity}}' }}\n")).is_ok());
    for (headers, key) in [
        ("{ X-Team: '{entity}', X_Team: '{entity.name}' }", "headers.X_Team"),
        ("{ Keep-Alive: '{entity}' }", "headers.Keep-Alive"),
        ("{ HTTP2-Settings: '{entity}' }", "headers.HTTP2-Settings"),
        ("{ X-Forwarded-Port: '{entity}' }", "headers.X-Forwarded-Port"),
        ("{ X-Tower-Alb-Auth-Hops: '{entity}' }", "headers.X-Tower-Alb-Auth-Hops"),
    ] {
        let error = settings(&format!("{base}headers: {headers}\n")).err().unwrap_or_else(|| panic!("{headers}"));
        assert!(error.problems().iter().any(|problem| problem.key() == Some(key)), "{headers}: {error}");
    }
}
