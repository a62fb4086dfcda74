//! `backstage-auth check`: what becomes of each key.

use crate::{
    service::settings::{SOUND, folder_with},
    support::backstage_auth::run,
};

#[test]
fn sound_files_are_code_0_and_each_key_has_its_line() {
    let folder = folder_with(&format!("{SOUND}  session:\n    secret: canary\n"));
    let ended = run(folder.path(), &["check", "--config", "app-config.yaml"]);
    assert_eq!((ended.code, ended.stderr.as_str()), (0, ""), "{ended:?}");
    for part in [
        "used     backend.baseUrl (app-config.yaml:4)",
        "used     auth.providers.awsalb.issuer (app-config.yaml:8)",
        "ignored  auth.session.secret (app-config.yaml:17)",
        "The settings are valid.",
    ] {
        assert!(ended.stdout.contains(part), "{part} is not in: {}", ended.stdout);
    }
    assert!(!ended.stdout.contains("canary"), "{}", ended.stdout);
}

#[test]
fn files_that_are_refused_are_code_1_with_what_is_wrong() {
    let folder =
        folder_with(&format!("{}  identityTokenAlgorithm: RS256\n", SOUND.replace("      signer: ", "      sigher: ")));
    let ended = run(folder.path(), &["check"]);
    assert_eq!(ended.code, 1, "{ended:?}");
    for part in [
        "refused  auth.identityTokenAlgorithm (app-config.yaml:16)",
        "auth.providers.awsalb.sigher (app-config.yaml:9) is not a known setting. Did you mean signer?",
        "lacks signer",
        "The service does not start with these files.",
    ] {
        assert!(ended.stdout.contains(part), "{part} is not in: {}", ended.stdout);
    }
}

#[test]
fn a_file_that_is_not_there_is_code_1_and_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let ended = run(folder.path(), &["check", "--config", "app-config.production.yaml"]);
    assert_eq!((ended.code, ended.stdout.as_str()), (1, ""), "{ended:?}");
    assert!(ended.stderr.contains("app-config.production.yaml cannot be read"), "{}", ended.stderr);
}

/// What the check says and what the start says of the same files are the same.
#[test]
fn what_the_check_refuses_the_start_refuses_with_the_same_sentences() {
    let folder = folder_with("auth: { providers: { awsalb: { region: eu-central-1 } } }\n");
    let (check, start) = (run(folder.path(), &["check"]), run(folder.path(), &[]));
    assert_eq!((check.code, start.code), (1, 1));
    let problems = check.stdout.split("problems\n").nth(1).expect("problems");
    let problems = problems.split("\nThe service does").next().expect("an end");
    assert!(problems.contains("backend.baseUrl") && problems.contains("signer"), "{problems}");
    assert!(start.stderr.contains(problems.trim_end()), "{}\n\n{}", start.stderr, check.stdout);
}
