//! Groups in the forms in which providers send them, each by an explicit option.

use serde_json::{Value, json};
use tower_alb_auth::{
    AuthErrorKind,
    sign_in::{EmailLocalPart, GroupClaim, GroupFormat, GroupOwnership, SignInResolver},
    test_util::{MockAlb, User},
};
use tracing::Level;

use crate::{
    sign_in::{assert_403, sign_in},
    support::traced::Traced,
};

fn email() -> impl SignInResolver {
    EmailLocalPart::in_domains(["example.com"])
}

fn mapped(claim: impl Into<GroupClaim>) -> GroupOwnership {
    GroupOwnership::of(email())
        .claim(claim)
        .map("admins", "group:default/admins")
        .map("viewers", "group:default/viewers")
}

/// The groups of a user, and the warnings about them.
async fn groups(policy: GroupOwnership, user: User) -> (Vec<String>, Vec<String>) {
    let (traced, _guard) = Traced::begin();
    let groups = super::ownership::groups(policy, &user).await;
    let mut lines = traced.lines(Level::WARN);
    lines.retain(|line| line.starts_with("the claim ") || line.starts_with("there is no claim "));
    (groups, lines)
}

fn with(claim: &str, value: Value) -> User {
    User::jane().claim(claim, value)
}

const BOTH: [&str; 2] = ["group:default/admins", "group:default/viewers"];

#[tokio::test]
async fn groups_in_one_text_are_read_by_an_explicit_option() {
    use GroupFormat::{Blanks, Brackets, Commas, Json, Keys, Texts};
    for (format, value, expected) in [
        (Brackets, json!("[viewers, admins]"), &BOTH[..]),
        (Brackets, json!("[viewers,admins]"), &BOTH),
        (Brackets, json!("[admins]"), &BOTH[..1]),
        (Brackets, json!("admins"), &BOTH[..1]),
        (Brackets, json!("[]"), &[]),
        (Json, json!("[\"viewers\",\"admins\"]"), &BOTH),
        (Json, json!("[\"admins\",null,7]"), &BOTH[..1]),
        (Commas, json!("viewers,admins"), &BOTH),
        (Commas, json!(" viewers , admins, "), &BOTH),
        (Blanks, json!("viewers  admins"), &BOTH),
        (Keys, json!({ "viewers": { "a": 1 }, "admins": null }), &BOTH),
        // A list is read as one in every form.
        (Brackets, json!(["viewers", "admins"]), &BOTH),
        (Json, json!(["viewers", "admins"]), &BOTH),
        (Commas, json!(["viewers", "admins"]), &BOTH),
        (Blanks, json!(["viewers", "admins"]), &BOTH),
        (Keys, json!(["viewers", "admins"]), &BOTH),
        (Texts, json!(["viewers", "admins", null]), &BOTH),
    ] {
        let policy = mapped(GroupClaim::named("custom:groups").in_format(format));
        assert_eq!(groups(policy, with("custom:groups", value.clone())).await.0, expected, "{format:?} {value}");
    }
    // A value is never a part of a text by another form.
    for (format, value) in [
        (Texts, json!("viewers,admins")),
        (Texts, json!("[viewers, admins]")),
        (Brackets, json!("viewers, admins")),
        (Brackets, json!("[viewers, admins")),
        (Brackets, json!("[xadmins, viewers2]")),
        (Json, json!("[viewers, admins]")),
        (Json, json!("\"admins\"")),
        (Json, json!("{\"admins\":1}")),
        (Commas, json!("viewers admins")),
        (Blanks, json!("viewers,admins")),
    ] {
        let policy = mapped(GroupClaim::named("custom:groups").in_format(format));
        let (found, _) = groups(policy, with("custom:groups", value.clone())).await;
        assert_eq!(found, Vec::<String>::new(), "{format:?} {value}");
    }
}

#[tokio::test]
async fn groups_inside_of_a_claim_are_read_by_a_path() {
    let roles = || GroupClaim::at_path(["realm_access", "roles"]);
    let user = |value: Value| with("realm_access", value);
    assert_eq!(groups(mapped(roles()), user(json!({ "roles": ["admins"] }))).await.0, BOTH[..1]);
    let client = GroupClaim::at_path(["resource_access", "my.client", "roles"]);
    let nested =
        with("resource_access", json!({ "my.client": { "roles": ["admins"] }, "other": { "roles": ["viewers"] } }));
    assert_eq!(groups(mapped(client), nested).await.0, BOTH[..1]);
    // A part that is missing is a claim that is missing.
    for value in [json!({}), json!({ "other": ["admins"] })] {
        assert_eq!(groups(mapped(roles()), user(value)).await, (vec![], vec![]));
    }
    assert_eq!(groups(mapped(roles()), User::jane().claim("roles", ["admins"])).await.0, Vec::<String>::new());
    for (value, expected) in [
        (json!(null), "the claim realm_access is null, not an object"),
        (json!(["admins"]), "the claim realm_access is a list, not an object"),
        (json!("admins"), "the claim realm_access is a text, not an object"),
        (json!({ "roles": null }), "the claim realm_access.roles is null, not a text or a list of texts"),
        (json!({ "roles": 7 }), "the claim realm_access.roles is a number, not a text or a list of texts"),
        (
            json!({ "roles": { "admins": {} } }),
            "the claim realm_access.roles is an object, not a text or a list of texts; name the value inside of it by \
             GroupClaim::at_path(..) (a path in settings), or read the names of its members by GroupFormat::Keys",
        ),
    ] {
        let answer = sign_in(mapped(roles()), &user(value.clone())).await;
        assert_403(&answer, AuthErrorKind::SignInRefused, &value.to_string());
        let said = answer.error.expect("an error").operator_message();
        assert!(said.contains(expected), "{value}: {said}");
    }
}

