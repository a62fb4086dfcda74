//! A list that is written as one text.

use tower_alb_auth::config::ProblemKind;

use crate::app_config::{COMPLETE, SIGNER, outcome, read};

#[test]
fn several_values_in_one_text_are_one_error_with_the_way_to_write_them() {
    let signer = format!("signer: {SIGNER}");
    for (key, settings) in [
        ("clientIds", COMPLETE.replace("[backstage]", "'a, b'")),
        ("clientIds", COMPLETE.replace("[backstage]", "a,b")),
        ("clientIds", COMPLETE.replace("[backstage]", "'a b'")),
        ("signers", COMPLETE.replace(&signer, &format!("signers: '{SIGNER}, {SIGNER}2'"))),
        ("allowedDomains", COMPLETE.replace("[example.com]", "'example.com, example.org'")),
    ] {
        let error = read(&settings).and_then(|config| config.alb_auth()).and_then(|builder| builder.build());
        let error = error.expect_err(key);
        let [problem] = error.problems() else { panic!("{key}: {error}") };
        assert_eq!(problem.kind(), ProblemKind::WrongType, "{key}: {error}");
        assert!(problem.to_string().contains(key) && problem.to_string().contains("a list of texts"), "{error}");
    }
}

#[test]
fn one_value_in_a_text_is_a_list_of_one_and_an_element_may_have_a_comma() {
    let one = outcome(&COMPLETE.replace("[backstage]", "backstage"));
    assert_eq!(one, outcome(COMPLETE));
    let odd = outcome(&COMPLETE.replace("[backstage]", "['a, b']"));
    assert!(odd.contains("client a, b"), "{odd}");
}
