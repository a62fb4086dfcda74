//! Whose fixed keys are, and which accounts stand beside each other.

use std::error::Error;

use tower_alb_auth::{
    AlbAuthConfigBuilder, TrustedAlb,
    keys::{FixedKeyError, FixedKeyErrorKind, FixedKeys, HttpsKeys, KeyFetch, KeyRequest, KeySource},
    test_util::MockAlb,
};

use crate::config::{ALB, EMULATOR, ISSUER, OTHER, builder, entry, problem, problems};

const FRANKFURT: &str = "https://public-keys.auth.elb.eu-central-1.amazonaws.com";
const IRELAND: &str = "https://public-keys.auth.elb.eu-west-1.amazonaws.com";
const KID: &str = "c6f14c2f-0a57-4b0e-9f3a-6d7c2b1e5a90";

fn key() -> FixedKeys {
    FixedKeys::new().add(KID, &MockAlb::new().public_key_pem()).unwrap()
}

#[test]
fn s_80_fixed_keys_without_an_endpoint_do_not_build_where_entries_have_several() {
    let two_entries = || [entry(ALB), entry(OTHER)];
    let one_entry = || [entry(ALB).or_signer(OTHER)];
    for builder in [builder(two_entries()), builder(one_entry())] {
        assert_eq!(
            problem(builder.fixed_keys(key())),
            format!(
                "the fixed key of kid {KID} has no endpoint, and the entries have several ({FRANKFURT}, {IRELAND}): \
                 assign it to one by FixedKeys::for_endpoint(<one of them>)"
            )
        );
    }
    let bound = || key().for_endpoint(FRANKFURT).unwrap().and(key().for_endpoint(IRELAND).unwrap()).unwrap();
    assert_eq!(problems(builder(two_entries()).fixed_keys(bound())), Vec::<String>::new());
    assert_eq!(problems(builder(one_entry()).fixed_keys(bound())), Vec::<String>::new());
    // One endpoint leaves no doubt, however many entries and load balancers have it.
    let sibling = ALB.replace("/edge/", "/inner/");
    assert_eq!(problems(builder([entry(ALB), entry(&sibling)]).fixed_keys(key())), Vec::<String>::new());
    // What is wrong with an entry is said, and nothing is made of it.
    let broken =
        problem(builder([entry(ALB), entry("arn:aws:other")]).fixed_keys(key().for_endpoint(IRELAND).unwrap()));
    assert!(broken.contains("arn:aws:other"), "{broken}");
}

#[test]
fn fixed_keys_without_a_key_are_named_in_a_warning() {
    let warnings = |keys| builder([entry(ALB)]).fixed_keys(keys).build().expect("a configuration").warnings().to_vec();
    assert!(!warnings(key()).iter().any(|warning| warning.contains("fixed keys")));
    let empty = warnings(FixedKeys::new());
    assert!(empty.iter().any(|warning| warning.contains("every token is refused")), "{empty:?}");
}

#[test]
fn errors_of_fixed_keys_have_a_kind_a_file_and_a_cause() {
    let kind = |result: Result<FixedKeys, FixedKeyError>| {
        let error = result.expect_err("an error");
        (error.kind(), error.file().is_some(), error.source().is_some())
    };
    let pem = MockAlb::new().public_key_pem();
    assert_eq!(kind(FixedKeys::new().add("kid", &pem)), (FixedKeyErrorKind::InvalidKid, false, false));
    assert_eq!(kind(FixedKeys::new().add(KID, "")), (FixedKeyErrorKind::InvalidKey, false, true));
    assert_eq!(kind(key().and(key())), (FixedKeyErrorKind::DuplicateKid, false, false));
    assert_eq!(kind(key().for_endpoint("http://a.example")), (FixedKeyErrorKind::InvalidEndpoint, false, true));
    let folder = tempfile::tempdir().expect("a folder");
    let read = || kind(FixedKeys::from_directory(folder.path()));
    assert_eq!(read(), (FixedKeyErrorKind::NoKeyFile, true, false));
    std::fs::write(folder.path().join(format!("{KID}.pem")), "no key").expect("written");
    assert_eq!(read(), (FixedKeyErrorKind::InvalidKey, true, true));
    assert_eq!(
        kind(FixedKeys::from_directory(folder.path().join("none"))),
        (FixedKeyErrorKind::Unreadable, true, true)
    );
}

