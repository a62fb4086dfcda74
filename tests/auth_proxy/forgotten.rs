//! What an author of rules forgets, and a rule would then admit more than was meant.

use tower_alb_auth::test_util::MockAlb;

use crate::site::{settings, trust};

/// A dash too many makes two rules of one: the second one has no path, and opened every path that no rule before it has.
#[tokio::test]
async fn s_225_a_rule_that_admits_requests_without_a_user_names_its_paths() {
    let trust = trust(&MockAlb::new()).await;
    let with = |rules: &str| settings(&format!("{trust}upstream: http://127.0.0.1:1\nrules:\n{rules}"));
    for rules in [
        "  - { path: /*, access: optional }\n",
        "  - { host: open.example.com, access: optional }\n",
        "  - { require: { claim_contains: { groups: staff } } }\n",
        "  - { access: required }\n",
    ] {
        assert!(with(rules).is_ok(), "{rules}");
    }
    for (rules, place) in [
        ("  - path: /public/*\n  - access: optional\n", "rules[1]"),
        ("  - { access: optional }\n", "rules[0]"),
        ("  - { access: exempt, methods: [POST] }\n", "rules[0]"),
    ] {
        let error = with(rules).err().unwrap_or_else(|| panic!("{rules} is accepted"));
        let named = error.problems().iter().any(|problem| problem.key() == Some(place));
        assert!(named && error.to_string().contains("path: /*"), "{rules}: {error}");
    }
}

/// An object without anything in it requires nothing, beside a requirement that is met by more users.
#[tokio::test]
async fn s_225_an_empty_object_of_a_requirement_is_refused() {
    let alb = MockAlb::new();
    let (trust, issuer) = (trust(&alb).await, alb.issuer());
    for (require, key) in [
        (format!("{{ issuer: '{issuer}', claim_contains: {{}} }}"), "rules[0].require.claim_contains"),
        ("{ claim_present: team, claim_equals: {} }".to_owned(), "rules[0].require.claim_equals"),
        ("{}".to_owned(), "rules[0].require"),
    ] {
        let rule = format!("{{ path: /admin/*, require: {require} }}");
        let read = settings(&format!("{trust}upstream: http://127.0.0.1:1\nrules:\n  - {rule}\n"));
        let error = read.err().unwrap_or_else(|| panic!("{rule} is accepted"));
        let named = error.problems().iter().any(|problem| problem.key() == Some(key));
        assert!(named, "{rule}: {error}");
    }
}
