//! What replicas share: public keys and userinfo, in memory or in the database of the files.

use crate::{
    ConfigError,
    backstage::{
        BackstageAuthBuilder, SigningKeys, TokenIssuerBuilder,
        settings::{BackstageSettings, DatabaseSettings, KeyStoreSettings, StaticKey},
        store::StoreError,
    },
    config::{Problem, ProblemKind},
};

#[cfg(feature = "postgres")]
use crate::backstage::{
    settings::RdsSettings,
    store::postgres::{Postgres, PostgresBuilder, PostgresDenyList},
};

/// Tokens of IAM in place of a password.
#[cfg(feature = "rds")]
#[allow(clippy::unnecessary_wraps, reason = "the signature is the same without the feature")]
fn with_tokens(builder: PostgresBuilder, rds: &RdsSettings, _: &str) -> Result<PostgresBuilder, ConfigError> {
    let builder = builder.rds_iam(rds.region.as_deref());
    Ok(if rds.allow_without_verified_tls {
        builder.dangerously_allow_changing_password_without_verified_tls()
    } else {
        builder
    })
}

#[cfg(all(feature = "postgres", not(feature = "rds")))]
fn with_tokens(_: PostgresBuilder, _: &RdsSettings, place: &str) -> Result<PostgresBuilder, ConfigError> {
    let text = format!("{place} has type: rds, and this is built without the feature rds of tower-alb-auth: add it");
    Err(ConfigError::of(ProblemKind::FeatureMissing, text))
}

const DATABASE_LINES: &str = "backend:\n  database:\n    client: pg\n    connection: ...";

/// The database, if there is one.
pub(super) struct Stores {
    #[cfg(feature = "postgres")]
    database: Option<Postgres>,
}

impl Stores {
    /// Opens no connection.
    pub(super) fn new(
        settings: &BackstageSettings,
        replicas: u16,
        create_own_tables: bool,
    ) -> Result<Self, ConfigError> {
        let Some(database) = &settings.database else {
            if replicas > 1 {
                let clause = "each would have keys and users of its own, and refuse the others'";
                let problem = Problem::of_method(ProblemKind::Conflict, "replicas", replicas, clause);
                let fix = "name a database that they share, as Backstage does";
                return Err(ConfigError::new([problem.with_lines(fix, DATABASE_LINES)]));
            }
            if create_own_tables {
                let clause = "backend.database names no PostgreSQL to make them in";
                let problem = Problem::of_method(ProblemKind::Conflict, "create_own_tables", "", clause);
                return Err(ConfigError::new([problem.with_lines("leave it out, or name one", DATABASE_LINES)]));
            }
            return Ok(Self {
                #[cfg(feature = "postgres")]
                database: None,
            });
        };
        Self::on(database, create_own_tables)
    }

    #[cfg(not(feature = "postgres"))]
    fn on(database: &DatabaseSettings, _: bool) -> Result<Self, ConfigError> {
        let text = format!(
            "backend.database names a PostgreSQL ({}), and this is built without the feature postgres of tower-alb-auth: add it",
            database.place
        );
        Err(ConfigError::of(ProblemKind::FeatureMissing, text))
    }

    #[cfg(feature = "postgres")]
    fn on(database: &DatabaseSettings, create_own_tables: bool) -> Result<Self, ConfigError> {
        let mut builder =
            Postgres::builder(&database.host, &database.database).port(database.port).user(&database.user);
        match (&database.rds, &database.password) {
            (Some(rds), _) => builder = with_tokens(builder, rds, &database.place)?,
            (None, Some(password)) => builder = builder.password(password.expose()),
            (None, None) => {}
        }
        match &database.schema {
            // Own tables have one place.
            Some(schema) if database.search_path.len() < 2 || create_own_tables => builder = builder.schema(schema),
            _ => builder = builder.search_path(&database.search_path),
        }
        if let Some(role) = &database.role {
            builder = builder.role(role);
        }
        if create_own_tables {
            builder = builder.create_own_tables();
        }
        Ok(Self { database: Some(builder.tls(database.tls.clone()).build()?) })
    }

    /// The issuer with the keys that the settings name, shared through the database.
    pub(super) fn issuer(
        &self,
        settings: &BackstageSettings,
        mut builder: TokenIssuerBuilder,
    ) -> Result<TokenIssuerBuilder, ConfigError> {
        builder = builder.token_lifetime(settings.token_lifetime);
        builder = match settings.omit_ownership_claim {
            true => builder.omit_ownership_claim(),
            false => builder.with_ownership_claim(),
        };
        if let KeyStoreSettings::Static(keys) = &settings.key_store {
            let files = SigningKeys::from_files(keys.iter().map(StaticKey::files))?;
            builder = builder.user_signing_keys(files);
        }
        #[cfg(feature = "postgres")]
        if let Some(database) = &self.database {
            builder = builder.plugin_keys(database.plugin_keys());
            if settings.key_store != KeyStoreSettings::Memory {
                builder = builder.user_keys(database.user_keys());
            }
        }
        Ok(builder)
    }

    pub(super) fn user_info(&self, builder: BackstageAuthBuilder) -> BackstageAuthBuilder {
        #[cfg(feature = "postgres")]
        if let Some(database) = &self.database {
            return builder.user_info(database.user_info());
        }
        builder
    }

    #[cfg(feature = "postgres")]
    pub(super) async fn deny_list(&self) -> Result<PostgresDenyList, StoreError> {
        let Some(database) = &self.database else {
            return Err(StoreError::new(format!(
                "a deny list in the database: backend.database names no PostgreSQL; name one, or use a file\n{DATABASE_LINES}"
            )));
        };
        database.deny_list().await
    }

    #[cfg_attr(not(feature = "postgres"), allow(clippy::unused_async, reason = "the signature is the same"))]
    pub(super) async fn check(&self) -> Result<(), StoreError> {
        #[cfg(feature = "postgres")]
        if let Some(database) = &self.database {
            return database.check().await;
        }
        Ok(())
    }
}
