//! Keys without a value, which Backstage takes for absent, also if an earlier file has one.

use crate::app_config::{COMPLETE, outcome};

/// A blank `emailClaim` would let the claim `email` decide, which users can change at some providers.
#[test]
fn s_207_a_key_without_which_a_user_is_another_one_is_not_null() {
    let tokens = "      accessToken: { audiences: ['api://orders'] }\n";
    let groups = "      groups: { claims: [groups], from: accessToken, map: { a: 'group:default/a' } }\n";
    for (key, value, lines) in [
        ("emailClaim", "upn", "      emailClaim: upn\n".to_owned()),
        ("accessToken.audiences", "['api://orders']", tokens.to_owned()),
        ("groups.from", "accessToken,", format!("{tokens}{groups}")),
    ] {
        let sound = format!("{COMPLETE}{lines}");
        assert!(outcome(&sound).contains("with issuer"), "{key}: {}", outcome(&sound));
        let name = key.rsplit('.').next().expect("a name");
        for null in ["null", "~"] {
            let null = if value.ends_with(',') { format!("{null},") } else { null.to_owned() };
            let blank = sound.replace(&format!("{name}: {value}"), &format!("{name}: {null}"));
            assert_ne!(blank, sound);
            let found = outcome(&blank);
            let expected = format!("auth.providers.awsalb.{key} (app-config.yaml:");
            assert!(found.contains(&expected) && found.contains(") is null: "), "{key}: {found}");
        }
    }
}
