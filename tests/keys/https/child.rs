//! A test that needs a process of its own, for an environment or a limit that would disturb its neighbours: it starts this
//! test binary once more, for itself alone.

use std::{env, process::Command};

/// Tells the second process that it is the second.
const IN_CHILD: &str = "HTTPS_KEYS_CHILD";

/// Runs `body` in a process with this environment. `test` is the full name of the calling test.
pub(crate) fn run(test: &str, environment: &[(&str, &str)], body: impl FnOnce()) {
    let mut command = Command::new(env::current_exe().expect("a path"));
    command.envs(environment.iter().copied());
    run_in(command, test, body);
}

/// Runs `body` in a process that may open so many files.
#[cfg(unix)]
pub(crate) fn run_with_descriptors(limit: usize, test: &str, body: impl FnOnce()) {
    let mut command = Command::new("sh");
    command.args(["-c", &format!("ulimit -n {limit} && exec \"$0\" \"$@\"")]).arg(env::current_exe().expect("a path"));
    run_in(command, test, body);
}

fn run_in(mut command: Command, test: &str, body: impl FnOnce()) {
    if env::var(IN_CHILD).as_deref() == Ok(test) {
        return body();
    }
    let output = command.args([test, "--exact", "--nocapture", "--test-threads=1"]).env(IN_CHILD, test).output();
    let output = output.expect("the child runs");
    let said = String::from_utf8_lossy(&output.stdout);
    // A name that fits no test would pass with none run.
    assert!(
        output.status.success() && said.contains("1 passed"),
        "{test} in a process of its own:\n{said}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
}
