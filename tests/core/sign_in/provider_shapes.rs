//! The sections of docs/PROVIDERS.md: claims of each provider's shape, with the policy that the page names.

use serde_json::{Value, json};
use tower_alb_auth::{
    sign_in::{
        EmailLocalPart, EmailSignIn, GroupClaim, GroupFormat, GroupOwnership, SignInResolver, Subject, WholeEmail,
    },
    test_util::User,
};

fn user(claims: &Value) -> User {
    let claims = claims.as_object().expect("an object");
    claims.iter().fold(User::empty(), |user, (name, value)| user.claim(name, value.clone()))
}

fn email() -> EmailSignIn {
    EmailLocalPart::in_domains(["example.com"])
}

/// What a user of this shape is and owns for.
async fn owns(policy: impl SignInResolver, claims: Value) -> (String, Vec<String>) {
    let user = user(&claims);
    let policy: std::sync::Arc<dyn SignInResolver> = std::sync::Arc::new(policy);
    let answer = super::sign_in(std::sync::Arc::clone(&policy), &user).await;
    assert_eq!(answer.status, 200, "{claims}: {answer:?}");
    (answer.body, super::ownership::groups(policy, &user).await)
}

fn grouped(policy: impl SignInResolver, claim: impl Into<GroupClaim>, value: &str) -> GroupOwnership {
    GroupOwnership::of(policy).claim(claim).map(value, "group:default/admins")
}

#[tokio::test]
async fn each_provider_on_the_page_signs_in_by_the_policy_that_it_names() {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/PROVIDERS.md")).expect("the page");
    let admins = vec!["group:default/admins".to_owned()];
    let mut sections: Vec<&str> = page.lines().filter_map(|line| line.strip_prefix("## ")).collect();
    for (section, (who, groups), expected, has_groups) in [
        (
            "Amazon Cognito",
            owns(
                grouped(
                    email().dangerously_accept_unverified_email(),
                    GroupClaim::named("custom:groups").in_format(GroupFormat::Brackets),
                    "admins",
                ),
                json!({ "sub": "1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed", "email_verified": "false", "email": "jane@example.com",
                    "username": "AzureAD_jane@example.com", "custom:groups": "[viewers, admins]" }),
            )
            .await,
            "user:default/jane",
            true,
        ),
        (
            "Okta",
            owns(
                grouped(email(), "groups", "admins"),
                json!({ "sub": "00u8d3kq2vTnWc5Rf5d7", "name": "Jane", "preferred_username": "jane@example.com",
                    "email": "jane@example.com", "groups": ["Everyone", "admins"] }),
            )
            .await,
            "user:default/jane",
            true,
        ),
        (
            "Keycloak",
            owns(
                grouped(email().require_verified_email(), GroupClaim::at_path(["realm_access", "roles"]), "admins"),
                json!({ "sub": "e2b6a8f4-1d37-4c59-8b02-6a9f3e5d7c18", "email_verified": true, "email": "jane@example.com",
                    "preferred_username": "jane", "realm_access": { "roles": ["offline_access", "admins"] } }),
            )
            .await,
            "user:default/jane",
            true,
        ),
        (
            "Dex",
            owns(
                grouped(email(), "groups", "admins"),
                json!({ "sub": "CiQwOGE4Njg0Yg", "aud": "app", "iat": 1_700_000_000, "email": "jane@example.com",
                    "email_verified": true, "groups": ["admins"], "name": "Jane" }),
            )
            .await,
            "user:default/jane",
            true,
        ),
        (
            "Google",
            owns(
                email(),
                json!({ "sub": "100000000000000000412", "name": "Jane", "email": "jane@example.com", "email_verified": true,
                    "hd": "example.com" }),
            )
            .await,
            "user:default/jane",
            false,
        ),
        (
            "Auth0",
            owns(
                grouped(email().require_verified_email(), "https://example.com/groups", "admins"),
                json!({ "sub": "auth0|657930bd2f6c1a5f2d6b7a1c", "nickname": "jane", "email": "jane@example.com",
                    "email_verified": true, "https://example.com/groups": ["admins"] }),
            )
            .await,
            "user:default/jane",
            true,
        ),
        (
            "GitLab",
            owns(
                grouped(email().require_verified_email(), "groups", "acme/admins"),
                json!({ "sub": "35", "nickname": "jane", "preferred_username": "jane", "email": "jane@example.com",
                    "email_verified": true, "groups": ["acme", "acme/admins"] }),
            )
            .await,
            "user:default/jane",
            true,
        ),
        ("AD FS", owns(Subject::new(), json!({ "sub": "8a6f1c2e" })).await, "user:default/8a6f1c2e", false),
        (
            "Azure AD B2C",
            owns(
                email().email_claim("emails[0]"),
                json!({ "sub": "4f0c7b0e-9f5e-4c8b-8e0a-2f3f7d1f5a61", "emails": ["jane@example.com"] }),
            )
            .await,
            "user:default/jane",
            false,
        ),
        (
            "Entra ID",
            owns(
                WholeEmail::in_domains(["example.com"]),
                json!({ "sub": "Zk3pQv0uM1tX9b2hGd7sLw8yRc5nAe4jTf6oKi0qWxE", "name": "Sean O'Brien",
                    "email": "sean.o'brien@example.com" }),
            )
            .await,
            "user:default/sean.o_brien_example.com",
            false,
        ),
    ] {
        assert_eq!((who.as_str(), groups), (expected, if has_groups { admins.clone() } else { vec![] }), "{section}");
        let position = sections.iter().position(|held| *held == section);
        sections.remove(position.unwrap_or_else(|| panic!("{section} is not on the page")));
    }
    assert_eq!(sections, Vec::<&str>::new(), "sections without a test");
}
