//! Merges command line, environment and settings file into one set of settings.

use std::{env, path::PathBuf};

use super::{arguments::Emulate, settings_file::read_settings};
use crate::emulator::{DemoSettings, EmulatorSettings, Endpoints};

/// Environment variable of the client secret, read if no file is named.
pub(super) const SECRET_VARIABLE: &str = "ALB_EMULATOR_CLIENT_SECRET";
/// Seconds that a request waits for an application that the emulator started. Enough for a build.
const WAIT_FOR_COMMAND: u64 = 60;

impl Emulate {
    /// The settings of the file, overridden by those of the command line.
    ///
    /// # Errors
    /// The message says what is wrong and what to write instead.
    pub(super) fn settings(&self) -> Result<EmulatorSettings, String> {
        if self.client_secret.is_some() {
            return Err(format!(
                "a secret as an argument is visible to every process of this machine and stays in the shell's history. Put it \
                 into a file for --client-secret-file, or into the variable {SECRET_VARIABLE}"
            ));
        }
        if !self.redirect_uri.is_empty() && !self.provider_only {
            return Err(
                "--redirect-uri is for --provider-only: the demo provider already knows the load balancer's own"
                    .to_owned(),
            );
        }
        let mut settings = self.config.as_deref().map_or_else(|| Ok(EmulatorSettings::default()), read_settings)?;
        self.application(&mut settings)?;
        self.users(&mut settings)?;
        self.provider(&mut settings)?;
        self.load_balancer(&mut settings)?;
        Ok(settings)
    }

    fn application(&self, settings: &mut EmulatorSettings) -> Result<(), String> {
        over(&mut settings.target, self.target.clone());
        over(&mut settings.wait_for_target_seconds, self.wait.map(|wait| wait.as_secs()));
        if !self.command.is_empty() && settings.wait_for_target_seconds.is_none() {
            settings.wait_for_target_seconds = Some(WAIT_FOR_COMMAND);
        }
        let target_is_needed = !self.provider_only && self.print_config.is_none();
        if target_is_needed && self.command.is_empty() && settings.target.is_none() {
            return Err(
                "no application is given. Name a running one: --target http://localhost:3000; or start it from here: \
                        alb-emulator --demo -- cargo run"
                    .to_owned(),
            );
        }
        Ok(())
    }

    fn users(&self, settings: &mut EmulatorSettings) -> Result<(), String> {
        let wants_demo = self.demo
            || self.provider_only
            || self.sign_in_as.is_some()
            || self.users.is_some()
            || self.provider_listen.is_some();
        let has_own = settings.issuer.is_some() || settings.endpoints.is_some();
        if wants_demo && has_own {
            return Err("the file names a provider of your own, but --demo, --as, --users, --provider-listen and \
                        --provider-only are for the demo provider: leave out one of the two"
                .to_owned());
        }
        if wants_demo {
            let demo = settings.demo.get_or_insert_with(DemoSettings::default);
            over(&mut demo.listen, self.provider_listen);
            over(&mut demo.users, self.users.clone());
            over(&mut demo.sign_in_as, self.sign_in_as.clone());
        }
        Ok(())
    }

    fn provider(&self, settings: &mut EmulatorSettings) -> Result<(), String> {
        if let Some(issuer) = &self.issuer {
            if settings.demo.is_some() {
                return Err(
                    "the file has a section demo, but --issuer names a provider of your own: leave out one of the two"
                        .to_owned(),
                );
            }
            (settings.issuer, settings.endpoints) = (None, None);
            match self.endpoints(issuer) {
                Some(endpoints) => settings.endpoints = Some(endpoints),
                None => settings.issuer = Some(issuer_of(issuer)),
            }
        }
        over(&mut settings.client_id, self.client_id.clone());
        over(&mut settings.client_authentication, self.client_authentication);
        over(&mut settings.scope, self.scope.clone());
        settings.authorize_parameters.extend(self.param.iter().cloned());
        self.secret(settings);
        Ok(())
    }

    /// All endpoints or none; clap enforces that.
    fn endpoints(&self, issuer: &str) -> Option<Endpoints> {
        Some(Endpoints {
            issuer: issuer.to_owned(),
            authorization: self.authorization_endpoint.clone()?,
            token: self.token_endpoint.clone()?,
            userinfo: self.userinfo_endpoint.clone()?,
            jwks: self.jwks.clone()?,
        })
    }

    fn secret(&self, settings: &mut EmulatorSettings) {
        if let Some(file) = &self.client_secret_file {
            (settings.client_secret, settings.client_secret_file) = (None, Some(file.clone()));
        } else if let Some(secret) = env::var(SECRET_VARIABLE).ok().filter(|secret| !secret.trim().is_empty()) {
            (settings.client_secret, settings.client_secret_file) = (Some(secret.trim().into()), None);
        }
    }

    fn load_balancer(&self, settings: &mut EmulatorSettings) -> Result<(), String> {
        over(&mut settings.on_unauthenticated, self.on_unauthenticated);
        // The first rule that matches applies, so rules of the command line come first.
        let rules = std::mem::take(&mut settings.rules);
        settings.rules = self.rule.iter().cloned().chain(rules).collect();
        over(&mut settings.session_timeout_seconds, self.session_timeout.map(|timeout| timeout.as_secs()));
        over(&mut settings.cookie_name, self.cookie_name.clone());
        over(&mut settings.rotate_every_seconds, self.rotate_every.map(|every| every.as_secs()));
        over(&mut settings.listen, self.listen);
        over(&mut settings.keys_listen, self.keys_listen);
        over(&mut settings.public_host, self.public_host.clone());
        match &self.tls {
            Some(Some(folder)) => settings.tls = Some(folder.clone()),
            Some(None) if settings.tls.is_none() => settings.tls = Some(data_folder()?),
            Some(None) | None => {}
        }
        Ok(())
    }
}

/// The folder of the certificate if none is named: the user's data directory.
fn data_folder() -> Result<PathBuf, String> {
    let set = |name: &str| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let data = set("XDG_DATA_HOME").or_else(|| set("HOME").map(|home| home.join(".local").join("share")));
    let data =
        data.ok_or("HOME is not set, so there is no place for the certificate: name a folder by --tls=FOLDER")?;
    Ok(data.join("alb-emulator"))
}

/// The issuer, also if the URL is that of its discovery document.
fn issuer_of(url: &str) -> String {
    url.strip_suffix("/.well-known/openid-configuration").unwrap_or(url).to_owned()
}

fn over<T>(setting: &mut Option<T>, argument: Option<T>) {
    if argument.is_some() {
        *setting = argument;
    }
}
