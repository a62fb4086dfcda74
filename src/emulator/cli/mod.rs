//! The program `alb-emulator`: its arguments, and what it prints.
//!
//! Everything that is printed goes through [`Streams`], so that the rest of the library writes nowhere by itself.

mod arguments;
mod inspect;

use std::{
    ffi::OsString,
    io::{self, Read, Write},
    process::ExitCode,
};

use clap::Parser as _;

use self::arguments::{Arguments, Task};

/// Exit code for a command or a configuration that is wrong, as clap has it.
const USAGE: u8 = 2;

/// Where the program reads from and writes to.
struct Streams<'s> {
    stdin: &'s mut dyn Read,
    stdout: &'s mut dyn Write,
    stderr: &'s mut dyn Write,
}

/// How it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ended {
    Well,
    Refused,
    Undecided,
    /// With the code of the application that it started.
    With(u8),
}

/// Runs the program with the process's arguments and streams.
pub fn main() -> ExitCode {
    let (stdin, stdout, stderr) = (io::stdin(), io::stdout(), io::stderr());
    let mut streams = Streams { stdin: &mut stdin.lock(), stdout: &mut stdout.lock(), stderr: &mut stderr.lock() };
    ExitCode::from(run(std::env::args_os(), &mut streams))
}

fn run(arguments: impl IntoIterator<Item = OsString>, streams: &mut Streams<'_>) -> u8 {
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(error) => {
            let text = error.render();
            let written =
                if error.use_stderr() { write!(streams.stderr, "{text}") } else { write!(streams.stdout, "{text}") };
            return if written.is_ok() && !error.use_stderr() { 0 } else { USAGE };
        }
    };
    let ended = match arguments.task {
        Some(Task::Inspect(inspect)) => inspect.run(streams),
        None => Err("nothing to do".to_owned()),
    };
    match ended {
        Ok(ended) => ended.code(),
        Err(problem) => {
            inspect::complain(&problem, streams.stderr);
            USAGE
        }
    }
}
