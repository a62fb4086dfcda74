//! The application that is started with the emulator: it gets its settings, is waited for, and is ended.

use crate::{
    cli::{
        application,
        program::{program, run},
        running::{FREE_PORTS, Running, is_alive},
    },
    support::process::wait_until,
};

/// A shell that does this, with the application in `"$@"`.
fn shell(script: &str) -> Vec<String> {
    [["sh", "-c", script, "sh"].map(str::to_owned).to_vec(), application::command()].concat()
}

#[tokio::test]
async fn its_environment_names_the_trusted_signer_and_the_port() {
    let running = Running::with_application(&["--as", "jane"], &application::command());
    assert!(running.start_lines.contains("The application is started with"), "{}", running.start_lines);
    assert!(running.named("Application").starts_with("http://localhost:"), "{}", running.start_lines);

    let browser = running.browser();
    assert_eq!(running.get(&browser, "/").await, (200, "user:default/jane.doe".to_owned()));
    let all = "ALB_AUTH_CLIENT_IDS ALB_AUTH_EMAIL_DOMAINS ALB_AUTH_ISSUER ALB_AUTH_KEY_ENDPOINT ALB_AUTH_SIGNERS";
    assert_eq!(running.get(&browser, "/variables").await, (200, all.to_owned()));
}

#[tokio::test]
async fn its_environment_lacks_the_client_secret_and_keeps_its_own_policy() {
    let mut program = program(&FREE_PORTS);
    program.args(["--as", "carlos", "--"]).args(application::command()).env(application::TOLD, "1");
    program.env("ALB_EMULATOR_CLIENT_SECRET", "canary").env("ALB_AUTH_SIGN_IN", "subject");
    // Settings for another load balancer in its environment have no effect here.
    program.env("ALB_AUTH_SIGNERS", "arn:of:production");
    let running = Running::start(program);

    let browser = running.browser();
    let (status, user) = running.get(&browser, "/").await;
    assert_eq!((status, user.as_str()), (200, "user:default/7c1e0b9a-52d4-4f0e-9a63-2f8d1b7e4c05"));
    let told = "ALB_AUTH_CLIENT_IDS ALB_AUTH_ISSUER ALB_AUTH_KEY_ENDPOINT ALB_AUTH_SIGNERS ALB_AUTH_SIGN_IN";
    assert_eq!(running.get(&browser, "/variables").await, (200, told.to_owned()));
    assert!(!running.start_lines.contains("canary") && !running.log().contains("canary"));
}

#[tokio::test]
async fn the_port_stands_in_for_its_place_in_an_argument() {
    let script = "PORT=${1#port=}; export PORT; shift; exec \"$@\"";
    let mut command = shell(script);
    command.insert(4, "port={port}".to_owned());
    let running = Running::with_application(&["--as", "jane"], &command);
    assert_eq!(running.get(&running.browser(), "/").await.0, 200);
}

#[tokio::test]
async fn a_restart_is_waited_for() {
    // As `cargo watch` does: the application ends, and is started again.
    let running = Running::with_application(&["--as", "jane"], &shell("while :; do \"$@\"; done"));
    let browser = running.browser();
    let (_, first) = running.get(&browser, "/process").await;
    for _ in 0..3 {
        // It ends without an answer.
        let (status, _) = running.get(&browser, "/exit").await;
        assert_eq!(status, 502);
        assert_eq!(running.get(&browser, "/").await, (200, "user:default/jane.doe".to_owned()));
    }
    let (_, last) = running.get(&browser, "/process").await;
    assert_ne!(first, last);
}

#[test]
fn the_emulator_ends_with_it_and_with_its_code() {
    for (script, code, says) in [
        ("exit 0", 0, "the application ended with code 0"),
        ("exit 7", 7, "the application ended with code 7"),
        ("kill -TERM $$", 143, "the application ended with code 143"),
    ] {
        let mut program = program(&FREE_PORTS);
        program.args(["--", "sh", "-c", script]).env("PATH", std::env::var_os("PATH").unwrap());
        let ended = run(program, "");
        assert_eq!(ended.code, code, "{script}: {ended:?}");
        assert!(ended.stderr.contains(says), "{script}: {says:?} is not in: {}", ended.stderr);
    }
}

#[tokio::test]
async fn with_keep_the_emulator_stays_and_answers_502() {
    let command = ["sh", "-c", "exit 7"].map(str::to_owned);
    let mut running = Running::with_application(&["--as", "jane", "--keep", "--wait", "0"], &command);
    running.wait_until_it_logs("the application ended with code 7; the load balancer keeps running");
    assert_eq!(running.get(&running.browser(), "/").await.0, 502);
    running.signal("INT");
    assert_eq!(running.ended(), 0);
}

#[tokio::test]
async fn no_process_is_left_behind_whichever_way_it_ends() {
    for (name, script, signal, code) in [
        ("Ctrl-C", "exec \"$@\"", Some("INT"), 0),
        ("Ctrl-C under a shell", "\"$@\"; exit 0", Some("INT"), 0),
        ("asked to terminate", "\"$@\"", Some("TERM"), 0),
        ("the terminal is gone", "\"$@\"", Some("HUP"), 0),
        ("it ends and leaves one behind", "\"$@\" & read line <\"$0.fifo\"; exit 3", None, 3),
    ] {
        let mut command = shell(script);
        let folder = tempfile::tempdir().unwrap();
        // The shell's name of itself, beside which it may have a pipe to wait at.
        let name_of_shell = folder.path().join("shell");
        let fifo = folder.path().join("shell.fifo");
        assert!(std::process::Command::new("mkfifo").arg(&fifo).status().unwrap().success());
        command[3] = name_of_shell.to_str().unwrap().to_owned();

        let mut running = Running::with_application(&["--as", "jane"], &command);
        let (status, process) = running.get(&running.browser(), "/process").await;
        assert_eq!(status, 200, "{name}: {process}");
        assert!(is_alive(&process), "{name}");
        match signal {
            Some(signal) => running.signal(signal),
            None => std::fs::write(&fifo, "\n").unwrap(),
        }
        assert_eq!(running.ended(), code, "{name}: {}", running.log());
        assert!(wait_until(|| (!is_alive(&process)).then_some(())).is_some(), "{name}: {process} is left behind");
    }
}

#[tokio::test]
async fn one_that_does_not_end_is_killed_at_the_second_ctrl_c() {
    let mut running = Running::with_application(&["--as", "jane"], &shell("trap '' INT; \"$@\" & wait; wait"));
    let (_, process) = running.get(&running.browser(), "/process").await;
    running.signal("INT");
    // The first is heard before the second comes.
    running.wait_until_it_logs("waiting for the application to end");
    running.signal("INT");
    assert_eq!(running.ended(), 0);
    assert!(running.log().contains("was killed"), "{}", running.log());
    assert!(wait_until(|| (!is_alive(&process)).then_some(())).is_some(), "{process} is left behind");
}

#[test]
fn a_program_that_is_not_there_is_named() {
    let mut program = program(&FREE_PORTS);
    program.args(["--", "no-such-program"]);
    let ended = run(program, "");
    assert_eq!(ended.code, 2, "{ended:?}");
    assert!(ended.stderr.contains("no-such-program cannot be started"), "{ended:?}");
}
