//! README, against the package.

use crate::pages::page::{blocks, prose, read, root, rows, section};

#[test]
fn the_commands_of_a_fresh_machine_are_there() {
    let readme = read("README.md");
    let commands = blocks(&section(&readme, "## On a fresh machine"), "sh").concat();
    for command in
        ["apt-get install -y gcc", "cargo run --example quickstart --all-features", "cargo test --all-features"]
    {
        assert!(commands.contains(command), "{command}");
    }
}

#[test]
fn features_and_rust_version_are_those_of_the_package() {
    let (readme, package) = (read("README.md"), read("Cargo.toml"));
    let features = package.split("[features]").nth(1).and_then(|rest| rest.split("\n[").next()).expect("[features]");
    let mut declared: Vec<String> = features
        .lines()
        .filter_map(|line| line.split_once(" = "))
        .map(|(name, _)| format!("`{name}`"))
        .filter(|name| name != "`default`")
        .collect();
    let mut described: Vec<String> =
        rows(&section(&readme, "## Features")).into_iter().map(|mut row| row.remove(0)).collect();
    declared.sort();
    described.sort();
    assert_eq!(described, declared);

    let version = package.split("rust-version = \"").nth(1).and_then(|rest| rest.split('"').next()).expect("a version");
    assert!(readme.contains(&format!("Rust {version} or newer")), "{version}");
}

#[test]
fn every_example_that_is_named_is_there() {
    let readme = read("README.md");
    let named = prose(&section(&readme, "## axum, tonic, hyper"));
    let named = named.split("Each has an example that runs:").nth(1).expect("the list of examples");
    let names: Vec<&str> = named.split('`').skip(1).step_by(2).collect();
    assert_eq!(names.len(), 10, "{names:?}");
    for name in names {
        let file = root().join("examples").join(format!("{name}.rs"));
        let folder = root().join("examples").join(name).join("main.rs");
        assert!(file.is_file() || folder.is_file(), "there is no example {name}");
    }
}

/// "jsonwebtoken, for example, rejects such a token."
#[cfg(feature = "test-util")]
#[test]
fn the_padding_alone_makes_jsonwebtoken_refuse_a_load_balancers_token() {
    use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};
    use tower_alb_auth::test_util::{MockAlb, User};

    jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER.install_default().expect("the first provider");
    let alb = MockAlb::new();
    let key = DecodingKey::from_ec_pem(alb.public_key_pem().as_bytes()).expect("a key");
    let user = User::jane();
    let read = |token: String| decode::<serde_json::Value>(&token, &key, &Validation::new(Algorithm::ES256)).is_ok();
    assert!(read(alb.token(&user).unpadded().sign()));
    assert!(!read(alb.sign(&user)));
}
