//! Runs the emulator, the application that it may have started, and the signal handling.

use std::{
    hash::{BuildHasher, Hasher, RandomState},
    io::{self, IsTerminal, Write},
    net::{Ipv4Addr, TcpListener},
    time::Duration,
};

use http::Uri;
use tower_alb_auth::emulator::{ApplicationSettings, Emulator, EmulatorSettings, Target};
use tracing_subscriber::EnvFilter;

use crate::{
    arguments::{Emulate, PrintFormat},
    child::{Child, STOP_TIMEOUT, StopSignal},
    exit_kind::ExitKind,
    settings::SECRET_VARIABLE,
    settings_file::message_of,
    signals::{SignalRequest, Signals},
    start_lines::{self, StartInfo},
    streams::Streams,
};

/// Log filter if `RUST_LOG` is not set.
const LOG: &str = "alb_emulator=info,tower_alb_auth=info,warn";
/// The domain of the built-in users' addresses. It is reserved (RFC 2606).
const EMAIL_DOMAIN: &str = "example.com";
/// If the application ends within this time after it got the signal, no notice is printed.
const NOTICE_DELAY: Duration = Duration::from_secs(1);

impl Emulate {
    pub(crate) fn run(self, streams: &mut Streams<'_>) -> Result<ExitKind, String> {
        let settings = self.settings()?;
        if let Some(format) = self.print_config {
            return self.print(&settings, format, streams.stdout);
        }
        if self.print_rules {
            let config = settings.to_config().map_err(|error| message_of(&error))?;
            let table = config.describe_rules().map_err(|error| message_of(&error))?;
            streams.stdout.write_all(table.as_bytes()).map_err(unwritten)?;
            return Ok(ExitKind::Success);
        }
        log_to_stderr();
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
        let runtime = runtime.map_err(|error| format!("the runtime cannot be started: {error}"))?;
        let ended = if self.provider_only {
            runtime.block_on(self.provide(settings, streams))
        } else {
            runtime.block_on(self.emulate(settings, streams))
        };
        // Tasks that wait for a provider or a target have no client any more.
        runtime.shutdown_timeout(Duration::from_secs(1));
        ended
    }

    /// Prints the settings that an application needs, and starts nothing.
    fn print(&self, settings: &EmulatorSettings, format: PrintFormat, out: &mut dyn Write) -> Result<ExitKind, String> {
        let config = settings.to_config().map_err(|error| message_of(&error))?;
        let application = ApplicationSettings::before_start(&config, &self.email_domains());
        let application = application.map_err(|error| message_of(&error))?;
        let text = match format {
            PrintFormat::Env => application.to_env_file(),
            PrintFormat::AppConfig => application.to_app_config(),
            PrintFormat::Rust => application.to_rust(),
        };
        out.write_all(text.as_bytes()).map_err(unwritten)?;
        Ok(ExitKind::Success)
    }

    fn email_domains(&self) -> Vec<String> {
        if self.email_domain.is_empty() { vec![EMAIL_DOMAIN.to_owned()] } else { self.email_domain.clone() }
    }

    async fn emulate(&self, mut settings: EmulatorSettings, streams: &mut Streams<'_>) -> Result<ExitKind, String> {
        let port = self.application_port(&mut settings)?;
        let mut signals = Signals::listen().map_err(|error| format!("signal handlers cannot be installed: {error}"))?;
        let config = settings.to_config().map_err(|error| message_of(&error))?;
        let emulator = Emulator::start(config).await.map_err(|error| message_of(&error))?;

        let application = ApplicationSettings::of(&emulator, &self.email_domains());
        let lines = StartInfo {
            targets: &settings.target,
            wait_for_target: settings.wait_for_target_seconds.unwrap_or(0),
            settings: &application,
            starts_application: !self.command.is_empty(),
            sign_in_as: settings.demo.as_ref().and_then(|demo| demo.sign_in_as.as_deref()),
            certificate_folder: settings.tls.as_deref(),
        };
        start_lines::write(&emulator, &lines, streams.stdout).map_err(unwritten)?;
        let is_demo = emulator.demo().is_some();
        start_lines::warn_of_others(emulator.address(), is_demo, streams.stderr).map_err(unwritten)?;

        let child = if self.command.is_empty() {
            None
        } else {
            Some(Child::start(&self.command, port, &self.environment(&application), &[SECRET_VARIABLE])?)
        };
        let ended = self.until_the_end(&emulator, child, &mut signals, streams.stderr).await;
        emulator.shutdown().await;
        ended
    }

