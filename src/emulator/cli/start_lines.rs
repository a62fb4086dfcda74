//! What is printed at the start: where to go, and what to tell whom.

use std::{
    io::{self, Write},
    net::SocketAddr,
    path::Path,
};

use crate::emulator::{Emulator, paragraphs::labelled, print_config::ApplicationSettings};

/// Where texts begin, behind their labels.
const COLUMN: usize = 13;

/// What is told besides the emulator itself.
pub(super) struct StartInfo<'t> {
    pub(super) target: &'t str,
    /// Seconds.
    pub(super) wait_for_target: u64,
    pub(super) settings: &'t ApplicationSettings,
    /// Whether the application is started from here, and so knows its settings.
    pub(super) starts_application: bool,
    /// Who is signed in without a page.
    pub(super) sign_in_as: Option<&'t str>,
    /// Where the certificate is kept, if https is served.
    pub(super) certificate_folder: Option<&'t Path>,
}

pub(super) fn write(emulator: &Emulator, info: &StartInfo<'_>, out: &mut dyn Write) -> io::Result<()> {
    writeln!(
        out,
        "alb-emulator {}: a load balancer for development, and for nothing else.\n",
        env!("CARGO_PKG_VERSION")
    )?;
    labelled(out, "Open", COLUMN, emulator.url())?;
    let wait = match info.wait_for_target {
        0 => String::new(),
        seconds => format!(" (while it does not listen, a request waits for up to {seconds} s)"),
    };
    labelled(out, "Application", COLUMN, &format!("{}{wait}", info.target))?;
    labelled(out, "Users", COLUMN, &users(emulator, info.sign_in_as))?;
    labelled(out, "Public keys", COLUMN, &format!("{}/{}", emulator.key_endpoint(), emulator.kid()))?;
    if let Some(folder) = info.certificate_folder {
        let file = folder.join("certificate.pem");
        labelled(out, "Certificate", COLUMN, &format!("{} (to be trusted by your browser)", file.display()))?;
    }

    let verb = if info.starts_application { "The application is told" } else { "To be told to the application" };
    writeln!(out, "\n{verb} (as app-config.yaml or Rust: --print-config)")?;
    for (name, value) in info.settings.variables() {
        writeln!(out, "  {name}={value}")?;
    }
    if emulator.demo().is_none() {
        writeln!(out, "\nTo be registered at the provider as redirect URI")?;
        writeln!(out, "  {}", emulator.redirect_uri())?;
    }
    if let Some(user) = info.sign_in_as {
        writeln!(out, "\nWithout a browser, as {user}")?;
        let insecure = if info.certificate_folder.is_some() { "-k " } else { "" };
        writeln!(out, "  curl -L {insecure}-c jar -b jar {}/", emulator.url())?;
    }
    writeln!(out, "\nA new signing key")?;
    writeln!(out, "  kill -USR1 {}", std::process::id())?;
    writeln!(out)?;
    out.flush()
}

fn users(emulator: &Emulator, sign_in_as: Option<&str>) -> String {
    match (emulator.demo(), sign_in_as) {
        (None, _) => format!("of {}", emulator.issuer()),
        (Some(_), Some(user)) => format!("{user}, without a login page, at {}", emulator.issuer()),
        (Some(demo), None) => format!("{}, at {}", demo.user_ids().join(", "), emulator.issuer()),
    }
}

/// Says that others can reach it, so that nobody overlooks it.
pub(super) fn warn_of_others(address: SocketAddr, is_demo: bool, out: &mut dyn Write) -> io::Result<()> {
    if address.ip().is_loopback() {
        return Ok(());
    }
    writeln!(out, "WARNING: it listens at {address}, where others can reach it.")?;
    let consequence = if is_demo {
        "Whoever does signs in as whom they like, without a password, and gets to the application."
    } else {
        "It is made for development, and was not made to stand against strangers."
    };
    labelled(out, "", 0, consequence)?;
    labelled(out, "", 0, "Leave --listen out, or give it a port alone, to stay on this machine.")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn warning(address: &str, is_demo: bool) -> String {
        let mut out = Vec::new();
        warn_of_others(address.parse().unwrap(), is_demo, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn whoever_lets_others_in_is_warned() {
        for own in ["127.0.0.1:9000", "127.0.0.2:9000", "[::1]:9000"] {
            assert_eq!(warning(own, true), "");
        }
        for of_others in ["0.0.0.0:9000", "192.168.0.2:9000", "[::]:9000"] {
            let said = warning(of_others, true);
            assert!(said.starts_with(&format!("WARNING: it listens at {of_others}")), "{said}");
            assert!(said.contains("without a password"), "{said}");
            assert!(!warning(of_others, false).contains("without a password"));
        }
    }
}
