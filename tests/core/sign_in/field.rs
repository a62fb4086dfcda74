//! Claims of real providers beyond the usual ones: what the user becomes, or what the log says.

use serde_json::{Value, json};
use tower_alb_auth::{
    sign_in::{EmailLocalPart, EmailSignIn, NamedClaim, Subject, WholeEmail},
    test_util::User,
};

use crate::{sign_in::sign_in, support::Answer};

fn user(claims: &Value) -> User {
    let claims = claims.as_object().expect("an object");
    claims.iter().fold(User::empty().claim("sub", "u1"), |user, (name, value)| user.claim(name, value.clone()))
}

fn email() -> EmailSignIn {
    EmailLocalPart::in_domains(["example.com"])
}

async fn by_email(claims: Value) -> Answer {
    sign_in(email(), &user(&claims)).await
}

/// What the operator reads about a user who is refused with 403.
#[track_caller]
fn refused(answer: Answer, case: &str) -> String {
    assert_eq!(answer.status, 403, "{case}: {answer:?}");
    let said = answer.error.expect("an error").operator_message();
    // The local part of all addresses here.
    assert!(!said.contains("jane"), "{case}: {said}");
    said
}

#[tokio::test]
async fn a_missing_email_names_the_claim_that_has_an_address() {
    for (claim, value, named) in [
        ("preferred_username", json!("jane@example.com"), Some("preferred_username")),
        ("upn", json!("jane@example.com"), Some("upn")),
        ("mail", json!("jane@example.com"), Some("mail")),
        ("emails", json!(["jane@example.com"]), Some("emails[0]")),
        ("username", json!("jane@example.com"), Some("username")),
        ("preferred_username", json!("jane"), None),
        ("upn", json!("jane_partner.example#EXT#@contoso.onmicrosoft.com"), None),
        ("emails", json!([{ "value": "jane@example.com" }]), None),
        ("upn", json!(["jane@example.com"]), None),
        ("mail", json!(null), None),
    ] {
        let said = refused(by_email(json!({ claim: value })).await, claim);
        assert!(said.contains("there is no claim email: add the scope email"), "{claim}: {said}");
        let other = named.map(|named| format!("; the claim {named} has the form of one"));
        match other {
            Some(other) => assert!(said.ends_with(&other), "{claim}: {said}"),
            None => assert!(!said.contains("has the form of one"), "{claim}: {said}"),
        }
    }
}

#[tokio::test]
async fn an_address_that_is_not_plain_says_why() {
    for (address, reason) in [
        ("jane_partner.example#EXT#@contoso.onmicrosoft.com", ": it is the name of a guest in Entra ID (#EXT#)"),
        ("jane_partner.example#ext#@example.com", ": it is the name of a guest in Entra ID (#EXT#)"),
        (" jane@example.com", ": there is white space around it"),
        ("jane@example.com ", ": there is white space around it"),
        ("jan\u{e9}.jane@example.com", ": it has other letters"),
        ("jane@ex\u{e4}mple.com", ": it has other letters"),
        ("mailto:jane@example.com", "plain ASCII address"),
        ("Jane <jane@example.com>", "plain ASCII address"),
        ("jane/x@example.com", "plain ASCII address"),
    ] {
        let said = refused(by_email(json!({ "email": address })).await, address);
        let expected =
            format!("the claim email is not a plain ASCII address{}", reason.trim_start_matches("plain ASCII address"));
        assert!(said.contains(&expected), "{address}: {said}");
        assert_eq!(said.ends_with("plain ASCII address"), reason == "plain ASCII address", "{address}: {said}");
        let upn = sign_in(email().email_claim("upn"), &user(&json!({ "upn": address }))).await;
        assert!(refused(upn, address).contains("the claim upn is not a plain ASCII address"), "{address}");
    }
}

#[tokio::test]
async fn email_verified_in_other_forms_is_refused_with_what_it_is() {
    for (value, expected) in [
        (json!("False"), "the claim email_verified is false; if the provider verifies addresses, map its attribute"),
        (json!("FALSE"), "the claim email_verified is false; if the provider verifies addresses, map its attribute"),
        (json!("True"), "the claim email_verified is true in another letter case"),
        (json!("TRUE"), "the claim email_verified is true in another letter case"),
        (json!("1"), "the claim email_verified is another text, not true or false"),
        (json!("yes"), "the claim email_verified is another text, not true or false"),
        (json!(""), "the claim email_verified is another text, not true or false"),
        (json!(1), "the claim email_verified is a number, not true or false"),
        (json!(null), "the claim email_verified is null, not true or false"),
        (json!([true]), "the claim email_verified is a list, not true or false"),
    ] {
        let claims = json!({ "email": "jane@example.com", "email_verified": value });
        let said = refused(by_email(claims).await, &value.to_string());
        assert!(said.contains(expected), "{value}: {said}");
    }
}

