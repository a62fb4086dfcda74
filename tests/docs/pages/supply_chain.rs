//! S-72: the build uses exactly the locked packages, from their locked source.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::pages::page::{read, root};

/// The value of a `key = "value"` line in a block of TOML.
fn text<'b>(block: &'b str, key: &str) -> Option<&'b str> {
    let line = block.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(" = \""))?;
    line.strip_suffix('"')
}

#[test]
fn s_72_every_locked_package_is_of_one_registry_and_has_a_checksum() {
    let lock = read("Cargo.lock");
    let (mut sources, mut count) = (BTreeSet::new(), 0);
    for package in lock.split("[[package]]\n").skip(1) {
        let name = text(package, "name").expect("a name");
        if name == env!("CARGO_PKG_NAME") {
            continue;
        }
        let source = text(package, "source").unwrap_or_else(|| panic!("{name} is not from a registry"));
        assert!(source.starts_with("registry+"), "{name} comes from {source}");
        let checksum = text(package, "checksum").unwrap_or_else(|| panic!("{name} has no checksum"));
        assert!(checksum.len() == 64 && checksum.bytes().all(|byte| byte.is_ascii_hexdigit()), "{name}: {checksum}");
        sources.insert(source);
        count += 1;
    }
    assert!(count > 100, "{count} packages");
    assert_eq!(sources.len(), 1, "{sources:?}");
}

#[test]
fn s_72_the_package_has_no_unsafe_code_and_no_build_script() {
    let manifest = read("Cargo.toml");
    assert_eq!(text(&manifest, "unsafe_code"), Some("forbid"));
    assert!(!root().join("build.rs").exists() && text(&manifest, "build").is_none());
}

#[test]
fn s_72_ci_builds_what_is_locked_and_checks_what_it_is() {
    let script = read(".ci/run");
    let is_build = |line: &&str| {
        let words: Vec<&str> = line.split_whitespace().take_while(|word| !word.starts_with('#')).collect();
        let builds = ["bench", "build", "check", "clippy", "doc", "fetch", "run", "rustc", "test"];
        let is_command = words.windows(2).any(|pair| pair[0] == "cargo" && builds.contains(&pair[1]));
        is_command && !words.contains(&"--version")
    };
    let built: Vec<&str> = script.lines().filter(is_build).collect();
    assert!(built.len() >= 8, "{built:?}");
    for line in built {
        assert!(line.contains(" --locked"), "{line}");
    }
    let stage = script.lines().find_map(|line| line.strip_prefix("stage dependencies python3 "));
    let check = read(stage.expect("a stage for the dependencies"));
    for property in ["rust_version", "license", "source"] {
        assert!(check.contains(&format!("package[\"{property}\"]")), "{property}");
    }
}

/// A job has its rights as a whole: what is privileged runs nothing but the tests that need it, and nothing is left out for that.
#[test]
fn workflows_give_rights_over_the_host_to_the_job_of_network_namespaces_alone() {
    let jobs = |workflow: &str| {
        let file: Value = serde_saphyr::from_str(&read(&format!(".github/workflows/{workflow}.yml"))).expect("YAML");
        let jobs = file["jobs"].as_object().expect("jobs").values().map(|job| {
            let steps = job["steps"].as_array().expect("steps").iter().filter_map(|step| step["run"].as_str());
            let is_privileged = job["container"]["options"].as_str().is_some_and(|text| text.contains("--privileged"));
            (is_privileged, steps.filter(|step| step.starts_with(".ci/")).map(str::to_owned).collect::<Vec<_>>())
        });
        jobs.collect::<Vec<_>>()
    };
    for workflow in ["ci", "release", "nightly"] {
        let (privileged, others): (Vec<_>, Vec<_>) =
            jobs(workflow).into_iter().partition(|(is_privileged, _)| *is_privileged);
        let expected: &[&str] = if workflow == "nightly" { &[] } else { &[".ci/run namespaces"] };
        assert_eq!(privileged.into_iter().flat_map(|(_, steps)| steps).collect::<Vec<_>>(), expected, "{workflow}");
        let first = if workflow == "nightly" { ".ci/nightly" } else { ".ci/run unprivileged" };
        let others: Vec<String> = others.into_iter().flat_map(|(_, steps)| steps).collect();
        assert_eq!(others.first().map(String::as_str), Some(first), "{workflow}: {others:?}");
    }
}
