//! A load balancer for tests.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::SystemTime,
};

use super::{
    KeyServerMode, TestClock,
    key_server::{InMemory, KeyServer},
};
use crate::{
    AlbAuthLayer, Clock, SystemClock,
    config::{AlbAuthConfig, AlbAuthConfigBuilder, TrustedAlb},
    internal::signer::AlbSigner,
    sign_in::EmailLocalPart,
};

/// A load balancer for tests: signs tokens, builds requests, publishes its keys.
///
/// Its users are in `example.com`, its issuer is `https://idp.example.com`, its client id
/// `mock-client`.
#[derive(Clone)]
pub struct MockAlb {
    signer: String,
    issuer: String,
    client_id: String,
    key: Arc<AlbSigner>,
    keys: Arc<KeyServer>,
    endpoint: Option<String>,
    clock: Option<TestClock>,
}

impl MockAlb {
    /// A load balancer with a new key and the system clock. Keys are served in memory; for a
    /// connection see [`serve`](Self::serve).
    pub fn new() -> Self {
        let number = next_number();
        let alb = Self {
            signer: format!(
                "arn:aws:elasticloadbalancing:eu-central-1:000000000000:loadbalancer/app/mock/{number:016x}"
            ),
            issuer: "https://idp.example.com".to_owned(),
            client_id: "mock-client".to_owned(),
            key: new_key(),
            keys: Arc::default(),
            endpoint: None,
            clock: None,
        };
        alb.keys.add(alb.kid(), alb.public_key_pem());
        alb
    }

    /// Uses this clock.
    #[must_use]
    pub fn with_clock(mut self, clock: &TestClock) -> Self {
        self.clock = Some(clock.clone());
        self
    }

    /// Uses this issuer.
    #[must_use]
    pub fn with_issuer(mut self, issuer: &str) -> Self {
        self.issuer = issuer.to_owned();
        self
    }

    /// Uses this client id.
    #[must_use]
    pub fn with_client_id(mut self, client_id: &str) -> Self {
        self.client_id = client_id.to_owned();
        self
    }

    /// Another load balancer in the same region, as an attacker may create one: it signs with the
    /// same key under another ARN.
    pub fn with_keys_of(other: &Self) -> Self {
        let stranger = Self::new();
        Self { signer: stranger.signer, ..other.clone() }
    }

    /// Serves its keys over plain HTTP on a free loopback port. The application under test then
    /// needs the feature `https`, which contains the client.
    pub async fn serve(mut self) -> Self {
        self.endpoint = Some(Arc::clone(&self.keys).listen().await);
        self
    }

    /// Rotates the signing key: new tokens have a new kid. The old key is still served.
    pub fn rotate(&mut self) {
        self.key = new_key();
        self.keys.add(self.kid(), self.public_key_pem());
    }

    /// Removes a key, as AWS does some time after a rotation.
    pub fn withdraw(&self, kid: &str) {
        self.keys.withdraw(kid);
    }

    /// Changes the behaviour of the key endpoint.
    pub fn set_key_server(&self, mode: KeyServerMode) {
        self.keys.set_mode(mode);
    }

    /// Number of requests to the key endpoint.
    pub fn key_fetches(&self) -> usize {
        self.keys.fetches()
    }

    /// Its ARN.
    pub fn signer(&self) -> &str {
        &self.signer
    }

    /// The issuer of its users.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// Its client id at the issuer.
    pub fn client_id(&self) -> &str {
        &self.client_id
    }

    /// The kid of the signing key.
    pub fn kid(&self) -> &str {
        self.key.kid()
    }

    /// The public key that belongs to the signing key, as the key endpoint returns it.
    pub fn public_key_pem(&self) -> String {
        self.key.public_key_pem()
    }

    /// The entry of a configuration that trusts it.
    pub fn trusted(&self) -> TrustedAlb {
        let entry = TrustedAlb::new(&self.signer, &self.issuer).client_id(&self.client_id);
        match &self.endpoint {
            Some(endpoint) => entry.key_endpoint(endpoint),
            None => entry,
        }
    }

    /// A builder of a configuration that trusts it, with its keys and its clock, but without a
    /// sign-in policy.
    pub fn config_builder(&self) -> AlbAuthConfigBuilder {
        self.keys_and_clock(AlbAuthConfig::builder().trust(self.trusted()))
    }

    /// Adds its keys and its clock to a configuration that trusts something else.
    pub fn keys_and_clock(&self, builder: AlbAuthConfigBuilder) -> AlbAuthConfigBuilder {
        let builder = match &self.clock {
            Some(clock) => builder.clock(clock.clone()),
            None => builder,
        };
        match &self.endpoint {
            Some(_) => builder,
            None => builder.key_source(InMemory(Arc::clone(&self.keys))),
        }
    }

    /// A configuration that trusts it, and signs users in by the local part of their `example.com`
    /// email.
    pub fn config(&self) -> AlbAuthConfig {
        self.config_builder()
            .sign_in(EmailLocalPart::in_domains(["example.com"]))
            .accept_missing_email_verified()
            .build()
            .expect("a sound configuration")
    }

    /// A layer with [`config`](Self::config).
    pub fn layer(&self) -> AlbAuthLayer {
        AlbAuthLayer::new(self.config())
    }

    /// Where its keys are served, if they are.
    pub(super) fn endpoint(&self) -> Option<&str> {
        self.endpoint.as_deref()
    }

    pub(super) fn key(&self) -> &AlbSigner {
        &self.key
    }

    /// The ES256 signature of these bytes, `r || s`.
    pub fn sign_bytes(&self, message: &[u8]) -> Vec<u8> {
        self.key.sign_bytes(message).expect("a signature")
    }

    /// The current time of its clock, in seconds since 1970.
    pub fn unix_now(&self) -> u64 {
        let now = match &self.clock {
            Some(clock) => clock.now(),
            None => SystemClock.now(),
        };
        now.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs())
    }
}

impl Default for MockAlb {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for MockAlb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MockAlb").field("signer", &self.signer).field("kid", &self.kid()).finish_non_exhaustive()
    }
}

fn new_key() -> Arc<AlbSigner> {
    Arc::new(AlbSigner::generate().expect("a key pair"))
}

/// Numbers the load balancers of one process.
fn next_number() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}
