//! The program `alb-emulator`: its command line and its output.
//!
//! Everything that is printed goes through `Streams`; the rest of the library never writes to
//! standard output or error.

mod arguments;
mod emulate;
mod exit_kind;
mod inspect;
mod provider_only;
mod settings;
mod settings_file;
mod signals;
mod start_lines;
mod streams;
mod values;

use std::{ffi::OsString, io, process::ExitCode};

use clap::Parser as _;

use self::{
    arguments::{Arguments, Command},
    streams::Streams,
};

/// Exit code for an invalid command line or configuration; the same as clap's.
const USAGE: u8 = 2;

/// Runs the program with the process's arguments and streams.
pub fn main() -> ExitCode {
    // Not locked, because other threads write the log to standard error.
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
    let ended = match arguments.command {
        Some(Command::Inspect(inspect)) => inspect.run(streams),
        None => arguments.emulate.run(streams),
    };
    match ended {
        Ok(kind) => kind.code(),
        Err(problem) => {
            // If standard error is closed, there is no other place to report it.
            let _ = writeln!(streams.stderr, "alb-emulator: {problem}");
            USAGE
        }
    }
}
