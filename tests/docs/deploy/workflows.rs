//! The workflows, against the compilers that the repository names.

use serde_json::Value;

use crate::pages::page::read;

/// The value between `start`, at the beginning of a line, and the end of the line.
fn declared(file: &str, start: &str) -> String {
    let text = read(file);
    let mut found = text.lines().filter_map(|line| line.strip_prefix(start));
    let value = found.next().unwrap_or_else(|| panic!("{file}: expected a line that begins with {start}"));
    assert_eq!(found.next(), None, "{file}: {start} is declared twice");
    value.trim_matches('"').to_owned()
}

/// The jobs of a workflow that run in a container: name, image and commands.
fn in_containers(text: &str) -> Vec<(String, String, Vec<String>)> {
    let workflow: Value = serde_saphyr::from_str(text).expect("YAML");
    let jobs = workflow["jobs"].as_object().expect("jobs").iter();
    jobs.filter_map(|(name, job)| {
        let image = job["container"]["image"].as_str()?.to_owned();
        let steps = job["steps"].as_array().expect("steps").iter();
        let commands = steps.filter_map(|step| Some(step["run"].as_str()?.to_owned())).collect();
        Some((name.clone(), image, commands))
    })
    .collect()
}

const EXEMPTION: &str = "git config --global --add safe.directory \"$GITHUB_WORKSPACE\"";

/// What is wrong with a workflow.
fn mistakes(text: &str) -> Vec<String> {
    let newer = format!("rust:{}-bookworm", declared(".ci/public-api", "compiler="));
    let lowest = format!("rust:{}-bookworm", declared("Cargo.toml", "rust-version = "));
    let mut mistakes = Vec::new();
    for (name, image, commands) in in_containers(text) {
        let expected = if name == "lowest" { &lowest } else { &newer };
        if image != *expected {
            mistakes.push(format!("{name}: expected {expected}, found {image}"));
        }
        if commands.first().is_none_or(|first| first != EXEMPTION) {
            mistakes.push(format!("{name}: git refuses the work tree of another user"));
        }
    }
    mistakes
}

/// The snapshot of the public API is rustdoc's JSON of one compiler, and git as root refuses a work tree of another user.
#[test]
fn workflows_run_with_the_compiler_of_the_snapshot_and_the_lowest_one() {
    let mut jobs = Vec::new();
    for workflow in ["ci", "release", "nightly"] {
        let text = read(&format!(".github/workflows/{workflow}.yml"));
        assert_eq!(mistakes(&text), Vec::<String>::new(), "{workflow}");
        jobs.extend(in_containers(&text).into_iter().map(|(name, ..)| format!("{workflow} {name}")));
    }
    jobs.sort();
    assert_eq!(jobs, ["ci lowest", "ci namespaces", "ci run", "nightly run", "release check", "release namespaces"]);
}

#[test]
fn a_planted_fault_in_a_workflow_is_found() {
    let text = read(".github/workflows/ci.yml");
    let (newer, lowest) = (declared(".ci/public-api", "compiler="), declared("Cargo.toml", "rust-version = "));
    for (from, to, expected) in [
        (newer.as_str(), lowest.as_str(), "run: expected"),
        (&lowest, &newer, "lowest: expected"),
        (EXEMPTION, "git status", "run: git refuses"),
    ] {
        assert!(text.contains(from), "{from}");
        let found = mistakes(&text.replace(from, to));
        assert!(found.iter().any(|mistake| mistake.contains(expected)), "{from}: {found:?}");
    }
}
