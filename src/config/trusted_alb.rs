//! One entry of trust, as it is written down.

use std::{path::PathBuf, sync::Arc};

use super::AccessTokens;
use crate::{settings::KeyAt, sign_in::SignInResolver};

/// Load balancers that are trusted with one issuer and its client ids.
///
/// A token must match one entry as a whole. Nothing is checked here; [`build`](super::AlbAuthConfigBuilder::build) reports all
/// mistakes.
///
/// ```
/// use tower_alb_auth::TrustedAlb;
///
/// # let (blue, green) = ("", "");
/// let entry = TrustedAlb::new(blue, "https://idp.example.com")
///     .or_signer(green)
///     .client_id("backstage");
/// # let _ = entry;
/// ```
#[doc(alias("issuer", "client_id", "cognito", "entra", "okta", "oidc"))]
#[derive(Debug, Clone)]
pub struct TrustedAlb {
    pub(super) signers: Vec<String>,
    pub(super) issuer: String,
    pub(super) client_ids: Vec<String>,
    pub(super) any_client: bool,
    pub(super) key_endpoint: Option<String>,
    pub(super) plain_http_from: Option<String>,
    pub(super) emulator_ca_file: Option<PathBuf>,
    pub(super) access_tokens: Option<AccessTokens>,
    pub(super) sign_in: Option<Arc<dyn SignInResolver>>,
    pub(super) written: EntryLocations,
}

/// Where the parts of an entry are written, if they come from a file: for messages to the operator.
#[derive(Debug, Clone, Default)]
pub(super) struct EntryLocations {
    pub(super) signers: Vec<KeyAt>,
    pub(super) issuer: Vec<KeyAt>,
    pub(super) client_ids: Vec<KeyAt>,
}

impl TrustedAlb {
    /// The load balancer of this ARN, with this issuer.
    ///
    /// The signer distinguishes your load balancer from one that an attacker made in the same region: all load balancers and
    /// accounts of a region share their keys. The issuer is compared byte for byte with the token's `iss`; take it from the
    /// listener rule's authenticate action, with its trailing slash if it has one.
    pub fn new(signer: impl Into<String>, issuer: impl Into<String>) -> Self {
        Self {
            signers: vec![signer.into()],
            issuer: issuer.into(),
            client_ids: Vec::new(),
            any_client: false,
            key_endpoint: None,
            plain_http_from: None,
            emulator_ca_file: None,
            access_tokens: None,
            sign_in: None,
            written: EntryLocations::default(),
        }
    }

    /// Another load balancer that is trusted in the same way: blue and green, or one a region.
    #[must_use]
    pub fn or_signer(mut self, signer: impl Into<String>) -> Self {
        self.signers.push(signer.into());
        self
    }

    /// A client id of the issuer, as in the listener rule's authenticate action. May be given several times.
    #[must_use]
    pub fn client_id(mut self, client_id: impl Into<String>) -> Self {
        self.client_ids.push(client_id.into());
        self
    }

    /// Accepts tokens of any client id of the issuer.
    ///
    /// Only the client id distinguishes two applications behind one load balancer. Safe only if every application behind it may
    /// see the same users.
    #[must_use]
    pub fn dangerously_accept_any_client(mut self) -> Self {
        self.any_client = true;
        self
    }

    /// Where the public keys of these load balancers are, instead of where AWS documents them to be. For partitions without a
    /// documented endpoint, and for the local emulator.
    #[must_use]
    pub fn key_endpoint(mut self, url: impl Into<String>) -> Self {
        self.key_endpoint = Some(url.into());
        self
    }

    /// Allows the [key endpoint](Self::key_endpoint) to be plain http on this host of a private network, such as the name of
    /// the emulator's container.
    ///
    /// Every machine on the way can replace the keys, and so sign in as any user. It builds only if each signer has the
    /// emulator's account `000000000000`, and the host is a private IP address, a name without a dot, or a name that no public
    /// name server has (`.internal`, `.local`, `.localhost`, `.test`, `.home.arpa`). It is logged as a warning at the start.
    #[must_use]
    pub fn dangerously_fetch_keys_over_http_from(mut self, host: impl Into<String>) -> Self {
        self.plain_http_from = Some(host.into());
        self
    }

    /// Verifies the certificate of the [key endpoint](Self::key_endpoint) by the CA in this file alone: `ca.pem` of the folder that
    /// `alb-emulator --keys-tls` names. For the emulator in another container.
    ///
    /// The root certificates of the configuration do not count for that endpoint then, and the CA counts for no other one. It
    /// builds only if each signer has the emulator's account `000000000000`, and the key endpoint is https.
    /// [`build`](super::AlbAuthConfigBuilder::build) reads the file; a relative path begins at the process's current folder.
    #[must_use]
    pub fn emulator_ca_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.emulator_ca_file = Some(path.into());
        self
    }

    /// Verifies the access token of each request too, and rejects requests without a valid one. See
    /// [`AccessTokens`].
    #[cfg(feature = "https")]
    #[must_use]
    pub fn access_tokens(mut self, tokens: AccessTokens) -> Self {
        self.access_tokens = Some(tokens);
        self
    }

    /// The sign-in policy for users of this entry, instead of the configuration's.
    #[must_use]
    pub fn sign_in(mut self, policy: impl SignInResolver) -> Self {
        self.sign_in = Some(Arc::new(policy));
        self
    }
}