#[tokio::test]
async fn users_of_real_providers_get_the_expected_name_or_a_403() {
    let local = |claims: Value| (Policy::LocalPart, claims);
    for (case, (policy, claims), expected) in [
        ("upper case", local(json!({ "email": "Jane.DOE@EXAMPLE.com" })), Ok("jane.doe")),
        ("apostrophe", local(json!({ "email": "o'brien@example.com" })), Ok("o_brien")),
        ("ampersand", local(json!({ "email": "r&d@example.com" })), Ok("r_d")),
        ("plus", local(json!({ "email": "jane+x@example.com" })), Err("stripPlusSuffix")),
        ("64 characters", local(json!({ "email": format!("{}@example.com", "a".repeat(64)) })), Err("64 characters")),
        ("63 characters", local(json!({ "email": format!("{}@example.com", "a".repeat(63)) })), Ok("")),
        (
            "a subdomain",
            local(json!({ "email": "jane@eu.example.com" })),
            Err("the email's domain is \"eu.example.com\""),
        ),
        ("a point at the end", local(json!({ "email": "jane.@example.com" })), Err("the email gives no user name")),
        ("whole email", (Policy::Whole, json!({ "email": "Jane@Example.com" })), Ok("jane_example.com")),
        (
            "a long whole email",
            (Policy::Whole, json!({ "email": format!("{}@example.com", "a".repeat(52)) })),
            Err("64 characters"),
        ),
        (
            "an address as a claim's name",
            (Policy::Email("https://example.com/email"), json!({ "https://example.com/email": "jane@example.com" })),
            Ok("jane"),
        ),
        (
            "emails of objects",
            (Policy::Email("emails[0]"), json!({ "emails": [{ "value": "jane@example.com" }] })),
            Err("the claim emails[0] is an object, not a text"),
        ),
        (
            "Cognito's user name",
            (Policy::Named("username"), json!({ "username": "AzureAD_jane@example.com" })),
            Err("name users by the claim email instead"),
        ),
        (
            "Cognito's user name with digits",
            (Policy::Named("username"), json!({ "username": "Google_1234567" })),
            Err("has upper-case letters"),
        ),
        (
            "Cognito's user name without a provider",
            (Policy::Named("username"), json!({ "username": "1b9d6bcd-bbfd-4b2d" })),
            Ok("1b9d6bcd-bbfd-4b2d"),
        ),
        (
            "a Windows domain",
            (Policy::Named("samaccountname"), json!({ "samaccountname": "CORP\\doe" })),
            Err("is not a user name"),
        ),
        (
            "a number",
            (Policy::Named("employee_id"), json!({ "employee_id": 1234 })),
            Err("the claim employee_id is a number, not a text"),
        ),
        (
            "a list",
            (Policy::Named("employee_id"), json!({ "employee_id": ["1234"] })),
            Err("the claim employee_id is a list, not a text"),
        ),
        ("an empty text", (Policy::Named("employee_id"), json!({ "employee_id": "" })), Err("is not a user name")),
        (
            "letters that are not ASCII",
            (Policy::Named("uid"), json!({ "uid": "j\u{f6}rg" })),
            Err("is not a user name"),
        ),
        (
            "a subject with a bar",
            (Policy::Subject, json!({ "sub": "auth0|6579" })),
            Ok("h_mu7ousweqwpawaxc5x66xc6xdxsjehaniozx4h5dwcpkslc6iqaa"),
        ),
        (
            "a subject with colons",
            (Policy::Subject, json!({ "sub": "f:abc:jane" })),
            Ok("h_p7fu4fg7bmgrh43yigc6aasc56t2bb6qu5rt52qurgim5sf4iamq"),
        ),
        (
            "a UUID as the subject",
            (Policy::Subject, json!({ "sub": "e2b6a8f4-1d37-4c59-8b02-6a9f3e5d7c18" })),
            Ok("e2b6a8f4-1d37-4c59-8b02-6a9f3e5d7c18"),
        ),
        (
            "name and picture of other types",
            local(
                json!({ "email": "jane@example.com", "name": ["Jane"], "picture": { "data": { "url": "x" } }, "given_name": null }),
            ),
            Ok("jane"),
        ),
    ] {
        let user = user(&claims);
        let answer = match policy {
            Policy::LocalPart => sign_in(email(), &user).await,
            Policy::Whole => sign_in(WholeEmail::in_domains(["example.com"]), &user).await,
            Policy::Email(claim) => sign_in(email().email_claim(claim), &user).await,
            Policy::Named(claim) => sign_in(NamedClaim::new(claim), &user).await,
            Policy::Subject => sign_in(Subject::new(), &user).await,
        };
        match expected {
            Ok("") => assert_eq!(answer.status, 200, "{case}: {answer:?}"),
            Ok(name) => {
                assert_eq!((answer.status.as_u16(), answer.body), (200, format!("user:default/{name}")), "{case}")
            }
            Err(reason) => {
                let said = refused(answer, case);
                assert!(said.contains(reason), "{case}: {said}");
            }
        }
    }
}

enum Policy {
    LocalPart,
    Whole,
    Email(&'static str),
    Named(&'static str),
    Subject,
}