#[test]
fn s_80_fixed_keys_of_an_endpoint_that_no_entry_has_do_not_build() {
    for endpoint in [IRELAND, "https://keys.example.com", "HTTPS://public-keys.auth.elb.eu-central-1.amazonaws.com"] {
        assert_eq!(
            problem(builder([entry(ALB)]).fixed_keys(key().for_endpoint(endpoint).unwrap())),
            format!(
                "there are fixed keys for {endpoint}, which is not the endpoint of any entry; the entries have {FRANKFURT}"
            )
        );
    }
    for (url, sentence) in [
        ("http://keys.example.com", "must be https"),
        ("keys", "must begin with https://"),
        ("", "is not a URL"),
        ("https://user:hunter2@keys.example.com", "without user or password"),
    ] {
        let error = key().for_endpoint(url).expect_err(url).to_string();
        assert!(error.contains(sentence) && !error.contains("hunter2"), "{url}: {error}");
    }
}

#[test]
fn s_80_one_kid_twice_at_one_endpoint_is_a_mistake() {
    let twice = format!("the kid \"{KID}\" occurs twice");
    let bound = || key().for_endpoint(FRANKFURT).unwrap();
    assert_eq!(key().and(key()).unwrap_err().to_string(), twice);
    assert_eq!(bound().and(bound()).unwrap_err().to_string(), twice);
    assert_eq!(bound().and(key()).unwrap().for_endpoint(FRANKFURT).unwrap_err().to_string(), twice);
    // The slash at the end makes it no other endpoint.
    assert_eq!(key().for_endpoint(&format!("{FRANKFURT}/")).unwrap().and(bound()).unwrap_err().to_string(), twice);
    let both = bound().and(key()).unwrap();
    assert_eq!(
        problem(builder([entry(ALB)]).fixed_keys(both)),
        format!("the fixed key of kid {KID} occurs twice: with its endpoint and without")
    );
}

/// A source of the application.
struct Own;

impl KeySource for Own {
    fn fetch(&self, _: KeyRequest) -> KeyFetch {
        Box::pin(std::future::pending())
    }
}

#[test]
fn s_80_the_emulators_account_does_not_build_beside_a_real_one_whatever_the_source_of_keys() {
    type Keys = fn(AlbAuthConfigBuilder) -> AlbAuthConfigBuilder;
    let sources: [(&str, Keys); 5] = [
        ("unset", |builder| builder),
        ("https", |builder| builder.https(HttpsKeys::new())),
        ("own", |builder| builder.key_source(Own)),
        ("fixed", |builder| builder.fixed_keys(key())),
        ("fixed, for the endpoint", |builder| builder.fixed_keys(key().for_endpoint(FRANKFURT).unwrap())),
    ];
    for (source, keys) in sources {
        for (case, entries) in [
            ("two entries", vec![entry(EMULATOR), entry(ALB)]),
            ("the other way round", vec![entry(ALB), entry(EMULATOR)]),
            ("one entry", vec![entry(ALB).or_signer(EMULATOR)]),
            ("another client", vec![entry(ALB), TrustedAlb::new(EMULATOR, ISSUER).client_id("local")]),
        ] {
            assert_eq!(
                problem(keys(builder(entries))),
                format!(
                    "{EMULATOR} is of the account 000000000000, which the local emulator signs for, and {ALB} is of a real \
                     one: trust the emulator in a configuration of its own, for development"
                ),
                "{source}: {case}"
            );
        }
        assert_eq!(problems(keys(builder([entry(EMULATOR)]))), Vec::<String>::new(), "{source}: by itself");
    }
}
