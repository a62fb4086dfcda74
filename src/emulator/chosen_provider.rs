//! Sets up the provider that the configuration names; starts the demo provider if it is that one.

use super::{
    action::CALLBACK,
    config::{ClientSecret, EmulatorConfig, IdentityProviderKind},
    front,
    oidc::Source,
    provider::{DemoClient, DemoProvider, DemoProviderServer},
};
use crate::{ConfigError, config::ProblemKind};

/// What is known about the provider when the emulator starts.
pub(super) struct ChosenProvider {
    pub(super) demo: Option<DemoProviderServer>,
    /// The secret of the emulator's client at the provider.
    pub(super) secret: ClientSecret,
    /// Where its endpoints come from.
    pub(super) source: Source,
    pub(super) issuer: String,
}

/// The provider of this configuration. Starts the demo provider, with a client of machines if a rule
/// validates their tokens.
pub(super) async fn choose(
    config: &EmulatorConfig,
    url: &str,
    has_machines: bool,
) -> Result<ChosenProvider, ConfigError> {
    let given = config.client_secret.clone();
    let demo = match &config.provider.0 {
        IdentityProviderKind::Demo(demo) => demo,
        IdentityProviderKind::Discovery(issuer) => {
            let secret = given.unwrap_or_else(|| String::new().into());
            return Ok(ChosenProvider {
                demo: None,
                secret,
                source: Source::Issuer(issuer.clone()),
                issuer: issuer.clone(),
            });
        }
        IdentityProviderKind::Endpoints(endpoints) => {
            let secret = given.unwrap_or_else(|| String::new().into());
            let issuer = endpoints.issuer.clone();
            return Ok(ChosenProvider { demo: None, secret, source: Source::Endpoints(endpoints.clone()), issuer });
        }
    };
    let secret = match given {
        Some(secret) => secret,
        None => generated_secret()?,
    };
    let listener = front::bind("the demo provider", "demo.listen", demo.listen).await?;
    let port = listener.local_addr().map_or(0, |address| address.port());
    let client = DemoClient::new(&config.client_id, secret.expose()).redirect_uri(format!("{url}{CALLBACK}"));
    let client = config
        .post_logout_paths
        .iter()
        .fold(client, |client, path| client.post_logout_redirect_uri(format!("{url}{path}")));
    let mut builder = DemoProvider::builder()
        .issuer(format!("http://{}:{port}", demo.host))
        .client(client)
        .clock(config.clock.clone());
    if has_machines {
        builder = builder.client(DemoClient::machine(DemoClient::MACHINE_ID, DemoClient::MACHINE_SECRET));
    }
    if demo.provider_users {
        builder = builder.provider_users();
    }
    if let Some(file) = &demo.users_file {
        builder = builder.users_file(file);
    }
    if let Some(user) = &demo.sign_in_as {
        builder = builder.auto_sign_in(user);
    }
    if let Some(lifetime) = demo.access_token_lifetime {
        builder = builder.access_token_lifetime(lifetime);
    }
    let server = builder.serve(listener)?;
    let issuer = server.issuer().to_owned();
    Ok(ChosenProvider { demo: Some(server), secret, source: Source::Issuer(issuer.clone()), issuer })
}

fn generated_secret() -> Result<ClientSecret, ConfigError> {
    let mut bytes = [0; 32];
    aws_lc_rs::rand::fill(&mut bytes)
        .map_err(|_| ConfigError::of(ProblemKind::System, "the operating system provides no random bytes"))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>().into())
}
