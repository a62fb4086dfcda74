//! How much is read in all.

use std::{fs, path::Path};

use tower_alb_auth::config::AppConfig;

const MIB: usize = 1024 * 1024;

/// What is wrong, if anything is, without the folder's name.
fn load(folder: &Path, file: &str) -> Result<AppConfig, String> {
    let loaded = AppConfig::load_with([folder.join(file)], |_| None);
    loaded.map_err(|error| error.to_string().replace(&format!("{}/", folder.display()), ""))
}

fn write(folder: &Path, name: &str, text: &str) {
    fs::write(folder.join(name), text).expect("written");
}

/// Each file names the next one twice: a few short files are read thousands of times.
#[test]
fn files_that_include_one_another_again_and_again_are_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    for level in 0..11 {
        let next = level + 1;
        let text = format!("a:\n  $include: {next}.yaml\nb:\n  $include: {next}.yaml\n");
        write(folder.path(), &format!("{level}.yaml"), &text);
    }
    write(folder.path(), "11.yaml", "c: 1\n");
    let refused = load(folder.path(), "0.yaml").expect_err("4,095 files");
    assert!(refused.contains("is one too many: 1000 files are read at most"), "{refused}");
    assert!(refused.contains("$include names ") && refused.contains("name each file once"), "{refused}");
    assert!(load(folder.path(), "3.yaml").is_ok(), "511 files");
}

#[test]
fn a_thousand_files_are_read_and_one_more_is_not() {
    let folder = tempfile::tempdir().expect("a folder");
    write(folder.path(), "text", "canary");
    let of = |count: usize| (0..count).map(|number| format!("k{number}: {{ $file: text }}\n")).collect::<String>();
    write(folder.path(), "thousand.yaml", &of(999));
    assert_eq!(load(folder.path(), "thousand.yaml").expect("a thousand").keys().len(), 999);
    write(folder.path(), "more.yaml", &of(1_000));
    let refused = load(folder.path(), "more.yaml").expect_err("a thousand and one");
    assert!(refused.contains("more.yaml:1000: $file names text, which is one too many"), "{refused}");
}

#[test]
fn eight_mib_are_read_and_no_more() {
    let folder = tempfile::tempdir().expect("a folder");
    write(folder.path(), "text", &"x".repeat(MIB - 1024));
    let of = |count: usize| (0..count).map(|number| format!("k{number}: {{ $file: text }}\n")).collect::<String>();
    write(folder.path(), "eight.yaml", &of(8));
    assert!(load(folder.path(), "eight.yaml").is_ok());
    write(folder.path(), "nine.yaml", &of(9));
    let refused = load(folder.path(), "nine.yaml").expect_err("nine");
    assert!(refused.contains("is too much: 8388608 bytes are read at most in all files"), "{refused}");
    assert!(!refused.contains("xxx"), "no contents");
}

/// The files that are named together count together.
#[test]
fn several_files_have_one_bound() {
    let folder = tempfile::tempdir().expect("a folder");
    write(folder.path(), "one.yaml", "a: 1\n");
    let files = |count: usize| AppConfig::load_with(vec![folder.path().join("one.yaml"); count], |_| None);
    assert!(files(1_000).is_ok());
    assert!(files(1_001).is_err());
}
