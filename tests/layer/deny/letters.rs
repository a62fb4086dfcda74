//! Letters whose lower case depends on where they stand.

use tower_alb_auth::{
    AlbAuthLayer,
    deny_list::{Denied, DenyList},
    sign_in::ClaimsOnly,
    test_util::{MockAlb, User},
};

use super::assert_denied;
use crate::support::App;

/// A capital sigma is `σ` in lower case, and `ς` at the end of a word. The long s is a small s, and the dotless i a small i, of
/// which a provider that ignores letter case makes the same capital.
#[tokio::test]
async fn s_128_letters_of_one_capital_are_one_letter_wherever_they_stand() {
    let cases: [(&str, &[&str]); 5] = [
        (
            "ΝΙΚΟΣ@example.com",
            &[
                "ΝΙΚΟΣ@example.com",
                "νικος@example.com",
                "νικοσ@example.com",
                "Νικος+x@example.com",
                "νικος@EXAMPLE.com",
            ],
        ),
        ("νικος@example.com", &["ΝΙΚΟΣ@example.com", "νικοσ@example.com", "νικος@example.com"]),
        ("nikos@πάτρας.example", &["nikos@ΠΆΤΡΑΣ.example", "NIKOS@πάτρασ.example"]),
        ("gro\u{df}@example.com", &["GROSS@example.com", "gro\u{1e9e}@example.com", "GRO\u{1e9e}@example.com"]),
        ("susan@example.com", &["\u{17f}u\u{17f}an@example.com", "\u{17f}usan@EXAMPLE.com", "SUSAN@example.com"]),
    ];
    for (entry, claims) in cases {
        let (alb, list) = (MockAlb::new(), DenyList::new());
        list.deny(Denied::email(entry).unwrap());
        let config = alb.config_builder().sign_in(ClaimsOnly).build().unwrap();
        let app = App::new(AlbAuthLayer::new(config).deny_list(&list));
        let user = |email: &str| User::jane().claim("email", email);
        for email in claims {
            assert_denied(&app.call(alb.request("/").user(&user(email))).await, &format!("{entry} and {email}"));
        }
        for email in ["νικο@example.com", "nikos@example.com", "suzan@example.com"] {
            let answer = app.call(alb.request("/").user(&user(email))).await;
            assert_eq!(answer.status, 200, "{entry} and {email}: {answer:?}");
        }
        list.allow(&Denied::email(claims[0]).unwrap());
        assert!(list.is_empty(), "{entry}: both are one user");
    }
}
