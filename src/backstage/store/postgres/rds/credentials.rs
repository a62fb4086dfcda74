//! The credentials of this container, from where AWS puts them.

use std::{
    fmt,
    sync::Arc,
    time::{Duration, SystemTime},
};

use aws_config::{
    Region, ecs::EcsCredentialsProvider, environment::EnvironmentVariableCredentialsProvider,
    provider_config::ProviderConfig, web_identity_token::WebIdentityTokenCredentialsProvider,
};
use aws_credential_types::{
    Credentials,
    provider::{ProvideCredentials, error::CredentialsError},
};

use super::http_client::CredentialsClient;
use crate::backstage::store::StoreError;

/// Credentials that expire sooner are fetched again, as AWS recommends.
const REFRESH_BEFORE_EXPIRY: Duration = Duration::from_secs(5 * 60);
const WHERE: &str = "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, AWS_WEB_IDENTITY_TOKEN_FILE and AWS_ROLE_ARN (IRSA), \
                     AWS_CONTAINER_CREDENTIALS_FULL_URI (EKS Pod Identity) or AWS_CONTAINER_CREDENTIALS_RELATIVE_URI (ECS), \
                     as AWS does in a container whose task or service account has a role";

/// The sources in the order in which AWS's SDKs try them. The first one that is set decides.
pub(super) struct ContainerCredentials {
    environment: EnvironmentVariableCredentialsProvider,
    web_identity: WebIdentityTokenCredentialsProvider,
    container: EcsCredentialsProvider,
    client: Arc<CredentialsClient>,
    held: tokio::sync::Mutex<Option<Credentials>>,
}

impl ContainerCredentials {
    /// # Errors
    /// TLS cannot be set up.
    pub(super) fn new(region: &str) -> Result<Self, String> {
        let client = Arc::new(CredentialsClient::new()?);
        let config = ProviderConfig::without_region()
            .with_region(Some(Region::new(region.to_owned())))
            .with_http_client(Arc::clone(&client).shared());
        Ok(Self {
            environment: EnvironmentVariableCredentialsProvider::new(),
            web_identity: WebIdentityTokenCredentialsProvider::builder().configure(&config).build(),
            container: EcsCredentialsProvider::builder().configure(&config).build(),
            client,
            held: tokio::sync::Mutex::new(None),
        })
    }

    /// The credentials to sign with. At most one request for them is in progress.
    pub(super) async fn current(&self) -> Result<Credentials, StoreError> {
        let mut held = self.held.lock().await;
        if let Some(credentials) = held.as_ref().filter(|credentials| lives(credentials, REFRESH_BEFORE_EXPIRY)) {
            return Ok(credentials.clone());
        }
        match self.fetch().await {
            Ok(credentials) => {
                // Without an expiry they are those of the environment, which cost nothing to read.
                *held = Some(credentials.clone()).filter(|credentials| credentials.expiry().is_some());
                Ok(credentials)
            }
            Err(error) => {
                let valid = held.clone().filter(|credentials| lives(credentials, Duration::ZERO));
                let Some(credentials) = valid else { return Err(error) };
                tracing::warn!(target: "tower_alb_auth", "AWS credentials expire soon and cannot be fetched again yet: {error}");
                Ok(credentials)
            }
        }
    }

    async fn fetch(&self) -> Result<Credentials, StoreError> {
        let sources: [(&str, &dyn ProvideCredentials); 3] = [
            ("the environment", &self.environment),
            ("AWS_WEB_IDENTITY_TOKEN_FILE (IRSA)", &self.web_identity),
            ("the container's credentials endpoint", &self.container),
        ];
        for (name, source) in sources {
            self.client.forget();
            match source.provide_credentials().await {
                Ok(credentials) => return Ok(credentials),
                Err(CredentialsError::CredentialsNotLoaded(_)) => {}
                // The causes of these errors may repeat what a server sent.
                Err(error) => return Err(self.failed(name, &error)),
            }
        }
        Err(StoreError::new(format!("this process has no AWS credentials to sign a token for RDS: {WHERE}")))
    }

    fn failed(&self, name: &str, error: &CredentialsError) -> StoreError {
        let kind = match error {
            CredentialsError::ProviderTimedOut(_) => "timed out",
            CredentialsError::InvalidConfiguration(_) => "are configured incorrectly",
            _ => "cannot be fetched",
        };
        let seen = self.client.last_failure().map(|seen| format!(": {seen}")).unwrap_or_default();
        StoreError::new(format!(
            "the AWS credentials of {name}, which sign a token for RDS, {kind}{seen}; check the role of the task or service account"
        ))
    }
}

/// Whether they are valid for longer than this.
fn lives(credentials: &Credentials, at_least: Duration) -> bool {
    let until = SystemTime::now().checked_add(at_least);
    credentials.expiry().is_none_or(|expiry| until.is_some_and(|until| expiry > until))
}

impl fmt::Debug for ContainerCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ContainerCredentials")
    }
}
