//! Trust and sign-in policy: read at the start, and again when the files change.

use crate::{
    AlbAuthConfig, ConfigError,
    backstage::{
        TokenIssuer,
        settings::{BackstageSettings, CatalogCredentials},
    },
    config::{AppConfig, Problem, ProblemKind},
    sign_in::{Catalog, CatalogBuilder, SignInError},
};

/// How trust and sign-in policy are read from files.
#[derive(Clone)]
pub(super) struct SignIn {
    /// The catalog and its address; `None` if the catalog is waived.
    catalog: Option<(Catalog, String)>,
}

impl SignIn {
    pub(super) fn without_catalog() -> Self {
        Self { catalog: None }
    }

    pub(super) fn in_catalog(
        settings: &BackstageSettings,
        tokens: &TokenIssuer,
        backend: Option<&str>,
    ) -> Result<Self, ConfigError> {
        let (catalog, url) = catalog(settings, tokens, backend)?;
        if url == default_url(settings) {
            tracing::warn!(
                target: "tower_alb_auth",
                "the catalog is queried at {url}, where browsers find it: a load balancer that signs users in gives a login page \
                 there. Name its own address in the files:\ndiscovery:\n  endpoints:\n    - target: http://127.0.0.1:7008/api/catalog\n      \
                 plugins: [catalog]"
            );
        }
        Ok(Self { catalog: Some((catalog, url)) })
    }

    pub(super) fn catalog_url(&self) -> Option<&str> {
        self.catalog.as_ref().map(|(_, url)| url.as_str())
    }

    pub(super) fn config(&self, files: &AppConfig) -> Result<AlbAuthConfig, ConfigError> {
        match &self.catalog {
            Some((catalog, _)) => files.alb_auth_in_catalog(catalog)?.build(),
            None => files.alb_auth().map_err(|error| explained(error, files))?.build(),
        }
    }
}

/// Adds a hint if the error has a problem that a catalog would solve.
fn explained(error: ConfigError, files: &AppConfig) -> ConfigError {
    // Built to be compared with; it is never queried.
    let Ok(catalog) = Catalog::at("https://localhost/api/catalog").token("none").build() else { return error };
    let with_catalog = files.alb_auth_in_catalog(&catalog).err();
    let remaining = with_catalog.as_ref().map_or(&[][..], ConfigError::problems);
    if error.problems().iter().all(|problem| remaining.contains(problem)) {
        return error;
    }
    let clause = "no catalog is queried; leave it out if a resolver queries one";
    error.and_problem(Problem::of_method(ProblemKind::Conflict, "without_catalog", "", clause))
}

/// The catalog and its address. The catalog of the backend is queried directly, without the load balancer in between; over plain
/// http to another machine only if the files allow it.
fn catalog(
    settings: &BackstageSettings,
    tokens: &TokenIssuer,
    backend: Option<&str>,
) -> Result<(Catalog, String), ConfigError> {
    let named = &settings.catalog;
    if let Some(backend) = backend.filter(|_| named.url == default_url(settings)) {
        let url = format!("{}/api/catalog", backend.trim_end_matches('/'));
        let builder = match &named.credentials {
            CatalogCredentials::Static { token, .. } => Catalog::at(&url).token(token.expose()),
            CatalogCredentials::Minted => minted(Catalog::at(&url), tokens),
        };
        if let Ok(catalog) = builder.build() {
            return Ok((catalog, url));
        }
    }
    let builder = match &named.credentials {
        CatalogCredentials::Static { .. } => named.builder(),
        CatalogCredentials::Minted => minted(named.builder(), tokens),
    };
    Ok((builder.build()?, named.url.clone()))
}

/// The catalog's address if the files name no other.
fn default_url(settings: &BackstageSettings) -> String {
    format!("{}/api/catalog", settings.base_url)
}

/// Asks as the plugin `auth`, with one token a question.
fn minted(builder: CatalogBuilder, tokens: &TokenIssuer) -> CatalogBuilder {
    let tokens = tokens.clone();
    builder.token_from(move || {
        let tokens = tokens.clone();
        async move {
            tokens
                .plugin_token("catalog")
                .await
                .map_err(|error| SignInError::unavailable(error.to_string()).caused_by(error))
        }
    })
}
