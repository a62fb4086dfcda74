//! The file takes the settings of the layer as they are: all of `AlbAuthSettings`, but for the deny list, which has a key of the proxy.

use std::{
    fs,
    time::{Duration, SystemTime},
};

use serde_json::json;
use tower_alb_auth::{
    auth_proxy::{Check, KEYS},
    config::ProblemKind,
    test_util::{MockAlb, User},
};

use crate::site::{Site, settings, status, trust};

/// The JSON names of the fields. A value that no field can have makes serde list them.
fn fields_of_the_layer() -> Vec<String> {
    let unknown = serde_json::from_value::<tower_alb_auth::AlbAuthSettings>(json!({ "no such field": 1 }));
    let message = unknown.expect_err("no such field").to_string();
    let names = message.split_once("expected one of").expect("the names").1;
    names.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

#[test]
fn every_setting_of_the_layer_is_a_key_of_the_file() {
    let fields = fields_of_the_layer();
    assert!(fields.len() >= 7, "{fields:?}");
    for field in fields {
        let key = if field == "deny_list_file" { "deny_list" } else { &*field };
        assert!(KEYS.contains(&key), "{field} of AlbAuthSettings is no key of the file");
    }
}

#[tokio::test]
async fn limits_and_groups_of_the_file_apply() {
    let lines = "limits: { max_lifetime: 2m, max_tokens: 0 }\n\
        groups: { claims: [teams], map: { platform: 'group:default/platform' } }\n\
        rules: [{ path: /own/*, require: { owner_of_any: ['group:default/platform'] } }]\n";
    let site = Site::with(lines).await;
    let ask = async |teams: &str, seconds: u64, path: &str| {
        let expiry = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("after 1970");
        let expiry = (expiry + Duration::from_secs(seconds)).as_secs();
        let user = User::jane().claim("teams", json!([teams]));
        let token = site.alb.token(&user).expires_at(expiry).sign();
        status(&site.get(path, &format!("x-amzn-oidc-data: {token}\r\n")).await)
    };
    for (teams, seconds, path, expected) in [
        ("platform", 60, "/own/x", 200),
        ("sales", 60, "/own/x", 403),
        ("sales", 60, "/x", 200),
        ("platform", 600, "/own/x", 401),
    ] {
        assert_eq!(ask(teams, seconds, path).await, expected, "{teams} for {seconds} s at {path}");
    }
}

/// The header `x-amzn-oidc-identity` is not signed, and has to be that of the token's subject unless this is waived.
#[tokio::test]
async fn the_identity_header_is_compared_unless_the_file_waives_it() {
    for (line, expected) in [("", 401), ("dangerously_ignore_identity_header: true\n", 200)] {
        let site = Site::with(line).await;
        let lines = format!("x-amzn-oidc-data: {}\r\nx-amzn-oidc-identity: another\r\n", site.token());
        assert_eq!(status(&site.get("/", &lines).await), expected, "{line}");
    }
}

#[tokio::test]
async fn mistakes_in_them_are_reported_at_once_and_check_says_what_becomes_of_each() {
    let trust = trust(&MockAlb::new()).await;
    let wrong = "limits: { max_lifetim: 2m, leeway: 1h }\ngroups: { claim: [teams] }\ndangerously_ignore_identity_header: perhaps\n";
    let error = settings(&format!("{trust}upstream: http://127.0.0.1:1\n{wrong}")).expect_err("mistakes");
    for (part, kind) in [
        ("Did you mean max_lifetime?", ProblemKind::UnknownKey),
        ("leeway is 3600s; set it to", ProblemKind::OutOfRange),
        ("groups (", ProblemKind::InvalidValue),
        ("dangerously_ignore_identity_header (", ProblemKind::InvalidValue),
    ] {
        let found = error.problems().iter().find(|problem| problem.to_string().contains(part));
        assert_eq!(found.map(|problem| problem.kind()), Some(kind), "{part}: {error}");
    }

    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("proxy.yaml");
    let sound = "limits: { max_lifetime: 2m }\ngroups: { claims: [teams] }\ndangerously_ignore_identity_header: true\n";
    let check = |text: &str, variables: &[(&str, &str)]| {
        fs::write(&file, format!("{text}upstream: http://127.0.0.1:1\n")).expect("written");
        let variables: Vec<_> =
            variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let check = Check::of(Some(&file), &[], &variables);
        (check.is_sound(), check.to_string())
    };
    let effect = |output: &str, key: &str| {
        let line = output.lines().find(|line| line.split_whitespace().next() == Some(key)).expect("the key");
        line.rsplit("  ").next().expect("an effect").to_owned()
    };
    let keys = ["limits", "groups", "dangerously_ignore_identity_header"];
    let (is_sound, output) = check(&format!("{trust}{sound}"), &[]);
    assert!(is_sound, "{output}");
    assert!(keys.iter().all(|key| effect(&output, key) == "used"), "{output}");
    assert!(output.lines().any(|line| line.starts_with("warning: ") && line.contains("identity")), "{output}");
    let (is_sound, output) = check(&format!("{trust}{wrong}"), &[]);
    assert!(!is_sound && keys.iter().all(|key| effect(&output, key) == "refused: see below"), "{output}");
    let (is_sound, output) = check(&format!("{trust}limits: {{ leeway: 1h }}\n"), &[]);
    assert!(!is_sound && effect(&output, "limits") == "refused: see below", "{output}");
    let (_, output) = check(&format!("{trust}{sound}"), &[("ALB_AUTH_ISSUER", "https://idp.example.com")]);
    assert!(keys.iter().all(|key| effect(&output, key) == "replaced by ALB_AUTH_..."), "{output}");
    // Groups are added to the policy of the top.
    let without = trust.replace("sign_in:", "# sign_in:");
    let (_, output) = check(&format!("{without}{sound}"), &[]);
    assert_eq!(effect(&output, "groups"), "no effect: there is no sign_in", "{output}");
}
