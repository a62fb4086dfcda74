//! The members of `auth.providers.awsalb`.

/// What the layer reads, with the effect of each key: the words of the auth backend's `check`.
pub(crate) const PROVIDER_KEYS: [(&str, &str); 19] = [
    ("issuer", "the issuer of the load balancer's users"),
    ("signer", "the load balancer that is trusted"),
    ("signers", "the load balancers that are trusted"),
    ("region", "compared with the signer's, and needed for nothing else"),
    ("clientIds", "the clients whose users may sign in"),
    ("dangerouslyAcceptAnyClient", "users of any client of the issuer may sign in"),
    ("keyEndpoint", "where the load balancers' public keys are"),
    ("dangerouslyFetchKeysOverHttpFrom", "keys of an emulator over plain http from this host"),
    ("emulatorCaFile", "the CA of an emulator's key endpoint"),
    ("requireVerifiedEmail", "whether an email has to be verified"),
    ("acceptMissingEmailVerified", "that emails without the claim email_verified are accepted is acknowledged"),
    ("dangerouslyAcceptUnverifiedEmail", "whether an email that the provider reports as not verified is accepted"),
    ("emailClaim", "the claim with the address of the user"),
    ("groups", "groups from claims that users own for"),
    ("accessToken", "how access tokens of the provider are verified"),
    ("limits", "limits of tokens, keys and caches"),
    ("dangerouslyIgnoreIdentityHeader", "whether x-amzn-oidc-identity may differ from the signed subject"),
    ("denyListFile", "the file with users that are shut out"),
    ("signIn", "the sign-in policy"),
];

/// What Backstage's auth backend reads in the same object. Declared in `src/backstage/settings/table.rs`, of which the layer alone
/// knows the names only.
pub(crate) const OF_THE_BACKEND: [&str; 5] =
    ["sessionCookieName", "signOutUrl", "exposeAccessToken", "sessionDuration", "dangerouslyAllowInsecureOrigins"];
