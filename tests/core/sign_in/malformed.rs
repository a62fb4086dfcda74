//! S-86, S-87: a claim of the wrong type is not an absent one, and a subject that all users share identifies no user.

use serde_json::{Value, json};
use tower_alb_auth::{
    AuthErrorKind,
    sign_in::{
        ClaimsOnly, EmailLocalPart, FirstMatch, GroupOwnership, NamedClaim, SignInError, SignInResolver, Subject,
        WholeEmail, from_async_fn, from_fn,
    },
    test_util::User,
};

use crate::sign_in::{assert_403, named, sign_in};

/// Values that are no text, and what they are called.
fn not_texts() -> [(Value, &'static str); 7] {
    [
        (json!(null), "null"),
        (json!(7), "a number"),
        (json!(-0.5), "a number"),
        (json!(true), "a boolean"),
        (json!(["jane@example.com"]), "a list"),
        (json!([]), "a list"),
        (json!({ "value": "jane@example.com" }), "an object"),
    ]
}

fn guest() -> User {
    User::empty().claim("sub", "guest-1")
}

fn by_email() -> impl SignInResolver {
    EmailLocalPart::in_domains(["example.com"])
}

#[tokio::test]
async fn s_86_an_email_that_is_no_text_falls_through_to_no_later_policy() {
    for (value, found) in not_texts() {
        let user = guest().claim("email", value.clone());
        let whole = WholeEmail::in_domains(["example.com"]);
        let waits = from_async_fn(|_| async { Err(SignInError::not_found("nobody")) });
        for (case, answer) in [
            ("then the subject", sign_in(FirstMatch::of(by_email()).or(Subject::new()), &user).await),
            ("then claims only", sign_in(FirstMatch::of(whole).or(ClaimsOnly), &user).await),
            ("after one that waits", sign_in(FirstMatch::of(waits).or(by_email()).or(Subject::new()), &user).await),
            (
                "with groups",
                sign_in(
                    FirstMatch::of(GroupOwnership::of(by_email()).claim("groups").map("a", "group:default/a"))
                        .or(Subject::new()),
                    &user,
                )
                .await,
            ),
            ("alone", sign_in(by_email(), &user).await),
        ] {
            let case = format!("{case}: {value}");
            assert_403(&answer, AuthErrorKind::SignInRefused, &case);
            let said = answer.error.expect("an error").operator_message();
            assert!(said.contains(&format!("the claim email is {found}, not a text")), "{case}: {said}");
            assert!(!said.contains("add the scope"), "{case}: {said}");
        }
    }
    // An absent one does fall through, as it always did.
    sign_in(FirstMatch::of(by_email()).or(Subject::new()), &guest()).await.assert_ok("user:default/guest-1");
    let absent = sign_in(by_email(), &guest()).await.error.expect("an error").operator_message();
    assert!(absent.contains("there is no claim email: add the scope email"), "{absent}");
}

#[tokio::test]
async fn s_86_a_named_claim_that_is_no_text_is_refused_and_called_what_it_is() {
    for (value, found) in not_texts() {
        let user = guest().claim("custom:user", value.clone());
        let answer = sign_in(FirstMatch::of(NamedClaim::new("custom:user")).or(Subject::new()), &user).await;
        assert_403(&answer, AuthErrorKind::SignInRefused, &value.to_string());
        let said = answer.error.expect("an error").operator_message();
        assert!(said.contains(&format!("the claim custom:user is {found}, not a text")), "{said}");
    }
}

#[tokio::test]
async fn s_86_an_email_verified_that_is_neither_true_nor_false_is_called_what_it_is() {
    let unclear =
        [(json!(null), "null"), (json!(1), "a number"), (json!("yes"), "another text"), (json!([true]), "a list")];
    for (value, found) in unclear {
        let user = guest().claim("email", "jane@example.com").claim("email_verified", value.clone());
        let answer = sign_in(FirstMatch::of(by_email()).or(Subject::new()), &user).await;
        assert_403(&answer, AuthErrorKind::SignInRefused, &value.to_string());
        let said = answer.error.expect("an error").operator_message();
        assert!(said.contains(&format!("the claim email_verified is {found}, not true or false")), "{value}: {said}");
    }
    for value in [json!(false), json!("false")] {
        let user = guest().claim("email", "jane@example.com").claim("email_verified", value);
        let said = sign_in(by_email(), &user).await.error.expect("an error").operator_message();
        assert!(said.contains("the claim email_verified is false; "), "{said}");
    }
}

#[tokio::test]
async fn s_86_a_subject_of_the_wrong_type_is_called_what_it_is() {
    for (value, found) in [(json!(35), "a number"), (json!(null), "null"), (json!(["a"]), "a list")] {
        // No identity header goes with a subject that is no text.
        let alb = tower_alb_auth::test_util::MockAlb::new();
        let token = alb.sign(&User::jane().claim("sub", value));
        let answer = crate::sign_in::app(&alb, ClaimsOnly).call(alb.request("/").token(&token)).await;
        answer.assert_401(AuthErrorKind::MalformedClaims);
        let said = answer.error.expect("an error").operator_message();
        assert!(said.ends_with(&format!("sub is {found}, not a text")), "{said}");
    }
}

#[tokio::test]
async fn s_86_groups_that_are_neither_a_text_nor_a_list_refuse_the_sign_in() {
    let grouped = |waits: bool| {
        let of = |policy: GroupOwnership| policy.claim("groups").map("auditor", "group:default/auditors");
        match waits {
            false => of(GroupOwnership::of(Subject::new())),
            true => of(GroupOwnership::of(from_async_fn(|claims| async move { named(claims.subject()) }))),
        }
    };
    for waits in [false, true] {
        for (value, found) in [(json!(null), "null"), (json!(7), "a number"), (json!({ "auditor": true }), "an object")]
        {
            let user = guest().claim("groups", value.clone());
            let answer = sign_in(FirstMatch::of(grouped(waits)).or(ClaimsOnly), &user).await;
            assert_403(&answer, AuthErrorKind::SignInRefused, &format!("{waits} {value}"));
            let said = answer.error.expect("an error").operator_message();
            assert!(said.contains(&format!("the claim groups is {found}, not a text or a list of texts")), "{said}");
        }
        sign_in(grouped(waits), &guest()).await.assert_ok("user:default/guest-1");
        sign_in(grouped(waits), &guest().claim("groups", json!([]))).await.assert_ok("user:default/guest-1");
    }
}

/// Azure AD B2C's `sub` where the user flow is not set to send one.
const OF_ALL_USERS: &str = "Not supported currently. Use oid claim.";

#[tokio::test]
async fn s_87_a_subject_that_all_users_share_is_refused_under_every_policy() {
    for subject in [OF_ALL_USERS, "not supported currently. use oid claim."] {
        let user = User::empty().claim("sub", subject).claim("email", "jane@example.com").claim("team", "a");
        let by_team = || from_async_fn(|claims| async move { named(&claims.get::<String>("team").unwrap().unwrap()) });
        for (case, answer) in [
            ("subject", sign_in(Subject::new(), &user).await),
            ("claims only", sign_in(ClaimsOnly, &user).await),
            ("email", sign_in(by_email(), &user).await),
            ("a function", sign_in(from_fn(|_| named("jane")), &user).await),
            ("what is remembered by a claim", sign_in(by_team().using_claims(["team"]), &user).await),
            ("the last of several", sign_in(FirstMatch::of(NamedClaim::new("x")).or(ClaimsOnly), &user).await),
        ] {
            assert_403(&answer, AuthErrorKind::SignInRefused, case);
            let said = answer.error.expect("an error").operator_message();
            assert!(said.contains("the same for all users") && said.contains("object id"), "{case}: {said}");
        }
    }
    // A subject that only looks a little like it is that of another user.
    sign_in(ClaimsOnly, &User::empty().claim("sub", "Not supported currently."))
        .await
        .assert_ok("claims Not supported currently.");
}

/// A policy in code tells the two apart by `?`, whichever accessor it takes.
#[tokio::test]
async fn s_86_a_policy_in_code_refuses_a_malformed_claim_and_goes_on_from_a_missing_one() {
    let by_text = || {
        from_fn(|claims| match claims.text("team")? {
            Some(team) => named(&team),
            None => Err(SignInError::not_found("no team")),
        })
    };
    let by_list = || {
        from_async_fn(|claims| async move {
            match claims.texts("team")?.and_then(|teams| teams.into_iter().next()) {
                Some(team) => named(&team),
                None => Err(SignInError::not_found("no team")),
            }
        })
    };
    let by_get = || {
        from_fn(|claims| match claims.get::<u8>("team")? {
            Some(team) => named(&team.to_string()),
            None => Err(SignInError::not_found("no team")),
        })
    };
    let malformed = json!({ "a": 1 });
    for (case, value, answer) in [
        ("text", json!("a"), sign_in(FirstMatch::of(by_text()).or(Subject::new()), &guest().claim("team", "a")).await),
        (
            "list",
            json!(["a"]),
            sign_in(FirstMatch::of(by_list()).or(Subject::new()), &guest().claim("team", ["a"])).await,
        ),
        ("get", json!(7), sign_in(FirstMatch::of(by_get()).or(Subject::new()), &guest().claim("team", 7)).await),
    ] {
        answer.assert_ok(&format!("user:default/{}", value.to_string().trim_matches(['"', '[', ']'])));
        let missing = match case {
            "text" => sign_in(FirstMatch::of(by_text()).or(Subject::new()), &guest()).await,
            "list" => sign_in(FirstMatch::of(by_list()).or(Subject::new()), &guest()).await,
            _ => sign_in(FirstMatch::of(by_get()).or(Subject::new()), &guest()).await,
        };
        missing.assert_ok("user:default/guest-1");
        for value in [json!(null), malformed.clone(), json!([["a"]])] {
            let user = guest().claim("team", value.clone());
            let wrong = match case {
                "text" => sign_in(FirstMatch::of(by_text()).or(Subject::new()), &user).await,
                "list" => sign_in(FirstMatch::of(by_list()).or(Subject::new()), &user).await,
                _ => sign_in(FirstMatch::of(by_get()).or(Subject::new()), &user).await,
            };
            assert_403(&wrong, AuthErrorKind::SignInRefused, &format!("{case}: {value}"));
            let said = wrong.error.expect("an error").operator_message();
            assert!(said.contains("the claim team is "), "{said}");
        }
    }
}
