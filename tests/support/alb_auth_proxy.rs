//! The program `alb-auth-proxy`.

use std::{net::SocketAddr, ops::Deref, path::Path, process::Command};

use crate::support::process::Program;

/// A program that listens. It ends with the value.
pub struct Proxy(Program);

impl Proxy {
    /// With these settings, which are written into the folder, and with nothing of the tests' environment.
    pub fn start(folder: &Path, settings: &str) -> Self {
        std::fs::write(folder.join("proxy.yaml"), settings).expect("written");
        let mut command = Command::new(env!("CARGO_BIN_EXE_alb-auth-proxy"));
        command.env_clear().current_dir(folder).args(["--config", "proxy.yaml"]);
        Self(Program::start(command, "Ready"))
    }

    /// The address of the reverse proxy.
    pub fn address(&self) -> SocketAddr {
        self.0.address("Reverse proxy")
    }

    /// The address of health and metrics.
    pub fn admin(&self) -> SocketAddr {
        self.0.address("Health, metrics")
    }
}

impl Deref for Proxy {
    type Target = Program;

    fn deref(&self) -> &Program {
        &self.0
    }
}

/// The entry of `trust` for a load balancer with keys at this address.
pub fn trust(signer: &str, issuer: &str, client_id: &str, keys: &str) -> String {
    format!(
        "  - {{ signers: ['{signer}'], issuer: '{issuer}', client_ids: ['{client_id}'], key_endpoint: '{keys}' }}\n"
    )
}
