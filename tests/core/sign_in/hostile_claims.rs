//! S-60: claims that would write into a log, a header or a terminal.

use tower_alb_auth::{
    AuthErrorKind, Claims,
    sign_in::{ClaimsOnly, EmailLocalPart, NamedClaim, Subject, WholeEmail, from_fn},
    test_util::{MockAlb, User},
};

use crate::sign_in::{app, assert_403, named, sign_in};

const CONTROLS: [(&str, &str); 9] = [
    ("CR LF", "\r\nset-cookie: a=b"),
    ("LF", "\n"),
    ("ESC", "\u{1b}[2J"),
    ("NUL", "\0"),
    ("TAB", "\t"),
    ("DEL", "\u{7f}"),
    ("C1", "\u{9b}2J"),
    ("line separator", "\u{2028}"),
    ("RTL override", "\u{202e}moc.elpmaxe"),
];

#[tokio::test]
async fn s_60_a_subject_or_an_email_with_control_characters_is_refused_with_its_token() {
    let alb = MockAlb::new();
    for (case, text) in CONTROLS {
        for user in [
            User::jane().claim("sub", format!("jane{text}")),
            User::jane().claim("sub", format!("{text}jane")),
            User::jane().claim("email", format!("jane{text}@example.com")),
            User::jane().claim("email", format!("jane@example.com{text}")),
        ] {
            for app in [
                app(&alb, ClaimsOnly),
                app(&alb, Subject::new()),
                app(&alb, EmailLocalPart::in_domains(["example.com"])),
            ] {
                // No identity header: it cannot even carry most of these.
                let answer = app.call(alb.request("/").token(&alb.sign(&user))).await;
                assert_eq!(answer.kind(), Some(AuthErrorKind::MalformedClaims), "{case}: {answer:?}");
                answer.assert_401(AuthErrorKind::MalformedClaims);
                assert_eq!(app.calls(), 0, "{case}");
            }
        }
    }
}

#[tokio::test]
async fn s_60_an_issuer_with_control_characters_is_refused_and_stands_escaped_in_the_log() {
    let alb = MockAlb::new();
    let app = app(&alb, ClaimsOnly);
    for (case, text) in CONTROLS {
        for member in ["iss", "signer", "client"] {
            let token = alb.token(&User::jane()).header(member, format!("evil{text}")).sign();
            let answer = app.call(alb.request("/").token(&token)).await;
            let said = answer.error.as_ref().expect("refused").operator_message();
            assert_eq!(answer.status, 401, "{case} in {member}");
            assert!(said.contains("evil") && said.chars().all(|c| !c.is_control() && c.is_ascii()), "{case}: {said:?}");
        }
        let token = alb.token(&User::jane()).claim("iss", format!("{}{text}", alb.issuer())).sign();
        app.call(alb.request("/").token(&token)).await.assert_401(AuthErrorKind::MalformedClaims);
    }
}

#[tokio::test]
async fn s_60_a_subject_is_at_most_255_characters_long() {
    let alb = MockAlb::new();
    let app = app(&alb, ClaimsOnly);
    for (length, status) in [(1, 200), (255, 200), (256, 401), (4096, 401)] {
        for letter in ["a", "\u{E4}"] {
            let user = User::empty().claim("sub", letter.repeat(length));
            let answer = app.call(alb.request("/").token(&alb.sign(&user))).await;
            assert_eq!(answer.status, status, "{length} of {letter}");
        }
    }
    let empty = app.call(alb.request("/").token(&alb.sign(&User::empty().claim("sub", "")))).await;
    empty.assert_401(AuthErrorKind::MalformedClaims);
}

#[tokio::test]
async fn s_60_a_long_text_of_a_stranger_is_cut_in_the_log() {
    let alb = MockAlb::new();
    let app = app(&alb, ClaimsOnly);
    let token = alb.token(&User::jane()).header("iss", "x".repeat(1000)).sign();
    let said = app.call(alb.request("/").token(&token)).await.error.unwrap().operator_message();
    assert!(said.contains(&"x".repeat(120)) && !said.contains(&"x".repeat(121)), "{said}");
}

#[tokio::test]
async fn s_60_other_claims_with_control_characters_name_no_user_and_harm_none() {
    for (case, text) in CONTROLS {
        let name = format!("Jane{text}");
        // For showing: as the provider sent it, which the handler escapes as it must any text.
        let user = User::jane().claim("name", name.clone()).claim("custom:user", name.clone());
        sign_in(EmailLocalPart::in_domains(["example.com"]), &user).await.assert_ok("user:default/jane.doe");
        let answer = sign_in(NamedClaim::new("custom:user").ignoring_case(), &user).await;
        assert_403(&answer, AuthErrorKind::SignInRefused, case);
        let said = answer.error.unwrap().operator_message();
        assert!(said.chars().all(|c| !c.is_control()) && !said.contains("Jane"), "{case}: {said:?}");
    }
}

#[tokio::test]
async fn s_60_what_debug_shows_of_claims_is_escaped() {
    let policy = from_fn(|claims: &Claims| {
        let shown = format!("{claims:?} {:?}", claims.stable_id());
        assert!(shown.is_ascii() || shown.chars().all(|c| !c.is_control()), "{shown}");
        assert!(!shown.contains("Jane"), "the name is not shown: {shown}");
        named("jane")
    });
    let user = User::jane().claim("name", "Jane\r\n").claim("sub", "\" quoted \\");
    sign_in(policy, &user).await.assert_ok("user:default/jane");
}

#[tokio::test]
async fn s_60_an_over_long_email_refuses_the_sign_in_and_not_the_token() {
    let user = User::jane().claim("sub", "jane").claim("email", format!("{}@example.com", "a".repeat(300)));
    for policy in [EmailLocalPart::in_domains(["example.com"]), WholeEmail::in_domains(["example.com"])] {
        assert_403(&sign_in(policy, &user).await, AuthErrorKind::SignInRefused, "by email");
    }
    sign_in(ClaimsOnly, &user).await.assert_ok("claims jane");
    sign_in(Subject::new(), &user).await.assert_ok("user:default/jane");
}
