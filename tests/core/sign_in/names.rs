//! From an email to a name: nothing but a plain name comes out, and different users stay different.

use tower_alb_auth::{
    AuthErrorKind,
    sign_in::{EmailLocalPart, WholeEmail},
    test_util::User,
};

use crate::sign_in::{assert_403, sign_in, with_email};

#[tokio::test]
async fn s_53_a_local_part_that_means_something_in_an_entity_ref_signs_no_user_in() {
    let long = "a".repeat(64);
    for local_part in [
        "group:default/admins",
        "user:default/admin",
        "default/admin",
        "a/b",
        "a:b",
        "..",
        ".",
        "a%2fb",
        "a%2Fb",
        "",
        long.as_str(),
        "-a",
        "a.",
        ".a",
        "a-",
        "_a",
        "a_",
        "a b",
        " a",
        "a,b",
        "a=b",
        "a*",
        "a\\b",
        "a#b",
        "a?b",
        "a;b",
        "<a>",
    ] {
        let user = with_email(&format!("{local_part}@example.com"));
        let by_local_part = sign_in(EmailLocalPart::in_domains(["example.com"]), &user).await;
        assert_403(&by_local_part, AuthErrorKind::SignInRefused, local_part);
        // No list of domains makes a name of it either.
        let anywhere = sign_in(EmailLocalPart::dangerously_in_any_domain(), &user).await;
        assert_403(&anywhere, AuthErrorKind::SignInRefused, local_part);
    }
}

#[tokio::test]
async fn s_53_a_plain_local_part_is_the_name_in_lower_case() {
    let long = "a".repeat(63);
    for (local_part, name) in [
        ("jane", "jane"),
        ("Jane.Doe", "jane.doe"),
        ("JANE-DOE_1", "jane-doe_1"),
        ("a..b", "a..b"),
        ("7", "7"),
        (long.as_str(), long.as_str()),
    ] {
        let user = with_email(&format!("{local_part}@example.com"));
        let answer = sign_in(EmailLocalPart::in_domains(["example.com"]), &user).await;
        answer.assert_ok(&format!("user:default/{name}"));
    }
}

#[tokio::test]
async fn s_56_letters_that_look_like_ascii_sign_no_user_in() {
    for email in [
        "\u{212A}elvin@example.com",
        "m\u{131}ke@example.com",
        "M\u{130}KE@example.com",
        "\u{17F}am@example.com",
        "\u{FB01}ne@example.com",
        "\u{430}dmin@example.com",
        "\u{FF41}dmin@example.com",
        "admi\u{301}n@example.com",
        "ad\u{AD}min@example.com",
        "ad\u{200B}min@example.com",
        "admin@ex\u{430}mple.com",
        "admin@\u{17F}xample.com",
        "admin@example.\u{441}om",
        "admin@example\u{3002}com",
        "admin@xn--xample-9uf.com",
        "admin\u{FF20}example.com",
        "admin@e\u{212A}ample.com",
    ] {
        for (which, answer) in [
            ("local part", sign_in(EmailLocalPart::in_domains(["example.com"]), &with_email(email)).await),
            ("whole", sign_in(WholeEmail::in_domains(["example.com"]), &with_email(email)).await),
        ] {
            assert_403(&answer, AuthErrorKind::SignInRefused, &format!("{which} of {email:?}"));
        }
    }
}

#[tokio::test]
async fn s_57_a_plus_address_is_not_the_address_without_it() {
    let victim = with_email("victim+x@example.com");
    let by_default = sign_in(EmailLocalPart::in_domains(["example.com"]), &victim).await;
    assert_403(&by_default, AuthErrorKind::SignInRefused, "not stripped by default");
    let whole = sign_in(WholeEmail::in_domains(["example.com"]), &victim).await;
    assert_403(&whole, AuthErrorKind::SignInRefused, "nor by the whole email");

    let stripping = || EmailLocalPart::in_domains(["example.com"]).strip_plus_suffix();
    sign_in(stripping(), &victim).await.assert_ok("user:default/victim");
    sign_in(stripping(), &with_email("jane+a+b@example.com")).await.assert_ok("user:default/jane");
    let nothing_left = sign_in(stripping(), &with_email("+x@example.com")).await;
    assert_403(&nothing_left, AuthErrorKind::SignInRefused, "nothing is left");
    let whole = WholeEmail::in_domains(["example.com"]).strip_plus_suffix();
    sign_in(whole, &victim).await.assert_ok("user:default/victim_example.com");
}

#[tokio::test]
async fn the_whole_email_is_the_name_with_an_underscore_for_the_at() {
    let policy = || WholeEmail::in_domains(["example.com", "b.example.com", "a_b.example.com"]);
    for (email, name) in [("Jane.Doe@Example.com", "jane.doe_example.com"), ("a_b@b.example.com", "a_b_b.example.com")]
    {
        let policy = WholeEmail::in_domains(["example.com", "b.example.com"]);
        sign_in(policy, &with_email(email)).await.assert_ok(&format!("user:default/{name}"));
    }
    // A domain with an underscore could make two addresses one name.
    let alb = tower_alb_auth::test_util::MockAlb::new();
    let error = alb.config_builder().sign_in(policy()).build().unwrap_err();
    assert!(error.to_string().contains("\"a_b.example.com\" is not an email domain"), "{error}");

    let longest = format!("{}@example.com", "a".repeat(51));
    let whole = || WholeEmail::in_domains(["example.com"]);
    sign_in(whole(), &with_email(&longest)).await.assert_ok(&format!("user:default/{}_example.com", "a".repeat(51)));
    let longer = sign_in(whole(), &with_email(&format!("a{longest}"))).await;
    assert_403(&longer, AuthErrorKind::SignInRefused, "a name of 64 characters is not cut");
}

#[tokio::test]
async fn no_email_finds_no_user() {
    let answer = sign_in(EmailLocalPart::in_domains(["example.com"]), &User::okta("jane")).await;
    assert_403(&answer, AuthErrorKind::UserNotFound, "none");
}

#[tokio::test]
async fn an_address_is_as_long_as_max_email_chars() {
    let email = |chars: usize| with_email(&format!("a@{}.com", "b".repeat(chars - 6)));
    let policy = |chars| EmailLocalPart::dangerously_in_any_domain().max_email_chars(chars);
    for limit in [16, 254] {
        sign_in(policy(limit), &email(limit)).await.assert_ok("user:default/a");
        let longer = sign_in(policy(limit), &email(limit + 1)).await;
        assert_403(&longer, AuthErrorKind::SignInRefused, "one more");
    }
    for beyond in [0, 15, 255] {
        let error = tower_alb_auth::test_util::MockAlb::new().config_builder().sign_in(policy(beyond)).build();
        let expected = format!("max_email_chars is {beyond}; set it to a value from 16 to 254");
        assert!(error.unwrap_err().to_string().contains(&expected));
    }
}