    /// The port that the application listens on: that of the target, or a free one if no target is
    /// named.
    fn application_port(&self, settings: &mut EmulatorSettings) -> Result<u16, String> {
        match settings.target.iter().find(|target| target.group().is_none()) {
            // An invalid target is reported by the checks of the configuration.
            Some(target) => Ok(target.url().parse::<Uri>().ok().and_then(|target| target.port_u16()).unwrap_or(80)),
            None if self.command.is_empty() => Ok(80),
            None => {
                let port =
                    free_port().map_err(|error| format!("there is no free port for the application: {error}"))?;
                settings.target.push(Target::new(format!("http://localhost:{port}")));
                Ok(port)
            }
        }
    }

    /// The application's environment. If the caller's environment says which users sign in, the
    /// emulator does not override it.
    fn environment(&self, application: &ApplicationSettings) -> Vec<(&'static str, String)> {
        let is_set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let names_users = is_set("ALB_AUTH_EMAIL_DOMAINS") || is_set("ALB_AUTH_SIGN_IN");
        let mut variables = application.variables();
        if names_users && self.email_domain.is_empty() {
            variables.retain(|(name, _)| *name != "ALB_AUTH_EMAIL_DOMAINS");
        }
        variables
    }

    async fn until_the_end(
        &self,
        emulator: &Emulator,
        mut child: Option<Child>,
        signals: &mut Signals,
        notes: &mut dyn Write,
    ) -> Result<ExitKind, String> {
        loop {
            let ended = async {
                match &mut child {
                    Some(child) => child.ended().await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                request = signals.next() => match request {
                    SignalRequest::Rotate => match emulator.rotate() {
                        Ok(kid) => note(notes, &format!("new signing key: {kid}")),
                        Err(error) => note(notes, &format!("the signing key was not rotated: {}", message_of(&error))),
                    },
                    SignalRequest::Stop(signal) => {
                        if let Some(child) = &mut child {
                            stop(child, signal, signals, notes).await;
                        }
                        return Ok(ExitKind::Success);
                    }
                },
                code = ended => {
                    if let Some(mut child) = child.take() {
                        child.sweep().await;
                    }
                    if self.keep {
                        note(notes, &format!(
                            "the application ended with code {code}; the load balancer keeps running and responds 502 \
                             until something listens there again"
                        ));
                    } else {
                        note(notes, &format!("the application ended with code {code}; the load balancer exits with the same code"));
                        return Ok(ExitKind::Application(code));
                    }
                }
            }
        }
    }

    /// Runs the demo provider without a load balancer.
    async fn provide(&self, settings: EmulatorSettings, streams: &mut Streams<'_>) -> Result<ExitKind, String> {
        let mut signals = Signals::listen().map_err(|error| format!("signal handlers cannot be installed: {error}"))?;
        let provider = crate::provider_only::start(&settings, &self.redirect_uri).await?;
        crate::provider_only::write(&provider, &settings, &self.redirect_uri, streams.stdout).map_err(unwritten)?;
        loop {
            if let SignalRequest::Stop(_) = signals.next().await {
                return Ok(ExitKind::Success);
            }
        }
    }
}

/// Asks the application to end. A second signal kills it.
async fn stop(child: &mut Child, signal: StopSignal, signals: &mut Signals, notes: &mut dyn Write) {
    let hurried = async {
        tokio::time::sleep(NOTICE_DELAY).await;
        note(notes, "waiting for the application to end; press Ctrl-C to kill it");
        while !matches!(signals.next().await, SignalRequest::Stop(_)) {}
    };
    let in_time = tokio::select! {
        in_time = child.stop(signal, STOP_TIMEOUT) => in_time,
        () = hurried => {
            child.kill().await;
            false
        }
    };
    if !in_time {
        note(notes, "the application did not end in time and was killed");
    }
}

fn log_to_stderr() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(LOG));
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_target(false).with_writer(io::stderr);
    // A program that uses this library may have set up logging already.
    let _ = log.with_ansi(io::stderr().is_terminal()).try_init();
}

/// Prints a line next to the application's own output.
fn note(out: &mut dyn Write, text: &str) {
    let _ = writeln!(out, "alb-emulator: {text}");
}

fn unwritten(error: io::Error) -> String {
    format!("writing to standard output failed: {error}")
}

/// A free port for the application, below those that the system hands out (32,768 and above on Linux), so that no connection and no
/// other listener takes it before the application does.
fn free_port() -> io::Result<u16> {
    let bind = |port: u16| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).and_then(|listener| listener.local_addr());
    let random = || RandomState::new().build_hasher().finish() % 20_000;
    let ports = std::iter::repeat_with(|| u16::try_from(random()).unwrap_or_default().saturating_add(10_000));
    let found = ports.take(100).find_map(|port| bind(port).ok());
    found.map_or_else(|| bind(0), Ok).map(|address| address.port())
}
