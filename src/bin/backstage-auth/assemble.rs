//! Builds the service: the auth backend from the files, and the front end and upstream from the arguments.

use axum::Router;
use clap::Args as _;
use tower_alb_auth::{
    AuditTrail, BackgroundTask, ConfigError,
    backstage::{
        Upstream,
        service::AuthBackend,
        settings::{BackstageSettings, CatalogCredentials},
    },
    config::AppConfig,
};

use crate::{
    cli::Serve,
    front_end,
    health::Health,
    routes::{self, Parts},
    start_lines::StartLines,
};

/// The service, ready to listen.
pub struct Assembled {
    pub service: Router,
    pub backend: AuthBackend,
    pub health: Health,
    pub lines: StartLines,
    /// Publishes keys in time until it is dropped.
    pub maintenance: BackgroundTask<ConfigError>,
}

pub fn assemble(files: &AppConfig, arguments: &Serve, trail: Option<&AuditTrail>) -> Result<Assembled, ConfigError> {
    let backend = backend(files, arguments, trail).map_err(|error| named_by_flags(&error, arguments))?;
    let mut lines = lines(&backend);

    let front_end = arguments.front_end.as_deref();
    if let Some(folder) = front_end {
        lines.add("Front end", format!("{}, with the settings that it was built with", folder.display()));
    }
    let front_end = front_end.map(front_end::routes).transpose().map_err(ConfigError::message)?;
    let upstream = arguments.upstream.as_ref().map(|url| upstream(url, arguments)).transpose();
    let upstream = upstream.map_err(|error| named_by_flags(&error, arguments))?;
    if let Some(upstream) = &upstream {
        let rest = if front_end.is_some() { "other requests below /api" } else { "all other requests" };
        let both = "its discovery document and its public keys are published with the own ones";
        lines.add("Upstream", format!("{upstream} gets {rest}, without the load balancer's headers; {both}"));
    }
    let headers = backend.settings().health_headers.clone();
    let health = Health::new(backend.layer().handle(), backend.tokens().clone(), headers);
    let auth = backend.auth().clone();
    let service = routes::routes(Parts { auth, health: health.clone(), front_end, upstream });
    let maintenance = backend.tokens().maintain_keys_in_background();
    Ok(Assembled { service, backend, health, lines, maintenance })
}

fn backend(files: &AppConfig, arguments: &Serve, trail: Option<&AuditTrail>) -> Result<AuthBackend, ConfigError> {
    let mut builder = AuthBackend::builder(files).replicas(arguments.replicas);
    if let Some(url) = &arguments.upstream {
        builder = builder.catalog_of_backend(url);
    }
    if arguments.without_catalog {
        builder = builder.without_catalog();
    }
    if let Some(trail) = trail {
        builder = builder.audit_trail(trail);
    }
    if arguments.create_tables {
        builder = builder.create_own_tables();
    }
    builder.build()
}

fn upstream(url: &str, arguments: &Serve) -> Result<Upstream, ConfigError> {
    let upstream = Upstream::at(url);
    match arguments.dangerously_upstream_over_plain_http {
        true => upstream.dangerously_over_plain_http().build(),
        false => upstream.build(),
    }
}

/// The lines about the auth backend.
fn lines(backend: &AuthBackend) -> StartLines {
    let settings = backend.settings();
    let mut lines = StartLines::default();
    let url = &settings.auth_url;
    lines.add("Session", format!("{url}/awsalb/refresh, where browsers ask through the load balancer"));
    lines.add("Public keys", "/api/auth/.well-known/jwks.json, where back ends ask past the load balancer");
    lines.add(
        "Health",
        "/.backstage/health/v1/readiness for the target group, /.backstage/health/v1/liveness for the container",
    );
    lines.add("Shared", shared(settings));
    lines.add("Catalog", catalog(backend));
    lines.add("Trusts", backend.trust_summary());
    lines
}

fn shared(settings: &BackstageSettings) -> String {
    let Some(database) = &settings.database else {
        return "nothing, so there may be one replica: public keys and userinfo are in memory".to_owned();
    };
    let schema = database.schema.as_ref().map(|schema| format!(", schema {schema}")).unwrap_or_default();
    let name = format!("{} at {}:{}{schema}", database.database, database.host, database.port);
    format!("public keys and userinfo, in PostgreSQL {name}")
}

fn catalog(backend: &AuthBackend) -> String {
    let Some(url) = backend.catalog_url() else {
        return "not queried: a user's ownership is the user alone".to_owned();
    };
    match &backend.settings().catalog.credentials {
        CatalogCredentials::Static { place, .. } => format!("{url}, queried with the token {place}"),
        _ => {
            let issuer = backend.tokens().issuer();
            format!("{url}, queried with tokens of the plugin auth ({issuer}/.backstage/auth/v1/jwks.json)")
        }
    }
}

/// The library's messages name methods of builders; the operator of this program has flags instead.
fn named_by_flags(error: &ConfigError, arguments: &Serve) -> ConfigError {
    let replicas = arguments.replicas;
    let methods = [
        ("create_own_tables()", "create_tables"),
        ("without_catalog()", "without_catalog"),
        ("dangerously_over_plain_http()", "dangerously_upstream_over_plain_http"),
    ];
    let flag_of_replicas =
        flag_of("replicas").map(|flag| (format!("replicas({replicas})"), format!("{flag} {replicas}")));
    let flags = methods.into_iter().filter_map(|(method, field)| Some((method.to_owned(), flag_of(field)?)));
    let flags: Vec<(String, String)> = flags.chain(flag_of_replicas).collect();
    let problems = error.problems().iter().map(|problem| {
        flags.iter().fold(problem.to_string(), |text, (method, flag)| text.replace(method.as_str(), flag))
    });
    ConfigError::message(problems.collect::<Vec<_>>().join("\n- "))
}

/// The flag of an argument, by its field.
fn flag_of(field: &str) -> Option<String> {
    let command = Serve::augment_args(clap::Command::new("backstage-auth"));
    let argument = command.get_arguments().find(|argument| argument.get_id() == field)?;
    argument.get_long().map(|long| format!("--{long}"))
}
