//! The subcommand `check`: what becomes of each key, flag and variable.

use tower_alb_auth::auth_proxy::Check;

use crate::cli::Invocation;

/// Prints it. Returns whether the proxy starts with these settings.
pub fn run(invocation: &Invocation) -> Result<bool, String> {
    let check = Check::of(invocation.file.as_deref(), &invocation.overrides, &invocation.variables);
    print!("{check}");
    match check.is_sound() {
        true => println!("\nThe settings are valid."),
        false => println!("\nThe proxy does not start with these settings."),
    }
    Ok(check.is_sound())
}
