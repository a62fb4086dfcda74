//! What replicas share: public keys and the answers of userinfo, by what the files say of keys and of the database.

use tower_alb_auth::{
    ConfigError,
    backstage::{
        BackstageAuthBuilder, KeyFiles, SigningKeys, TokenIssuerBuilder,
        settings::{BackstageSettings, KeyStoreSettings},
    },
};

use crate::{arguments::Serve, start_lines::StartLines};

#[cfg(feature = "postgres")]
use tower_alb_auth::backstage::{
    settings::DatabaseTls,
    store::postgres::{Postgres, PostgresTls},
};

/// The stores, if there are any but memory.
pub struct Shared {
    #[cfg(feature = "postgres")]
    database: Option<Postgres>,
}

impl Shared {
    /// Opens no connection yet.
    pub fn new(settings: &BackstageSettings, arguments: &Serve, lines: &mut StartLines) -> Result<Self, ConfigError> {
        let Some(database) = &settings.database else {
            if arguments.replicas > 1 {
                return Err(ConfigError::message(format!(
                    "--replicas {}: each would have keys and users of its own, and refuse the others': name a database that \
                     they share, as Backstage does\nbackend:\n  database:\n    client: pg\n    connection: ...",
                    arguments.replicas
                )));
            }
            if arguments.create_tables {
                return Err(ConfigError::message(
                    "--create-tables: backend.database names no PostgreSQL to make them in: leave it out, or name one\nbackend:\n  \
                     database:\n    client: pg\n    connection: ...",
                ));
            }
            lines.add("Shared", "nothing, so there may be one replica: public keys and userinfo are in memory");
            return Ok(Self {
                #[cfg(feature = "postgres")]
                database: None,
            });
        };
        let schema = database.schema.as_ref().map(|schema| format!(", schema {schema}")).unwrap_or_default();
        let name = format!("{} at {}:{}{schema}", database.database, database.host, database.port);
        lines.add("Shared", format!("public keys and userinfo, in PostgreSQL {name}"));
        Self::on(database, arguments)
    }

    #[cfg(not(feature = "postgres"))]
    fn on(database: &tower_alb_auth::backstage::settings::DatabaseSettings, _: &Serve) -> Result<Self, ConfigError> {
        Err(ConfigError::message(format!(
            "backend.database names a PostgreSQL ({}), and this is built without the feature postgres: add it, cargo run \
             --features backstage,postgres",
            database.place
        )))
    }

    #[cfg(feature = "postgres")]
    fn on(
        database: &tower_alb_auth::backstage::settings::DatabaseSettings,
        arguments: &Serve,
    ) -> Result<Self, ConfigError> {
        let mut builder =
            Postgres::builder(&database.host, &database.database).port(database.port).user(&database.user);
        if let Some(password) = &database.password {
            builder = builder.password(password.expose());
        }
        if let Some(schema) = &database.schema {
            builder = builder.schema(schema);
        }
        if let Some(role) = &database.role {
            builder = builder.role(role);
        }
        if arguments.create_tables {
            builder = builder.create_own_tables();
        }
        let tls = match &database.tls {
            DatabaseTls::Off => PostgresTls::off(),
            DatabaseTls::Verified { roots: None } => PostgresTls::verified(),
            DatabaseTls::Verified { roots: Some(pem) } => PostgresTls::pem_roots(pem),
            DatabaseTls::Unverified => PostgresTls::dangerously_accept_any_certificate(),
            _ => return Err(ConfigError::message("connection.ssl says what this service does not know yet")),
        };
        Ok(Self { database: Some(builder.tls(tls).build()?) })
    }

    /// Keys by what the files say, and shared.
    pub fn issuer(
        &self,
        settings: &BackstageSettings,
        mut builder: TokenIssuerBuilder,
    ) -> Result<TokenIssuerBuilder, ConfigError> {
        builder = builder.token_lifetime(settings.token_lifetime);
        if settings.omit_ownership_claim {
            builder = builder.omit_ownership_claim();
        }
        if let KeyStoreSettings::Static(keys) = &settings.key_store {
            let files = keys.iter().map(|key| {
                KeyFiles::new(&key.key_id).private_key_file(&key.private_key_file).public_key_file(&key.public_key_file)
            });
            builder = builder.user_signing_keys(SigningKeys::from_files(files)?);
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

    pub fn user_info(&self, builder: BackstageAuthBuilder) -> BackstageAuthBuilder {
        #[cfg(feature = "postgres")]
        if let Some(database) = &self.database {
            return builder.user_info(database.user_info());
        }
        builder
    }

    /// Says so where the database does not answer, or has no tables. The service works on: it asks again when it has to.
    pub async fn check(&self) {
        #[cfg(feature = "postgres")]
        if let Some(database) = &self.database
            && let Err(error) = database.check().await
        {
            tracing::warn!("{error}");
        }
    }
}
