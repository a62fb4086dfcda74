//! The local load balancer: `alb-emulator --help`.

use std::process::ExitCode;

fn main() -> ExitCode {
    tower_alb_auth::emulator::cli::main()
}
