//! Settings without a value: the line that a template left empty, or whose variable is not set.

use serde_json::{Value, json};
use tower_alb_auth::{
    AlbAuthSettings, ConfigError,
    sign_in::{EmailLocalPart, GroupOwnership},
};

use crate::config::{ALB, ISSUER, builder_without_policy, entry, problems};

const TRUST: [(&str, &str); 3] =
    [("ALB_AUTH_SIGNERS", ALB), ("ALB_AUTH_ISSUER", ISSUER), ("ALB_AUTH_CLIENT_IDS", "application")];

fn variables(more: &[(&str, &str)]) -> Result<AlbAuthSettings, ConfigError> {
    AlbAuthSettings::from_vars(TRUST.iter().chain(more).copied())
}

/// `ALB_AUTH_EMAIL_CLAIM=$UNSET` would let the claim `email` decide, which users can change at some providers.
#[test]
fn s_207_a_variable_without_which_a_user_is_another_one_is_not_set_to_nothing() {
    let domains = ("ALB_AUTH_EMAIL_DOMAINS", "example.com");
    let tokens = ("ALB_AUTH_VERIFY_ACCESS_TOKEN", "true");
    let groups = [("ALB_AUTH_GROUPS_CLAIM", "groups"), ("ALB_AUTH_GROUPS_MAP", "a=group:default/a")];
    for (name, value, with) in [
        ("ALB_AUTH_EMAIL_CLAIM", "upn", vec![domains]),
        ("ALB_AUTH_NAMESPACE", "partners", vec![domains]),
        ("ALB_AUTH_SIGN_IN", "whole_email", vec![domains]),
        ("ALB_AUTH_ACCESS_TOKEN_AUDIENCES", "api://orders", vec![domains, tokens]),
        ("ALB_AUTH_GROUPS_FROM", "access_token", [vec![domains, tokens], groups.to_vec()].concat()),
    ] {
        let of = |value| variables(&[with.clone(), vec![(name, value)]].concat());
        assert!(of(value).is_ok(), "{name}");
        for blank in ["", " \t"] {
            let error = of(blank).err().unwrap_or_else(|| panic!("{name} is accepted"));
            assert_eq!(error.problems().len(), 1, "{error}");
            assert_eq!(error.problems()[0].key(), Some(name), "{error}");
        }
    }
}

fn data(path: &[&str], value: &Value) -> Result<AlbAuthSettings, serde_json::Error> {
    let mut settings = json!({
        "trust": [{
            "signers": [ALB], "issuer": ISSUER, "client_ids": ["application"],
            "sign_in": { "email_local_part": { "domains": ["example.com"] } },
        }],
        "sign_in": { "subject": {} },
    });
    let (last, parents) = path.split_last().expect("a key");
    let object = parents.iter().fold(&mut settings, |object, key| match key.parse::<usize>() {
        Ok(index) => &mut object[index],
        Err(_) => &mut object[*key],
    });
    object[*last] = value.clone();
    serde_json::from_value(settings)
}

/// Of settings in JSON or YAML: a key without a value is null.
#[test]
fn s_207_a_key_without_which_more_users_are_admitted_is_not_null() {
    let by_email = ["trust", "0", "sign_in", "email_local_part"];
    for (path, value) in [
        (vec!["deny_list_file"], json!("denied.jsonl")),
        (vec!["trust", "0", "access_token"], json!({})),
        (vec!["trust", "0", "sign_in"], json!("claims_only")),
        ([&by_email[..], &["email_claim"]].concat(), json!("upn")),
        ([&by_email[..], &["namespace"]].concat(), json!("partners")),
        (vec!["sign_in", "subject", "namespace"], json!("partners")),
    ] {
        assert!(data(&path, &value).is_ok(), "{path:?}");
        let error = data(&path, &Value::Null).err().unwrap_or_else(|| panic!("{path:?} is accepted"));
        let key = path.last().expect("a key");
        assert!(error.to_string().starts_with(&format!("{key} has no value")), "{path:?}: {error}");
    }
    let claim = |namespace: &str| {
        let text = format!(r#"{{"sign_in": {{"claim": {{"name": "employee_id", "namespace": {namespace}}}}}}}"#);
        serde_json::from_str::<AlbAuthSettings>(&text)
    };
    assert!(claim(r#""partners""#).is_ok() && claim("null").is_err());
    // Without these, fewer users are admitted, or the start fails.
    for path in [["trust", "0", "key_endpoint"], ["trust", "0", "groups"]] {
        assert!(data(&path, &Value::Null).is_ok(), "{path:?}");
    }
}

/// `map(settings.admins.unwrap_or_default(), "group:default/admins")` would make an admin of every user whose attribute is empty at the
/// provider.
#[test]
fn s_208_no_group_is_an_empty_text() {
    let of = |group: &str| {
        let policy = GroupOwnership::of(EmailLocalPart::in_domains(["example.com"])).claim("groups");
        problems(builder_without_policy([entry(ALB).sign_in(policy.map(group, "group:default/admins"))]))
    };
    assert_eq!(of("admins"), [""; 0]);
    for blank in ["", " "] {
        let found = of(blank).concat();
        assert!(found.contains("group:default/admins") && found.contains("is empty"), "{found}");
    }
    let text = r#"{"groups": {"claims": ["groups"], "map": {"": "group:default/admins"}}, "sign_in": {"subject": {}}}"#;
    let settings: AlbAuthSettings = serde_json::from_str(text).expect("settings");
    let found = problems(settings.to_builder().trust(entry(ALB))).concat();
    assert!(found.contains("is empty"), "{found}");
}
