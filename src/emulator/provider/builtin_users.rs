//! The built-in users: five that cover common edge cases.

use super::DemoUser;

impl DemoUser {
    /// The built-in users:
    ///
    /// | id | modelled on | special |
    /// |---|---|---|
    /// | `jane` | Entra ID | no `email_verified`, no groups; a picture that can only be fetched with a token |
    /// | `carlos` | Cognito | every claim is a string, also `email_verified` |
    /// | `admin` | Keycloak | groups, among them `platform-admins` |
    /// | `nomail` | Okta | no email |
    /// | `guest` | Entra ID | a guest with an email address of another domain, `partner.example` |
    pub fn builtin() -> Vec<Self> {
        vec![
            Self::new("jane")
                .note("Like Entra ID: no email_verified, no groups")
                .claim("sub", "Zk3pQv0uM1tX9b2hGd7sLw8yRc5nAe4jTf6oKi0qWxE")
                .claim("name", "Jane Doe")
                .claim("family_name", "Doe")
                .claim("given_name", "Jane")
                .claim("picture", "https://graph.microsoft.com/v1.0/me/photo/$value")
                .claim("email", "jane.doe@example.com"),
            Self::new("carlos")
                .note("Like Cognito: every claim is a string")
                .claim("sub", "7c1e0b9a-52d4-4f0e-9a63-2f8d1b7e4c05")
                .claim(
                    "identities",
                    concat!(
                        r#"[{"dateCreated":"1730000000000","userId":"carlos.reyes","providerName":"Corporate","#,
                        r#""providerType":"SAML","issuer":null,"primary":"true"}]"#
                    ),
                )
                .claim("email_verified", "true")
                .claim("name", "Carlos Reyes")
                .claim("custom:team", "payments")
                .claim("email", "carlos.reyes@example.com")
                .claim("username", "corporate_carlos.reyes"),
            Self::new("admin")
                .note("Like Keycloak: groups, with platform-admins")
                .claim("sub", "e2b6a8f4-1d37-4c59-8b02-6a9f3e5d7c18")
                .claim("email_verified", true)
                .claim("name", "Ada Admin")
                .claim("groups", ["platform-admins", "staff"])
                .claim("preferred_username", "ada")
                .claim("given_name", "Ada")
                .claim("family_name", "Admin")
                .claim("email", "ada.admin@example.com"),
            Self::new("nomail")
                .note("Like Okta: no email")
                .claim("sub", "00u8d3kq2vTnWc5Rf5d7")
                .claim("name", "Nia North")
                .claim("locale", "en-US")
                .claim("zoneinfo", "Africa/Nairobi"),
            Self::new("guest")
                .note("Like Entra ID: a guest of another organization")
                .claim("sub", "p7Rw2nYc9sHk4LzVt1Xe6Qb8oMf3Ud5jGa0iNrKyTuC")
                .claim("name", "Gil Guest")
                .claim("family_name", "Guest")
                .claim("given_name", "Gil")
                .claim("email", "guest@partner.example"),
        ]
    }
}
