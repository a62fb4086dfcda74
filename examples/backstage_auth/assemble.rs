//! Puts the service together from what the files and the arguments say.

use axum::Router;
use tower_alb_auth::{
    AlbAuthLayer, ConfigError,
    backstage::{
        BackstageAuth, BackstageAuthBuilder, Guest, KeyMaintenance, TokenIssuer, Upstream,
        settings::{BackstageSettings, GuestSettings},
    },
    config::AppConfig,
};

use crate::{
    app::{self, Parts},
    arguments::Serve,
    front_end,
    health::Health,
    policy::Policy,
    settings,
    shared::Shared,
    start_lines::StartLines,
};

/// The service, ready to listen.
pub struct Assembled {
    pub service: Router,
    pub settings: BackstageSettings,
    pub layer: AlbAuthLayer,
    pub policy: Policy,
    pub health: Health,
    pub shared: Shared,
    pub lines: StartLines,
    /// Publishes keys in time, until it is dropped.
    pub tending: KeyMaintenance,
}

pub fn assemble(files: &AppConfig, arguments: &Serve) -> Result<Assembled, ConfigError> {
    let settings = settings::read(files)?;
    let mut lines = StartLines::default();
    let url = &settings.auth_url;
    lines.add("Session", format!("{url}/awsalb/refresh, where browsers ask through the load balancer"));
    lines.add("Public keys", "/api/auth/.well-known/jwks.json, where back ends ask past the load balancer");

    let shared = Shared::new(&settings, arguments, &mut lines)?;
    let tokens = shared.issuer(&settings, TokenIssuer::builder(url))?.build()?;
    let policy = Policy::new(&settings, &tokens, arguments, &mut lines)?;
    let config = policy.of(files)?;
    lines.add("Trusts", config.summary());
    let layer = AlbAuthLayer::new(config);

    let auth = BackstageAuth::builder(layer.handle(), tokens.clone())
        .sign_out(settings.sign_out.clone())
        .app_base_url(&settings.app_url);
    let auth = settings.allowed_origins.iter().fold(auth, BackstageAuthBuilder::allow_origin);
    let auth = if settings.allow_insecure_origins { auth.dangerously_allow_insecure_origins() } else { auth };
    let auth = if settings.expose_access_token { auth.expose_access_token() } else { auth };
    let auth = match settings.guest.as_ref().filter(|guest| may_come_in(guest)) {
        Some(guest) => auth
            .dangerously_allow_guest(Guest::new().user(guest.user.clone()).ownership(guest.ownership.iter().cloned())),
        None => auth,
    };
    let auth = shared.user_info(auth).build()?;

    let front_end = arguments.front_end.as_deref();
    if let Some(folder) = front_end {
        lines.add("Front end", format!("{}, with the settings that it was built with", folder.display()));
    }
    let front_end = front_end.map(front_end::routes).transpose().map_err(ConfigError::message)?;
    let upstream = arguments.upstream.as_ref().map(|url| upstream(url, arguments)).transpose()?;
    if let Some(upstream) = &upstream {
        let rest = if front_end.is_some() { "what else is asked for below /api" } else { "whatever else is asked for" };
        lines.add("Upstream", format!("{upstream} gets {rest}, without the load balancer's headers"));
    }
    let health = Health::of(layer.handle(), tokens.clone());
    let service = app::routes(Parts { auth, health: health.clone(), front_end, upstream });
    let tending = tokens.maintain_keys_in_background();
    Ok(Assembled { service, settings, layer, policy, health, shared, lines, tending })
}

fn upstream(url: &str, arguments: &Serve) -> Result<Upstream, ConfigError> {
    let upstream = Upstream::at(url);
    match arguments.dangerously_upstream_over_plain_http {
        true => upstream.dangerously_over_plain_http().build(),
        false => upstream.build().map_err(named_by_flag),
    }
}

/// The sentences are for whoever writes code; here flags say it.
fn named_by_flag(error: ConfigError) -> ConfigError {
    let problems = error
        .problems()
        .iter()
        .map(|problem| problem.replace("dangerously_over_plain_http()", "--dangerously-upstream-over-plain-http"));
    ConfigError::message(problems.collect::<Vec<_>>().join("\n- "))
}

/// As the stock provider has it: in development, or where the files allow it by name.
fn may_come_in(guest: &GuestSettings) -> bool {
    let development = std::env::var("NODE_ENV").is_ok_and(|environment| environment == "development");
    if !development && !guest.outside_development {
        tracing::info!("auth.providers.guest: nobody comes in as a guest, since NODE_ENV is not development");
    }
    development || guest.outside_development
}
