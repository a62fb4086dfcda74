//! Keys from files.

use std::{
    fs,
    path::{Path, PathBuf},
};

use aws_lc_rs::{
    encoding::AsDer,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use tower_alb_auth::{
    AuditTrail,
    backstage::{KeyFiles, SigningKeys, TokenIssuer},
    test_util::TestClock,
};

use crate::{
    issuer::site::{MINUTE, Store, builder, is_signed_by, kid, kids, second, settle, token},
    support::{audited::AuditFile, traced::Traced},
};

/// A folder of key files, which goes away with its owner.
pub struct Folder(tempfile::TempDir);

fn pem(label: &str, der: &[u8]) -> String {
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", STANDARD.encode(der))
}

impl Folder {
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub fn with_key(name: &str) -> Self {
        let folder = Self::new();
        folder.add_key(name);
        folder
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }

    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        fs::write(self.file(name), text).unwrap();
        self.file(name)
    }

    /// Writes `<name>.pem`, and gives its text.
    pub fn add_key(&self, name: &str) -> String {
        let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        let text = pem("PRIVATE KEY", key.to_pkcs8v1().unwrap().as_ref());
        self.write(&format!("{name}.pem"), &text);
        self.write(&format!("{name}.pub"), &pem("PUBLIC KEY", key.public_key().as_der().unwrap().as_ref()));
        text
    }

    pub fn keys(&self, names: &[&str]) -> Result<SigningKeys, String> {
        let files = names.iter().map(|name| {
            let (private, public) = (self.file(&format!("{name}.pem")), self.file(&format!("{name}.pub")));
            KeyFiles::new(*name).private_key_file(private).public_key_file(public).algorithm("ES256")
        });
        SigningKeys::from_files(files).map_err(|error| error.to_string())
    }
}

#[tokio::test]
async fn the_first_key_of_the_list_signs_under_its_id_and_all_are_listed() {
    let folder = Folder::with_key("one");
    folder.add_key("two");
    let keys = folder.keys(&["one", "two"]).unwrap();
    assert_eq!(keys.key_ids().collect::<Vec<_>>(), ["one", "two"]);
    let issuer = builder(&TestClock::new()).user_signing_keys(keys).build().unwrap();
    let token = token(&issuer).await;
    let listed = issuer.public_keys().await.unwrap();
    assert_eq!((kid(&token).as_str(), kids(&listed)), ("one", vec!["one".to_owned(), "two".to_owned()]));
    assert!(is_signed_by(&token, &listed));
    assert!(issuer.verify(&token).await.is_ok());
}

#[tokio::test]
async fn replicas_with_the_same_files_need_no_store_to_verify_each_other() {
    let folder = Folder::with_key("one");
    let replica = || builder(&TestClock::new()).user_signing_keys(folder.keys(&["one"]).unwrap()).build().unwrap();
    let (a, b) = (replica(), replica());
    let of_a = token(&a).await;
    assert!(b.verify(&of_a).await.is_ok());
    assert!(is_signed_by(&of_a, &b.public_keys().await.unwrap()));
}

#[tokio::test]
async fn of_a_folder_the_last_by_name_signs_under_its_thumbprint() {
    let folder = Folder::with_key("2026-05");
    folder.add_key("2026-11");
    let keys = SigningKeys::from_folder(folder.path()).unwrap();
    let ids: Vec<String> = keys.key_ids().map(str::to_owned).collect();
    let issuer = builder(&TestClock::new()).user_signing_keys(keys).build().unwrap();
    let token = token(&issuer).await;
    assert_eq!((kid(&token), ids.len()), (ids[0].clone(), 2));
    fs::remove_file(folder.file("2026-05.pem")).unwrap();
    let newest = SigningKeys::from_folder(folder.path()).unwrap();
    assert_eq!(newest.key_ids().collect::<Vec<_>>(), [ids[0].as_str()]);
    assert_eq!(ids[0].len(), 43, "{}", ids[0]);
}

