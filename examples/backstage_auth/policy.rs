//! Whom the load balancer may sign in, and who becomes whom: read at the start, and again when the files change.

use std::path::PathBuf;

use tower_alb_auth::{
    AlbAuthConfig, ConfigError,
    backstage::{
        TokenIssuer,
        settings::{BackstageSettings, CatalogCredentials},
    },
    config::{AppConfig, ProblemKind},
    sign_in::{Catalog, CatalogBuilder, SignInError},
};

use crate::{arguments::Serve, start_lines::StartLines};

/// What is trusted, and how it is read again.
#[derive(Clone)]
pub struct Policy {
    files: Vec<PathBuf>,
    /// `None` where it was waived.
    catalog: Option<Catalog>,
}

impl Policy {
    pub fn new(
        settings: &BackstageSettings,
        tokens: &TokenIssuer,
        arguments: &Serve,
        lines: &mut StartLines,
    ) -> Result<Self, ConfigError> {
        let files = arguments.files.paths();
        if arguments.without_catalog {
            lines.add("Catalog", "not asked: users own as themselves alone");
            return Ok(Self { files, catalog: None });
        }
        let (catalog, url) = catalog(settings, tokens, arguments.upstream.as_deref())?;
        if url == usual(settings) {
            tracing::warn!(
                "the catalog is asked at {url}, where browsers find it: a load balancer that signs users in gives a login page \
                 there. Name its own address in the files:\ndiscovery:\n  endpoints:\n    - target: http://127.0.0.1:7008/api/catalog\n      \
                 plugins: [catalog]"
            );
        }
        let asked_with = match &settings.catalog.credentials {
            CatalogCredentials::Static { place, .. } => format!("the token {place}"),
            _ => format!("tokens of the plugin auth ({}/.backstage/auth/v1/jwks.json)", tokens.issuer()),
        };
        lines.add("Catalog", format!("{url}, asked with {asked_with}"));
        Ok(Self { files, catalog: Some(catalog) })
    }

    /// What these files say of it.
    pub fn of(&self, files: &AppConfig) -> Result<AlbAuthConfig, ConfigError> {
        match &self.catalog {
            Some(catalog) => files.alb_auth_in_catalog(catalog)?.build(),
            None => files.alb_auth().map_err(explained)?.build(),
        }
    }

    /// What the files say by now.
    pub fn read(&self) -> Result<AlbAuthConfig, ConfigError> {
        self.of(&AppConfig::load(&self.files)?)
    }
}

/// The sentences are for whoever writes code; here a flag has taken the catalog away.
fn explained(error: ConfigError) -> ConfigError {
    if error.problems().iter().any(|problem| problem.kind() == ProblemKind::CatalogMissing) {
        return error.and("--without-catalog: no catalog is asked; leave it out where a resolver asks one");
    }
    error
}

/// The catalog, and where it is. An upstream has one too; asked there, no load balancer is in between. Not over plain http from
/// machine to machine, though, unless the files say so.
fn catalog(
    settings: &BackstageSettings,
    tokens: &TokenIssuer,
    upstream: Option<&str>,
) -> Result<(Catalog, String), ConfigError> {
    let named = &settings.catalog;
    if let Some(upstream) = upstream.filter(|_| named.url == usual(settings)) {
        let url = format!("{}/api/catalog", upstream.trim_end_matches('/'));
        let builder = match &named.credentials {
            CatalogCredentials::Static { token, .. } => Catalog::at(&url).token(token.expose()),
            _ => minted(Catalog::at(&url), tokens),
        };
        if let Ok(catalog) = builder.build() {
            return Ok((catalog, url));
        }
    }
    let builder = match &named.credentials {
        CatalogCredentials::Static { .. } => named.builder(),
        _ => minted(named.builder(), tokens),
    };
    Ok((builder.build()?, named.url.clone()))
}

/// Where it is if the files name no other address.
fn usual(settings: &BackstageSettings) -> String {
    format!("{}/api/catalog", settings.base_url)
}

/// Asks as the plugin `auth` does, with a token for this one question.
fn minted(builder: CatalogBuilder, tokens: &TokenIssuer) -> CatalogBuilder {
    let tokens = tokens.clone();
    builder.token_from(move || {
        let tokens = tokens.clone();
        async move { tokens.plugin_token("catalog").await.map_err(|error| SignInError::unavailable(error.to_string())) }
    })
}
