//! Puts the service together from what the files and the arguments say.

use axum::Router;
use tower_alb_auth::{
    AlbAuthLayer, ConfigError,
    backstage::{BackstageAuth, TokenIssuer, Upstream},
};

use crate::{
    app::{self, Parts},
    arguments::Serve,
    front_end,
    health::Health,
    settings::Settings,
    start_lines::StartLines,
};

/// The service, ready to listen.
pub struct Assembled {
    pub service: Router,
    pub health: Health,
    pub lines: StartLines,
}

pub fn assemble(settings: Settings, arguments: &Serve) -> Result<Assembled, ConfigError> {
    let mut lines = StartLines::default();
    let config = settings.files.alb_auth()?.build()?;
    lines.add("Trusts", config.summary());
    let layer = AlbAuthLayer::new(config);

    let mut tokens = TokenIssuer::builder(&settings.auth_url);
    if settings.omit_ownership_claim {
        tokens = tokens.omit_ownership_claim();
    }
    let tokens = tokens.build()?;
    let url = tokens.issuer();
    lines.add("Session", format!("{url}/awsalb/refresh, where browsers ask through the load balancer"));
    lines.add("Public keys", format!("{url}/.well-known/jwks.json, by which back ends verify tokens"));
    lines.add(
        "Shared",
        "nothing, so run one replica: keys and userinfo are in memory (backend.database of client pg shares them)",
    );
    if arguments.replicas > 1 {
        return Err(ConfigError::message(format!(
            "--replicas {}: each would have keys and users of its own, and refuse the others': name a database that they share, \
             backend.database with client: pg",
            arguments.replicas
        )));
    }
    let auth = BackstageAuth::builder(layer.handle(), tokens).sign_out(settings.sign_out).build()?;

    let front_end = arguments.front_end.as_deref();
    if let Some(folder) = front_end {
        lines.add("Front end", format!("{}, with the settings that it was built with", folder.display()));
    }
    let front_end = front_end.map(front_end::routes).transpose().map_err(ConfigError::message)?;
    let upstream = arguments.upstream.as_ref().map(|url| Upstream::at(url).build()).transpose()?;
    if let Some(upstream) = &upstream {
        let rest = if front_end.is_some() { "what else is asked for below /api" } else { "whatever else is asked for" };
        lines.add("Upstream", format!("{upstream} gets {rest}, without the load balancer's headers"));
    }
    let health = Health::of(layer.handle());
    let service = app::routes(Parts { auth, health: health.clone(), front_end, upstream });
    Ok(Assembled { service, health, lines })
}
