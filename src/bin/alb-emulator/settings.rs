//! Merges command line, environment and settings file into one set of settings.

use std::{
    env,
    path::{Path, PathBuf},
};

use tower_alb_auth::emulator::{DemoSettings, EmulatorSettings};

use crate::{
    arguments::{Emulate, flag_of, flags_below},
    settings_file::read_settings,
};

/// Environment variable of the client secret, read if no file is named.
pub(crate) const SECRET_VARIABLE: &str = "ALB_EMULATOR_CLIENT_SECRET";
/// Seconds that a request waits for an application that the emulator started. Enough for a build.
const WAIT_FOR_COMMAND: u64 = 60;

impl Emulate {
    /// The settings of the file, overridden by those of the command line.
    ///
    /// # Errors
    /// The message says what is wrong and what to write instead.
    pub(crate) fn settings(&self) -> Result<EmulatorSettings, String> {
        self.check_arguments()?;
        let file = self.config.as_deref().map_or_else(|| Ok(EmulatorSettings::default()), read_settings)?;
        let flags = self.flags();
        let names_own = |settings: &EmulatorSettings| settings.issuer.is_some() || settings.endpoints.is_some();
        if flags.demo.is_some() && names_own(&file) {
            let flags = flags_below("demo").into_iter().chain(flag_of("provider_only")).collect::<Vec<_>>().join(", ");
            return Err(format!(
                "the file names a provider of your own, but these flags are for the demo provider: {flags}; leave out one of \
                 the two"
            ));
        }
        if names_own(&flags) && file.demo.is_some() {
            return Err(
                "the file has a section demo, but --issuer names a provider of your own: leave out one of the two"
                    .to_owned(),
            );
        }
        let folder = file.tls.clone();
        let mut settings = flags.or(file);
        // The flag without a value: the folder of the file, or the default.
        if settings.tls.as_deref() == Some(Path::new("")) {
            settings.tls = Some(folder.map_or_else(data_folder, Ok)?);
        }
        if !self.command.is_empty() && settings.wait_for_target_seconds.is_none() {
            settings.wait_for_target_seconds = Some(WAIT_FOR_COMMAND);
        }
        let target_is_needed = !self.provider_only && self.print_config.is_none() && !self.print_rules;
        if target_is_needed && self.command.is_empty() && settings.target.is_empty() && settings.rules_files.is_empty()
        {
            return Err(
                "no application is given. Name a running one: --target http://localhost:3000; or start it from here: \
                        alb-emulator --demo -- cargo run"
                    .to_owned(),
            );
        }
        Ok(settings)
    }

    fn check_arguments(&self) -> Result<(), String> {
        if self.secret_as_argument.is_some() {
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
        Ok(())
    }

    /// The settings of the command line and of the environment.
    fn flags(&self) -> EmulatorSettings {
        let mut flags = self.settings.clone();
        if self.is_demo || self.provider_only {
            flags.demo.get_or_insert_with(DemoSettings::default);
        }
        if let Some(endpoints) = &mut flags.endpoints {
            endpoints.issuer = flags.issuer.take().unwrap_or_default();
        }
        // The URL of the discovery document names the issuer too.
        flags.issuer = flags.issuer.map(|url| {
            url.strip_suffix("/.well-known/openid-configuration").map_or_else(|| url.clone(), str::to_owned)
        });
        if flags.client_secret_file.is_none() {
            let secret = env::var(SECRET_VARIABLE).ok().filter(|secret| !secret.trim().is_empty());
            flags.client_secret = secret.map(|secret| secret.trim().into());
        }
        flags
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