#[tokio::test]
async fn keys_as_openssl_writes_them_are_read() {
    let folder = Folder::new();
    let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
    let sec1: aws_lc_rs::encoding::EcPrivateKeyRfc5915Der<'_> = key.private_key().as_der().unwrap();
    // As `openssl ecparam -genkey` does, with the parameters before it, and with other line ends.
    let parameters = pem("EC PARAMETERS", &[6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7]);
    let text = format!("{parameters}{}", pem("EC PRIVATE KEY", sec1.as_ref())).replace('\n', "\r\n");
    let path = folder.write("sec1.pem", &text);
    let keys = SigningKeys::from_files([KeyFiles::new("sec1").private_key_file(path)]).unwrap();
    let issuer = builder(&TestClock::new()).user_signing_keys(keys).build().unwrap();
    let token = token(&issuer).await;
    assert!(is_signed_by(&token, &issuer.public_keys().await.unwrap()));
}

fn problem(keys: Result<SigningKeys, impl ToString>) -> String {
    match keys {
        Ok(_) => panic!("these files are wrong"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn a_wrong_file_is_named_with_what_is_wrong_and_how_to_make_one() {
    let folder = Folder::with_key("one");
    folder.add_key("two");
    let p384 = EcdsaKeyPair::generate(&aws_lc_rs::signature::ECDSA_P384_SHA384_FIXED_SIGNING).unwrap();
    let body = "AAAA".repeat(8);
    let block = |label: &str| format!("-----BEGIN {label}-----\n{body}\n-----END {label}-----\n");
    // The older way to encrypt a key (RFC 1421 section 4.6.1.1).
    let headers = "KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00112233445566778899AABBCCDDEEFF\n\n";
    let encrypted = |label: &str| block(label).replacen("KEY-----\n", headers, 1);
    for (text, says) in [
        (String::new(), "it has no PEM block PRIVATE KEY or EC PRIVATE KEY"),
        ("-----BEGIN PRIVATE KEY-----\nAAAA".to_owned(), "it has no PEM block"),
        (block("PRIVATE KEY"), "not a P-256 key"),
        (block("PRIVATE KEY").replace("AAAA", "A?A!"), "is not base64"),
        (pem("PRIVATE KEY", p384.to_pkcs8v1().unwrap().as_ref()), "not a P-256 key"),
        (block("ENCRYPTED PRIVATE KEY"), "is encrypted"),
        (encrypted("EC PRIVATE KEY"), "is encrypted"),
        (encrypted("RSA PRIVATE KEY"), "RSA key"),
        (block("RSA PRIVATE KEY"), "RSA key"),
        (fs::read_to_string(folder.file("two.pub")).unwrap(), "it contains a public key"),
    ] {
        let path = folder.write("bad.pem", &text);
        let said = problem(SigningKeys::from_files([KeyFiles::new("bad").private_key_file(&path)]));
        assert!(said.contains(path.to_str().unwrap()) && said.contains(says), "{said}");
        assert!(said.contains("openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256"), "{said}");
        assert!(!said.contains("AAAA"), "{said}");
    }
    let one = || KeyFiles::new("one").private_key_file(folder.file("one.pem"));
    let files = |files: Vec<KeyFiles>| problem(SigningKeys::from_files(files));
    for (said, says) in [
        (files(vec![]), "the first key signs, so it needs a private key file"),
        (files(vec![KeyFiles::new("x")]), "has no file"),
        (files(vec![KeyFiles::new("x").public_key_file(folder.file("one.pub"))]), "needs a private key file"),
        (files(vec![KeyFiles::new("").private_key_file(folder.file("one.pem"))]), "must have 1 to 255 characters"),
        (files(vec![one().algorithm("RS256")]), "only ES256"),
        (files(vec![one().public_key_file(folder.file("two.pub"))]), "not of one key pair"),
        (files(vec![one().public_key_file(folder.file("one.pem"))]), "no PEM block PUBLIC KEY"),
        (files(vec![one(), one()]), "used twice"),
        (files(vec![KeyFiles::new("x").private_key_file(folder.file("none.pem"))]), "cannot be read"),
        (problem(SigningKeys::from_folder(folder.file("none"))), "cannot be read"),
        (problem(SigningKeys::from_folder(Folder::new().path())), "has no file *.pem"),
    ] {
        assert!(said.contains(says), "{said}");
    }
}

fn issuer_of(folder: &Folder, clock: &TestClock, store: &Store) -> TokenIssuer {
    let keys = SigningKeys::from_folder(folder.path()).unwrap();
    builder(clock).user_signing_keys(keys).user_keys(store.clone()).build().unwrap()
}

#[tokio::test]
async fn s_66_a_new_first_key_is_listed_at_once_and_signs_when_verifiers_know_it() {
    let (clock, store, folder) = (TestClock::new(), Store::default(), Folder::with_key("1"));
    let issuer = issuer_of(&folder, &clock, &store);
    let old = token(&issuer).await;
    assert!(!issuer.reload_signing_keys().await.unwrap(), "nothing has changed");

    folder.add_key("2");
    assert!(issuer.reload_signing_keys().await.unwrap());
    settle().await;
    assert_eq!(kids(&issuer.public_keys().await.unwrap()).len(), 2);
    assert_eq!(store.rows().await.len(), 2, "a replica with keys of its own lists it too");
    clock.advance(10 * MINUTE - second(1));
    assert_eq!(kid(&token(&issuer).await), kid(&old));
    clock.advance(second(1));
    let new = token(&issuer).await;
    assert_ne!(kid(&new), kid(&old));
    assert!(is_signed_by(&new, &issuer.public_keys().await.unwrap()));
}

#[tokio::test]
async fn s_66_a_key_that_is_taken_away_signs_until_the_next_is_known_and_stays_listed_for_its_time() {
    let (clock, store, folder) = (TestClock::new(), Store::default(), Folder::with_key("1"));
    let issuer = issuer_of(&folder, &clock, &store);
    token(&issuer).await;
    folder.add_key("2");
    fs::remove_file(folder.file("1.pem")).unwrap();
    issuer.reload_signing_keys().await.unwrap();
    settle().await;
    clock.advance(10 * MINUTE - second(1));
    let last_of_old = token(&issuer).await;
    clock.advance(second(1));
    assert_ne!(kid(&token(&issuer).await), kid(&last_of_old));
    // Its token's life and the verifiers' cache time.
    clock.advance(70 * MINUTE - second(1));
    assert!(is_signed_by(&last_of_old, &issuer.public_keys().await.unwrap()));
}

#[tokio::test]
async fn a_key_of_a_file_that_signs_no_more_is_an_audit_event() {
    let (audit, clock, folder) = (AuditFile::new(), TestClock::new(), Folder::with_key("1"));
    let trail = AuditTrail::builder("issuer").file(audit.path()).build().unwrap();
    let keys = SigningKeys::from_folder(folder.path()).unwrap();
    let issuer = builder(&clock).user_signing_keys(keys).audit_trail(&trail).build().unwrap();
    let old = kid(&token(&issuer).await);
    folder.add_key("2");
    issuer.reload_signing_keys().await.unwrap();
    settle().await;
    clock.advance(10 * MINUTE);
    let new = kid(&token(&issuer).await);
    let of = |event: &serde_json::Value| event["entity"]["uid"].as_str().unwrap_or_default().to_owned();
    assert_eq!(of(&audit.first("key_retired")), old);
    assert!(trail.flush(second(30)));
    let published: Vec<String> = audit.of("key_published").iter().map(of).collect();
    assert_eq!((published, audit.of("key_retired").len()), (vec![old, new], 1));
}

#[tokio::test]
async fn a_bad_change_keeps_the_keys_and_says_so() {
    let (clock, store, folder) = (TestClock::new(), Store::default(), Folder::with_key("1"));
    let issuer = issuer_of(&folder, &clock, &store);
    let before = kid(&token(&issuer).await);
    tokio::time::pause();
    let maintenance = issuer.maintain_keys_in_background();
    folder.write("2.pem", "half a key");
    let error = issuer.reload_signing_keys().await.unwrap_err();
    assert!(error.to_string().contains("2.pem"), "{error}");
    while maintenance.problem().is_none() {
        tokio::time::sleep(second(1)).await;
    }
    assert_eq!(maintenance.problem(), Some(error));
    clock.advance(11 * MINUTE);
    assert_eq!(kid(&token(&issuer).await), before);

    folder.add_key("2");
    while maintenance.problem().is_some() {
        tokio::time::sleep(second(1)).await;
    }
    settle().await;
    assert_eq!(kids(&issuer.public_keys().await.unwrap()).len(), 2);
}

#[tokio::test]
async fn an_id_never_gets_another_key() {
    let folder = Folder::with_key("one");
    let issuer = builder(&TestClock::new()).user_signing_keys(folder.keys(&["one"]).unwrap()).build().unwrap();
    token(&issuer).await;
    folder.add_key("one");
    let error = issuer.reload_signing_keys().await.unwrap_err().to_string();
    assert!(error.contains("the key id \"one\" now has another key"), "{error}");
}

#[tokio::test]
async fn a_key_that_signs_for_months_stays_in_a_store_that_stock_replicas_clear() {
    let (clock, store, folder) = (TestClock::new(), Store::default(), Folder::with_key("1"));
    let issuer = issuer_of(&folder, &clock, &store);
    for _ in 0..300 {
        token(&issuer).await;
        settle().await;
        let row = store.rows().await.remove(0);
        assert!(tower_alb_auth::Clock::now(&clock).duration_since(row.created_at).unwrap() < 90 * MINUTE);
        clock.advance(10 * MINUTE);
    }
}

#[cfg(unix)]
#[tokio::test]
async fn s_63_private_key_files_that_others_can_read_are_warned_of_at_the_start() {
    use std::os::unix::fs::PermissionsExt;

    let (traced, _guard) = Traced::begin();
    let warnings = || traced.lines(tracing::Level::WARN);
    let folder = Folder::with_key("one");
    let set = |mode| fs::set_permissions(folder.file("one.pem"), fs::Permissions::from_mode(mode)).unwrap();
    for closed in [0o600, 0o400, 0o640] {
        set(closed);
        folder.keys(&["one"]).unwrap();
        SigningKeys::from_folder(folder.path()).unwrap();
        assert_eq!(warnings(), Vec::<String>::new(), "{closed:o}");
    }
    let mut count = 0;
    for open in [0o644, 0o604, 0o666, 0o602] {
        set(open);
        let keys = folder.keys(&["one"]).unwrap();
        SigningKeys::from_folder(folder.path()).unwrap();
        count += 2;
        let warnings = warnings();
        assert_eq!(warnings.len(), count, "{warnings:?}");
        let last = &warnings[count - 1];
        assert!(last.contains("one.pem is open to every user") && last.contains(&format!("mode {open:04o}")), "{last}");
        // Files are read again every few seconds, which is no news.
        let issuer = builder(&TestClock::new()).user_signing_keys(keys).build().unwrap();
        issuer.reload_signing_keys().await.unwrap();
        assert_eq!(traced.lines(tracing::Level::WARN).len(), count);
    }
}

#[test]
fn a_key_file_or_a_folder_that_is_too_large_is_refused_and_not_cut() {
    let folder = Folder::with_key("2026-01");
    // Files of other kinds do not count, wherever they stand in the folder.
    (0..1_100).for_each(|number| drop(folder.write(&format!("{number}.txt"), "")));
    let keys = SigningKeys::from_folder(folder.path()).unwrap();
    assert_eq!(keys.key_ids().count(), 1);

    let key = fs::read_to_string(folder.file("2026-01.pem")).unwrap();
    folder.write("2026-01.pem", &format!("{key}{}", " ".repeat(64 * 1024)));
    let error = folder.keys(&["2026-01"]).err().unwrap();
    assert!(error.contains("2026-01.pem is larger than 65536 bytes"), "{error}");

    (0..1_000).for_each(|number| drop(folder.write(&format!("{number}.pem"), &key)));
    let error = SigningKeys::from_folder(folder.path()).err().unwrap().to_string();
    assert!(error.contains("more than 1000 files *.pem"), "{error}");
}
