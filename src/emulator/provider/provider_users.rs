//! Users in the shape of each provider of docs/PROVIDERS.md.

use serde_json::json;

use super::DemoUser;

impl DemoUser {
    /// A user for each provider that the page on identity providers describes, with the userinfo response of that provider:
    ///
    /// | id | special |
    /// |---|---|
    /// | `cognito` | texts only, groups as `[viewers, admins]` from a SAML attribute |
    /// | `cognito-federated` | `email_verified` is `"false"` |
    /// | `okta` | `groups`, no `email_verified` |
    /// | `keycloak` | roles of the realm in `realm_access.roles` |
    /// | `dex` | the whole ID token: `iss`, `aud`, `exp` and `iat` of the provider too |
    /// | `google` | a subject of digits, `hd`, no groups |
    /// | `auth0` | groups in a claim with an address as its name |
    /// | `gitlab` | groups as full paths |
    /// | `adfs` | only a subject |
    /// | `b2c` | `emails`, a list |
    /// | `entra` | an apostrophe in the address, no `email_verified`, no groups |
    pub fn of_providers() -> Vec<Self> {
        let user = |id: &str, provider: &str, subject: &str| {
            Self::new(id).note(format!("The claims of {provider}")).claim("sub", subject)
        };
        let named = |user: Self, name: &str, email: &str| user.claim("name", name).claim("email", email);
        vec![
            named(
                user("cognito", "Amazon Cognito", "2f4a1d3c-8b5e-4a77-9c10-6e2d7f3b9a41"),
                "Cleo Nilsen",
                "cleo.nilsen@example.com",
            )
            .claim("email_verified", "true")
            .claim("username", "cleo.nilsen")
            .claim("custom:groups", "[viewers, admins]"),
            named(
                user(
                    "cognito-federated",
                    "Amazon Cognito for a user of Entra ID",
                    "91c7e5b2-0d3f-4f6a-b8e4-57a1c2d9f063",
                ),
                "Fay Ode",
                "fay.ode@example.com",
            )
            .claim("email_verified", "false")
            .claim("username", "AzureAD_fay.ode@example.com")
            .claim(
                "identities",
                r#"[{"userId":"fay.ode@example.com","providerName":"AzureAD","providerType":"SAML","primary":"true"}]"#,
            ),
            named(user("okta", "Okta", "00u9f1kr3wUoXd6Sg6e8"), "Oki Tan", "oki.tan@example.com")
                .claim("preferred_username", "oki.tan@example.com")
                .claim("groups", ["Everyone", "admins"]),
            named(
                user("keycloak", "Keycloak", "5d8e0a76-3b1c-4c92-a7f5-0e6b4d2c9183"),
                "Kay Clarke",
                "kay.clarke@example.com",
            )
            .claim("email_verified", true)
            .claim("preferred_username", "kay.clarke")
            .claim("realm_access", json!({ "roles": ["offline_access", "admins"] })),
            named(user("dex", "Dex", "CiQ1ZDhlMGE3Ni0zYjFjEgVsb2NhbA"), "Dee Exeter", "dee.exeter@example.com")
                .claim("email_verified", true)
                .claim("groups", ["admins"])
                .with_id_token_claims(),
            named(user("google", "Google", "100000000000000000417"), "Gus Ogle", "gus.ogle@example.com")
                .claim("picture", "https://lh3.googleusercontent.com/a/photo")
                .claim("email_verified", true)
                .claim("hd", "example.com"),
            named(user("auth0", "Auth0", "auth0|66aa30bd2f6c1a5f2d6b7a20"), "Aut Zero", "aut.zero@example.com")
                .claim("nickname", "aut.zero")
                .claim("email_verified", true)
                .claim("https://example.com/groups", ["admins"]),
            named(user("gitlab", "GitLab", "4711"), "Gil Lab", "gil.lab@example.com")
                .claim("nickname", "gil.lab")
                .claim("preferred_username", "gil.lab")
                .claim("email_verified", true)
                .claim("groups", ["acme", "acme/admins"]),
            user("adfs", "AD FS", "8a6f1c2e4b7d"),
            user("b2c", "Azure AD B2C", "7e1b5c90-4a2d-4e83-9f6c-d0a8b3e7f125")
                .claim("name", "Bea Cee")
                .claim("emails", ["bea.cee@example.com"]),
            named(
                user("entra", "Entra ID", "Vx2Qm4r8JcT5yEw7hK3uLs9dnZqPb1x0oG5Lk0vYwQe"),
                "Sean O'Brien",
                "sean.o'brien@example.com",
            )
            .claim("family_name", "O'Brien")
            .claim("given_name", "Sean"),
        ]
    }
}
