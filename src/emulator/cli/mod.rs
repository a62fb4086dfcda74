//! The program `alb-emulator`: its arguments, and what it prints.
//!
//! Everything that is printed goes through `Streams`, so that the rest of the library writes nowhere by itself.

mod arguments;
mod emulate;
mod inspect;
mod provider_only;
mod settings;
mod signals;
mod start_lines;
mod values;

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
    // Not locked: the log is written to standard error by other threads.
    let mut streams = Streams { stdin: &mut io::stdin(), stdout: &mut io::stdout(), stderr: &mut io::stderr() };
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
        None => arguments.emulate.run(streams),
    };
    match ended {
        Ok(ended) => ended.code(),
        Err(problem) => {
            // Where standard error is gone there is nobody to tell.
            let _ = writeln!(streams.stderr, "alb-emulator: {problem}");
            USAGE
        }
    }
}

impl Ended {
    /// The exit code, as the help of `inspect` has them.
    fn code(self) -> u8 {
        match self {
            Self::Well => 0,
            Self::Refused => 1,
            Self::Undecided => 3,
            Self::With(code) => code,
        }
    }
}
