//! What the start-up line and the warnings say of a configuration.

use tower_alb_auth::{
    AlbAuthConfig, AlbAuthConfigBuilder, TrustedAlb,
    keys::{FixedKeys, HttpsKeys, KeyFetch, KeyRequest, KeySource},
    sign_in::{EmailLocalPart, WholeEmail},
    test_util::MockAlb,
};

use crate::config::{ALB, EMULATOR, ISSUER, OTHER, builder, builder_without_policy, entry};

fn summary(builder: AlbAuthConfigBuilder) -> String {
    builder.build().expect("sound").summary()
}

/// The summary without its usual start.
fn rest(builder: AlbAuthConfigBuilder) -> String {
    let summary = summary(builder);
    summary.split(&format!(" with issuer {ISSUER}, client app")).nth(1).expect(&summary).to_owned()
}

struct Own;

impl KeySource for Own {
    fn fetch(&self, _: KeyRequest) -> KeyFetch {
        unreachable!("nothing is fetched")
    }
}

#[test]
fn s_84_the_summary_names_where_keys_come_from_unless_it_is_aws() {
    let usual = "; sign-in by email's local part in example.com";
    assert_eq!(rest(builder([entry(ALB)])), usual);
    let documented = "https://public-keys.auth.elb.eu-central-1.amazonaws.com";
    assert_eq!(rest(builder([entry(ALB).key_endpoint(documented)])), usual);
    let another = rest(builder([entry(ALB).key_endpoint("https://keys.example.com/")]));
    assert_eq!(another, format!(", keys at https://keys.example.com{usual}"));
    let two = rest(builder([entry(ALB).or_signer(OTHER).key_endpoint("https://keys.example.com")]));
    assert_eq!(two.matches("keys.example.com").count(), 1, "{two}");

    let alb = MockAlb::new();
    let keys = FixedKeys::new().add(alb.kid(), &alb.public_key_pem()).expect("a key");
    assert_eq!(
        rest(builder([entry(ALB)]).fixed_keys(keys)),
        format!("{usual}; keys are fixed (1), and none is fetched")
    );
    assert_eq!(
        rest(builder([entry(ALB)]).key_source(Own)),
        format!("{usual}; keys come from the application's own key source")
    );
    let root = rcgen::generate_simple_self_signed(["example.com".to_owned()]).expect("a certificate").cert.pem();
    let https = HttpsKeys::new().proxy("http://egress.internal:3128/").pem_roots(&root);
    assert_eq!(
        rest(builder([entry(ALB)]).https(https)),
        format!(
            "{usual}; keys are fetched through the proxy http://egress.internal:3128, trusting roots given as PEM (1)"
        )
    );
    assert_eq!(rest(builder([entry(ALB)]).https(HttpsKeys::new())), usual);
}

#[test]
fn s_84_the_summary_names_addresses_that_are_allowed() {
    let with = |policy| rest(builder_without_policy([entry(ALB)]).sign_in(policy));
    let guests =
        EmailLocalPart::in_domains(["example.com"]).allow_address("jane@a.example").allow_address("j@b.example");
    assert_eq!(
        with(guests),
        "; sign-in by email's local part in example.com, and the addresses jane@a.example, j@b.example"
    );
    let none: [&str; 0] = [];
    assert_eq!(
        with(WholeEmail::in_domains(none).allow_address("jane@a.example")),
        "; sign-in by whole email in no domain, and the addresses jane@a.example"
    );
}

#[test]
fn s_78_the_account_of_the_emulator_is_a_warning() {
    let warned = |builder: AlbAuthConfigBuilder| -> Vec<String> {
        let config = builder.accept_missing_email_verified().build().expect("sound");
        config.warnings().to_vec()
    };
    assert_eq!(warned(builder([entry(ALB)])), Vec::<String>::new());
    let emulated = warned(builder([entry(EMULATOR).key_endpoint("http://127.0.0.1:9000")]));
    let [warning] = &emulated[..] else { panic!("{emulated:?}") };
    assert!(warning.starts_with(&format!("{EMULATOR} has the account 000000000000, ")), "{warning}");
    // One, however many entries there are.
    let policy = || EmailLocalPart::in_domains(["example.com"]);
    let entries = ["a", "b"].map(|client| TrustedAlb::new(EMULATOR, ISSUER).client_id(client));
    let twice = entries.into_iter().fold(AlbAuthConfig::builder().sign_in(policy()), AlbAuthConfigBuilder::trust);
    assert_eq!(warned(twice), emulated);
}
