//! The text that is printed at the start: the addresses, and the settings for the application and
//! the provider.

use std::{
    io::{self, Write},
    net::SocketAddr,
    path::Path,
};

use tower_alb_auth::emulator::{ApplicationSettings, Emulator, Target, provider::DemoClient};

use crate::paragraphs::labelled;

/// Column in which the texts start, after their labels.
const COLUMN: usize = 13;

/// What the text needs to know in addition to the emulator itself.
pub(crate) struct StartInfo<'t> {
    pub(crate) targets: &'t [Target],
    /// In seconds.
    pub(crate) wait_for_target: u64,
    pub(crate) settings: &'t ApplicationSettings,
    /// Whether the emulator starts the application, which then has the settings in its environment.
    pub(crate) starts_application: bool,
    /// The user who is signed in without a login page.
    pub(crate) sign_in_as: Option<&'t str>,
    /// The folder of the certificate, if https is served.
    pub(crate) certificate_folder: Option<&'t Path>,
}

pub(crate) fn write(emulator: &Emulator, info: &StartInfo<'_>, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "alb-emulator {}: a load balancer for development only.\n", env!("CARGO_PKG_VERSION"))?;
    labelled(out, "Open", COLUMN, emulator.url())?;
    let wait = match info.wait_for_target {
        0 => String::new(),
        seconds => format!(" (a request waits up to {seconds} s for it to listen)"),
    };
    let target = |target: &Target| match target.group() {
        Some(group) => format!("{}={}", group.escape_default(), target.url()),
        None => target.url().to_owned(),
    };
    let targets = match info.targets {
        [] => "none".to_owned(),
        targets => targets.iter().map(target).collect::<Vec<_>>().join(", "),
    };
    labelled(out, "Application", COLUMN, &format!("{targets}{wait}"))?;
    labelled(out, "Users", COLUMN, &users(emulator, info.sign_in_as))?;
    if let Some(demo) = emulator.demo().filter(|demo| !demo.machine_ids().is_empty()) {
        let text = format!(
            "{}, with the secret {}: grant_type=client_credentials at {}/token",
            demo.machine_ids().join(", "),
            DemoClient::MACHINE_SECRET,
            demo.issuer()
        );
        labelled(out, "Machines", COLUMN, &text)?;
    }
    labelled(out, "Public keys", COLUMN, &format!("{}/{}", emulator.key_endpoint(), emulator.kid()))?;
    if let Some(metrics) = emulator.metrics_url() {
        labelled(out, "Metrics", COLUMN, &metrics)?;
    }
    if let Some(folder) = info.certificate_folder {
        let file = folder.join("certificate.pem");
        labelled(out, "Certificate", COLUMN, &format!("{} (your browser must trust it)", file.display()))?;
    }

    let verb =
        if info.starts_application { "The application is started with" } else { "Configure the application with" };
    writeln!(out, "\n{verb} (as app-config.yaml or Rust: --print-config)")?;
    for (name, value) in info.settings.variables() {
        writeln!(out, "  {name}={value}")?;
    }
    if emulator.demo().is_none() {
        writeln!(out, "\nRegister this redirect URI at the provider")?;
        writeln!(out, "  {}", emulator.redirect_uri())?;
    }
    if let Some(user) = info.sign_in_as {
        writeln!(out, "\nWithout a browser, as {user}")?;
        let insecure = if info.certificate_folder.is_some() { "-k " } else { "" };
        writeln!(out, "  curl -L {insecure}-c jar -b jar {}/", emulator.url())?;
    }
    writeln!(out, "\nRotate the signing key")?;
    writeln!(out, "  kill -USR1 {}", std::process::id())?;
    writeln!(out)?;
    out.flush()
}

fn users(emulator: &Emulator, sign_in_as: Option<&str>) -> String {
    match (emulator.demo(), sign_in_as) {
        (None, _) => format!("those of {}", emulator.issuer()),
        (Some(_), Some(user)) => format!("{user}, without a login page, at {}", emulator.issuer()),
        (Some(demo), None) => format!("{}, at {}", demo.user_ids().join(", "), emulator.issuer()),
    }
}

/// Warns if other machines can reach the emulator.
pub(crate) fn warn_of_others(address: SocketAddr, is_demo: bool, out: &mut dyn Write) -> io::Result<()> {
    if address.ip().is_loopback() {
        return Ok(());
    }
    writeln!(out, "WARNING: it listens on {address}, which other machines can reach.")?;
    let consequence = if is_demo {
        "Anyone who reaches it can sign in as any user, without a password, and use the application."
    } else {
        "It is made for development and is not hardened against attackers."
    };
    labelled(out, "", 0, consequence)?;
    labelled(out, "", 0, "To listen on this machine only, omit --listen or give it just a port.")
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
    fn listening_for_other_machines_is_warned_of() {
        for own in ["127.0.0.1:9000", "127.0.0.2:9000", "[::1]:9000"] {
            assert_eq!(warning(own, true), "");
        }
        for of_others in ["0.0.0.0:9000", "192.168.0.2:9000", "[::]:9000"] {
            let text = warning(of_others, true);
            assert!(text.starts_with(&format!("WARNING: it listens on {of_others}")), "{text}");
            assert!(text.contains("without a password"), "{text}");
            assert!(!warning(of_others, false).contains("without a password"));
        }
    }
}
