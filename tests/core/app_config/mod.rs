//! Settings from Backstage's app-config files.

mod blank_keys;
mod bounds;
mod files;
mod hostile;
mod lists;
mod messages;
mod provider;
mod refusals;
mod resolvers;
mod stock;
mod verified_address;

use tower_alb_auth::config::AppConfig;

const SIGNER: &str = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:loadbalancer/app/edge/50dc6c495c0c9188";

/// A provider with all that is required.
const COMPLETE: &str = "
auth:
  providers:
    awsalb:
      issuer: https://idp.example.com
      signer: arn:aws:elasticloadbalancing:eu-central-1:123456789012:loadbalancer/app/edge/50dc6c495c0c9188
      clientIds: [backstage]
      signIn:
        resolvers:
          - resolver: emailLocalPartMatchingUserEntityName
            allowedDomains: [example.com]
            dangerouslyAllowSignInWithoutUserInCatalog: true
";

/// The environment of these tests.
fn environment(name: &str) -> Option<String> {
    let value = match name {
        "TENANT" => "0b6c2f3e",
        "EMPTY" => "",
        "SECRET" => "canary-secret",
        "CLIENT_ID" => "from-the-environment",
        _ => return None,
    };
    Some(value.to_owned())
}

fn read(text: &str) -> Result<AppConfig, tower_alb_auth::ConfigError> {
    AppConfig::from_text("app-config.yaml", text, environment)
}

/// What is trusted, in one line, or what is wrong.
fn outcome(text: &str) -> String {
    let built = read(text).and_then(|config| config.alb_auth()).and_then(|builder| builder.build());
    built.map_or_else(|error| error.to_string(), |config| config.summary())
}
