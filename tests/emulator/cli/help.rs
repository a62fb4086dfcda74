//! What `--help` teaches.

use crate::cli::program::{program, run};

fn help(arguments: &[&str]) -> String {
    let ended = run(program(arguments), "");
    assert_eq!((ended.code, ended.stderr.as_str()), (0, ""), "{ended:?}");
    // Editors take blanks at line ends away.
    ended.stdout.lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
}

#[test]
fn the_program_says_what_it_is_and_how_it_is_used() {
    insta::assert_snapshot!("help", help(&["--help"]));
}

#[test]
fn so_does_inspect() {
    insta::assert_snapshot!("help_inspect", help(&["inspect", "--help"]));
}

#[test]
fn lines_fit_a_terminal() {
    for arguments in [&["--help"][..], &["inspect", "--help"]] {
        let help = help(arguments);
        let long: Vec<&str> = help.lines().filter(|line| line.chars().count() > 110).collect();
        assert_eq!(long, Vec::<&str>::new());
    }
}

#[test]
fn it_says_its_version() {
    assert_eq!(help(&["--version"]), concat!("alb-emulator ", env!("CARGO_PKG_VERSION")));
}
