//! Databases on the server, as the tests and the stores see them.

use tokio_postgres::{Client, NoTls};
use tower_alb_auth::backstage::{
    settings::DatabaseTls,
    store::{postgres::Postgres, postgres::PostgresBuilder},
};

use crate::support::postgres::server::{PASSWORD, Server, USER};

/// The one that Backstage makes for its auth plugin.
pub const AUTH: &str = "backstage_plugin_auth";

impl Server {
    /// The stores on this database, over loopback without TLS.
    pub fn stores(&self, database: &str) -> PostgresBuilder {
        Postgres::builder("127.0.0.1", database).port(self.port()).user(USER).password(PASSWORD).tls(DatabaseTls::off())
    }

    /// For the programs of Backstage.
    pub fn url(&self, database: &str) -> String {
        let password = PASSWORD.replace(' ', "%20").replace('@', "%40").replace('/', "%2F");
        format!("postgres://{USER}:{password}@127.0.0.1:{}/{database}?sslmode=disable", self.port())
    }

    /// Makes a database and asks it by hand.
    pub async fn create(&self, database: &str) -> Client {
        self.client("postgres").await.batch_execute(&format!("create database {database}")).await.expect("a database");
        self.client(database).await
    }

    pub async fn client(&self, database: &str) -> Client {
        let mut settings = tokio_postgres::Config::new();
        settings.host("127.0.0.1").port(self.port()).user(USER).password(PASSWORD).dbname(database);
        let (client, connection) = settings.connect(NoTls).await.expect("it lets us in");
        tokio::spawn(connection);
        client
    }
}
