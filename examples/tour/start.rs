//! Connects the parts: the load balancer, its provider, and the application behind it.

use std::error::Error;

use tower_alb_auth::{
    AlbAuthConfig, AlbAuthConfigBuilder, AlbAuthLayer,
    emulator::{Emulator, EmulatorConfig, Rule, RuleAction},
};

use crate::app::{self, PROGRAM_PATHS, PUBLIC_PATHS, Site};

/// The running parts. Dropping it stops them.
pub struct Tour {
    url: String,
    emulator: Emulator,
}

impl Tour {
    /// Starts the emulator with this configuration, and the application behind it.
    pub async fn start(config: EmulatorConfig) -> Result<Self, Box<dyn Error + Send + Sync>> {
        Self::with(config, AlbAuthConfig::builder()).await
    }

    /// The same with further settings of the application, such as a clock for tests.
    pub async fn with(
        config: EmulatorConfig,
        settings: AlbAuthConfigBuilder,
    ) -> Result<Self, Box<dyn Error + Send + Sync>> {
        let listener = tower_alb_auth::listen("127.0.0.1:0").await?;
        let config = config
            .target(format!("http://{}", listener.local_addr()?))
            .rule(Rule::new(PROGRAM_PATHS, RuleAction::Deny));
        let config =
            PUBLIC_PATHS.iter().fold(config, |config, path| config.rule(Rule::new(*path, RuleAction::Forward)));
        let emulator = Emulator::start(config).await?;

        let site = Site {
            url: emulator.url().to_owned(),
            provider: emulator.issuer().to_owned(),
            client_id: emulator.client_id().to_owned(),
        };
        // In production: TrustedAlb::new(<ARN>, <issuer>).client_id(<client id>).
        let settings = app::sign_in(settings.trust(emulator.trusted()))?;
        let application = app::application(AlbAuthLayer::new(settings), site)?;
        tokio::spawn(async move { axum::serve(listener, application).await });
        Ok(Self { url: format!("{}/", emulator.url()), emulator })
    }

    /// The address to open.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The demo provider's address.
    pub fn provider(&self) -> &str {
        self.emulator.issuer()
    }
}
