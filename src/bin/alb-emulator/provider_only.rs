//! `alb-emulator --provider-only`: the demo provider without a load balancer, for other tests that
//! sign users in.

use std::io::{self, Write};

use tower_alb_auth::emulator::{
    EmulatorSettings,
    provider::{DemoClient, DemoProvider, DemoProviderServer},
};

use crate::{arguments::flag_of, paragraphs::labelled, settings_file::message_of};

/// Column in which the texts start, after their labels.
const COLUMN: usize = 13;
const CLIENT_ID: &str = "alb-emulator";
/// The client secret if none is given. It protects nothing, because it is published.
const CLIENT_SECRET: &str = DemoClient::MACHINE_SECRET;
const ADDRESS: ([u8; 4], u16) = ([127, 0, 0, 1], 9001);

pub(crate) async fn start(settings: &EmulatorSettings, redirect_uris: &[String]) -> Result<DemoProviderServer, String> {
    if redirect_uris.is_empty() {
        return Err("the provider redirects users to registered addresses only: add --redirect-uri URL, such as \
                    --redirect-uri http://app.localhost:3000/callback"
            .to_owned());
    }
    let demo = settings.demo.clone().unwrap_or_default();
    let client = DemoClient::new(client_id(settings), secret(settings)?);
    let client =
        redirect_uris.iter().fold(client, |client, uri| client.redirect_uri(uri).post_logout_redirect_uri(uri));
    if client_id(settings) == DemoClient::MACHINE_ID {
        let flag = flag_of("client_id").map(|flag| format!(" ({flag})")).unwrap_or_default();
        return Err(format!(
            "client_id{flag}: {} is the client of machines at the demo provider: use another id for the application",
            DemoClient::MACHINE_ID
        ));
    }
    let machine = DemoClient::machine(DemoClient::MACHINE_ID, DemoClient::MACHINE_SECRET);
    let mut builder = DemoProvider::builder().client(client).client(machine);
    if demo.provider_users == Some(true) {
        builder = builder.provider_users();
    }
    if let Some(users) = demo.users {
        builder = builder.users_file(users);
    }
    if let Some(user) = demo.sign_in_as {
        builder = builder.auto_sign_in(user);
    }
    if let Some(seconds) = demo.access_token_seconds {
        builder = builder.access_token_lifetime(std::time::Duration::from_secs(seconds));
    }
    let address = demo.listen.unwrap_or(ADDRESS.into());
    let listener = tower_alb_auth::listen(address).await.map_err(|error| {
        let flag = flag_of("demo.listen").map(|flag| format!(" ({flag})")).unwrap_or_default();
        format!("the demo provider cannot listen at {address}: {error}; name another port, or 0 for a free one{flag}")
    })?;
    builder.serve(listener).map_err(|error| message_of(&error))
}

pub(crate) fn write(
    provider: &DemoProviderServer,
    settings: &EmulatorSettings,
    redirect_uris: &[String],
    out: &mut dyn Write,
) -> io::Result<()> {
    writeln!(out, "alb-emulator {}: an OpenID Connect provider for development only.\n", env!("CARGO_PKG_VERSION"))?;
    let issuer = provider.issuer();
    labelled(out, "Issuer", COLUMN, issuer)?;
    labelled(out, "Discovery", COLUMN, &format!("{issuer}/.well-known/openid-configuration"))?;
    labelled(out, "Client id", COLUMN, client_id(settings))?;
    let given = settings.client_secret.is_some() || settings.client_secret_file.is_some();
    labelled(out, "Secret", COLUMN, if given { "as given" } else { CLIENT_SECRET })?;
    let machine = format!("{}, with the secret {}", DemoClient::MACHINE_ID, DemoClient::MACHINE_SECRET);
    labelled(out, "Machines", COLUMN, &machine)?;
    labelled(out, "Redirects to", COLUMN, &redirect_uris.join(", "))?;
    labelled(out, "Users", COLUMN, &provider.user_ids().join(", "))?;
    writeln!(out)?;
    out.flush()
}

fn client_id(settings: &EmulatorSettings) -> &str {
    settings.client_id.as_deref().unwrap_or(CLIENT_ID)
}

fn secret(settings: &EmulatorSettings) -> Result<String, String> {
    let given = settings.read_client_secret().map_err(|error| message_of(&error))?;
    Ok(given.map_or_else(|| CLIENT_SECRET.to_owned(), |secret| secret.expose().to_owned()))
}
