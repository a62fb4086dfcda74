//! Files, merged as Backstage merges them, and what they take from elsewhere.

use std::{fs, path::Path};

use tower_alb_auth::config::AppConfig;

use crate::app_config::{COMPLETE, environment, outcome};

/// Writes files into a folder.
fn files(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        fs::write(path, text).expect("written");
    }
    folder
}

/// What the files trust, or what is wrong, without the folder's name.
fn load(folder: &Path, names: &[&str]) -> String {
    let config = AppConfig::load_with(names.iter().map(|name| folder.join(name)), environment);
    let built = config.and_then(|config| config.alb_auth()).and_then(|builder| builder.build());
    let said = built.map_or_else(|error| error.to_string(), |config| config.summary());
    said.replace(&format!("{}/", folder.display()), "")
}

#[test]
fn later_files_win_objects_are_merged_and_lists_replaced() {
    let folder = files(&[
        ("base.yaml", COMPLETE),
        (
            "production.yaml",
            "auth:\n  providers:\n    awsalb:\n      issuer: https://prod.example.com\n      clientIds: [one, two]\n",
        ),
        ("empty.yaml", ""),
        ("comment.yaml", "# nothing\n"),
    ]);
    let base = load(folder.path(), &["base.yaml"]);
    assert!(base.contains("https://idp.example.com, client backstage"), "{base}");
    let merged = load(folder.path(), &["base.yaml", "production.yaml", "empty.yaml", "comment.yaml"]);
    assert!(merged.contains("https://prod.example.com, client one or two; sign-in by email's local part"), "{merged}");
    let other_way = load(folder.path(), &["production.yaml", "base.yaml"]);
    assert!(other_way.contains("https://idp.example.com, client backstage;"), "{other_way}");
}

#[test]
fn variables_stand_in_texts_and_an_unset_one_leaves_what_an_earlier_file_said() {
    let issuer = |value: &str| outcome(&COMPLETE.replace("https://idp.example.com", value));
    for (written, read) in [
        ("https://idp/${TENANT}/v2.0", "https://idp/0b6c2f3e/v2.0"),
        ("https://idp/${ TENANT }", "https://idp/0b6c2f3e"),
        ("https://${TENANT}/${TENANT}", "https://0b6c2f3e/0b6c2f3e"),
        ("https://idp/$${TENANT}", "https://idp/${TENANT}"),
        ("https://idp/$TENANT", "https://idp/$TENANT"),
        ("https://idp/${TENANT", "https://idp/${TENANT"),
        ("https://idp/${a{b}", "https://idp/${a{b}"),
        ("https://idp${EMPTY}", "https://idp"),
    ] {
        let said = issuer(&format!("'{written}'"));
        assert!(said.contains(&format!("with issuer {read}, client")), "{written}: {said}");
    }
    let folder = files(&[
        ("base.yaml", COMPLETE),
        (
            "over.yaml",
            "auth:\n  providers:\n    awsalb:\n      issuer: https://x/${NOT_SET}\n      clientIds:\n        $env: NOT_SET\n",
        ),
    ]);
    let merged = load(folder.path(), &["base.yaml", "over.yaml"]);
    assert!(merged.contains("https://idp.example.com, client backstage"), "{merged}");
    let alone = issuer("https://x/${NOT_SET}");
    assert!(alone.contains("takes its value from the environment variable NOT_SET, which is not set"), "{alone}");
}

#[test]
fn values_come_from_variables_files_and_other_files() {
    let folder = files(&[
        ("app-config.yaml", "auth:\n  providers:\n    awsalb:\n      $include: parts/providers.yaml#ours.awsalb\n"),
        (
            "parts/providers.yaml",
            "ours:\n  awsalb:\n    issuer: { $file: issuer.txt }\n    signer: arn:aws:elasticloadbalancing:eu-central-1:123456789012:loadbalancer/app/edge/50dc6c495c0c9188\n    clientIds:\n      - $env: CLIENT_ID\n    signIn: { $include: \"sign-${TENANT}.json\" }\n",
        ),
        ("parts/issuer.txt", "https://from-a-file.example.com\n\n"),
        (
            "parts/sign-0b6c2f3e.json",
            r#"{"resolvers": [{"resolver": "emailLocalPartMatchingUserEntityName", "allowedDomains": ["example.com"], "dangerouslyAllowSignInWithoutUserInCatalog": true}]}"#,
        ),
    ]);
    let said = load(folder.path(), &["app-config.yaml"]);
    assert!(
        said.contains("with issuer https://from-a-file.example.com, client from-the-environment; sign-in"),
        "{said}"
    );
}

#[test]
fn includes_that_lead_nowhere_are_named_with_their_place() {
    let folder = files(&[
        ("missing.yaml", "a: 1\nb: { $file: nowhere.txt }\n"),
        ("key.yaml", "a: { $include: other.yaml#no.such }\n"),
        ("other.yaml", "a: canary-value\n"),
        ("kind.yaml", "a: { $include: other.txt }\n"),
        ("beside.yaml", "a:\n  $file: x\n  b: canary-value\n"),
        ("number.yaml", "a: { $env: 7 }\n"),
        ("unset.yaml", "a: { $file: \"${NOT_SET}\" }\n"),
        ("circle.yaml", "a: { $include: circle.yaml }\n"),
        ("broken.yaml", "a: { $include: nonsense.yaml }\n"),
        ("nonsense.yaml", "a: [canary-value\n"),
    ]);
    let said: Vec<String> = ["missing", "key", "kind", "beside", "number", "unset", "circle", "broken", "gone"]
        .iter()
        .map(|name| load(folder.path(), &[&format!("{name}.yaml")]))
        .map(|said| said.replace("the configuration cannot be used\n- ", ""))
        .collect();
    let said = said.join("\n");
    assert!(!said.contains("canary"), "{said}");
    insta::assert_snapshot!(said, @r"
    missing.yaml:2: $file names nowhere.txt, which cannot be read: No such file or directory (os error 2)
    key.yaml:1: $include names no.such in other.yaml, where there is no such key
    kind.yaml:1: $include names other.txt, which is not a .yaml, .yml or .json file
    beside.yaml:2: $file stands beside other keys, and must stand alone
    number.yaml:1: $env wants a text, not a number
    unset.yaml:1: $file names a variable that is not set
    circle.yaml:1: $include is the 16th in a row: do files include one another in a circle?
    nonsense.yaml:1 is not YAML: unclosed bracket '[' at line 1, column 4
    gone.yaml cannot be read: No such file or directory (os error 2)
    ");
}

/// Stock back ends refuse it too. There may be a password in it.
#[test]
fn s_61_a_file_that_is_named_by_a_url_is_refused_without_its_password() {
    for (name, host) in [
        ("https://config.example.com/app-config.yaml", " at \"config.example.com\""),
        ("http://u:canary@config.example.com/app-config.yaml", ""),
        ("s3://bucket/app-config.yaml", " at \"bucket\""),
        ("https://u:can/ary@config.example.com", ""),
    ] {
        let said = AppConfig::load_with([name], environment).map(drop).expect_err(name).to_string();
        let expected = format!(
            "a file of settings is named by a URL{host}, and files on this machine alone are read: download it"
        );
        assert!(said.contains(&expected) && !said.contains("canary") && !said.contains("can/"), "{name}: {said}");
    }
    let path = AppConfig::load_with(["file:///nowhere/app-config.yaml"], environment).map(drop).expect_err("no file");
    assert!(path.to_string().contains("cannot be read"), "{path}");
}