#[tokio::test]
async fn a_name_with_dots_that_is_the_path_to_a_value_is_a_warning() {
    let user = || with("realm_access", json!({ "roles": ["admins"] }));
    let (found, lines) = groups(mapped("realm_access.roles"), user()).await;
    assert_eq!(found, Vec::<String>::new());
    assert_eq!(
        lines,
        ["there is no claim realm_access.roles, but a value at that path inside of a claim: name it by \
          GroupClaim::at_path(..) (app-config.yaml: path, environment: ALB_AUTH_GROUPS_PATH)"]
    );
    // A claim of that very name is read.
    assert_eq!(
        groups(mapped("realm_access.roles"), user().claim("realm_access.roles", ["viewers"])).await.0,
        BOTH[1..]
    );
}

#[tokio::test]
async fn a_claim_that_is_there_and_yields_nothing_is_a_warning_with_its_shape() {
    for (format, value, shape) in [
        (GroupFormat::Texts, json!("[secret-1, admins]"), "a text in brackets"),
        (GroupFormat::Texts, json!("secret-1,admins"), "a text with commas"),
        (GroupFormat::Texts, json!("secret-1 admins"), "a text with blanks"),
        (GroupFormat::Texts, json!(""), "an empty text"),
        (GroupFormat::Texts, json!([null]), "a list of 0 texts and 1 other elements"),
        (GroupFormat::Json, json!("secret-1"), "a text that is not a list in JSON"),
        (GroupFormat::Commas, json!("[secret-1, admins]"), "a text in brackets"),
        (GroupFormat::Keys, json!({}), "an object with 0 members"),
    ] {
        let policy = mapped(GroupClaim::named("custom:groups").in_format(format));
        for _ in 0..3 {
            let (found, _) = groups(policy.clone(), User::jane()).await;
            assert_eq!(found, Vec::<String>::new());
        }
        let (_, lines) = groups(policy.clone(), with("custom:groups", value.clone())).await;
        let expected = format!("the claim custom:groups is {shape} and gives no group that is mapped; ");
        let found: Vec<&String> = lines.iter().filter(|line| line.starts_with(&expected)).collect();
        assert_eq!(found.len(), 1, "{value}: {lines:?}");
        assert!(lines.iter().all(|line| !line.contains("secret")), "{lines:?}");
        // Limited.
        let (_, again) = groups(policy, with("custom:groups", value)).await;
        assert!(again.iter().all(|line| !line.starts_with(&expected)), "{again:?}");
    }
    // A user without groups is usual.
    for user in [User::jane(), with("custom:groups", json!([]))] {
        assert_eq!(groups(mapped("custom:groups"), user).await, (vec![], vec![]));
    }
    for (format, empty) in [(GroupFormat::Brackets, "[]"), (GroupFormat::Brackets, "[ ]"), (GroupFormat::Json, "[]")] {
        let policy = mapped(GroupClaim::named("custom:groups").in_format(format));
        assert_eq!(groups(policy, with("custom:groups", json!(empty))).await, (vec![], vec![]), "{format:?}");
    }
}

#[tokio::test]
async fn groups_of_which_none_is_ever_mapped_are_a_warning_until_one_is() {
    let policy = mapped("groups");
    let (_, lines) = groups(policy.clone(), with("groups", json!(["6b3f1a52-0c1e-4b8e-9d1c-0e8f5f0e9a11", "x"]))).await;
    let [line] = &lines[..] else { panic!("{lines:?}") };
    assert!(line.starts_with("the claim groups is a list of 2 texts, none of which is in the mapping"), "{line}");
    assert!(!line.contains("6b3f"), "{line}");
    let known = mapped("groups");
    assert_eq!(groups(known.clone(), with("groups", json!(["admins"]))).await, (vec![BOTH[0].to_owned()], vec![]));
    assert_eq!(groups(known, with("groups", json!(["x"]))).await, (vec![], vec![]));
}

#[tokio::test]
async fn groups_that_entra_id_leaves_out_are_a_warning() {
    let overage = User::jane()
        .claim("_claim_names", json!({ "groups": "src1" }))
        .claim("_claim_sources", json!({ "src1": { "endpoint": "https://graph.example.com/x" } }));
    let (found, lines) = groups(mapped("groups"), overage.clone()).await;
    assert_eq!(found, Vec::<String>::new());
    let [line] = &lines[..] else { panic!("{lines:?}") };
    assert!(line.contains("_claim_names") && line.contains("(overage)"), "{line}");
    let (_, implicit) = groups(mapped("groups"), User::jane().claim("hasgroups", true)).await;
    assert_eq!(implicit.len(), 1, "{implicit:?}");
    assert_eq!(groups(mapped("roles"), overage).await.1, Vec::<String>::new(), "a different claim");
}

#[test]
fn a_claim_without_a_name_does_not_build() {
    let none: [&str; 0] = [];
    for claim in [
        GroupClaim::named(""),
        GroupClaim::at_path(none),
        GroupClaim::at_path(["a", ""]),
        GroupClaim::at_path(["", "a"]),
    ] {
        let problem = MockAlb::new().config_builder().sign_in(mapped(claim)).build().unwrap_err().to_string();
        assert!(problem.contains("a claim with groups has no name"), "{problem}");
    }
}
