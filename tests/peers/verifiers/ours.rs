//! This crate's verdict on a token.

use http::{HeaderMap, HeaderValue};
use tower_alb_auth::{
    AlbAuthConfig, AlbAuthHandle, AlbAuthLayer, AuthErrorKind, SignedIn, keys::FixedKeys, sign_in::ClaimsOnly,
    test_util::MockAlb,
};

use super::{Seen, theirs::public_keys};

pub struct Ours(AlbAuthHandle);

impl Ours {
    pub fn new(albs: &[MockAlb; 3]) -> Self {
        let keys = public_keys(albs);
        let keys = keys.iter().fold(FixedKeys::new(), |keys, (kid, pem)| keys.add(kid, pem).expect("a public key"));
        let config = AlbAuthConfig::builder().trust(albs[0].trusted().sign_in(ClaimsOnly)).fixed_keys(keys);
        let config = config.dangerously_ignore_identity_header().build().expect("a sound configuration");
        Self(AlbAuthLayer::new(config).handle())
    }

    pub async fn verdict(&self, token: &str) -> Result<Seen, AuthErrorKind> {
        let Ok(value) = HeaderValue::from_str(token) else { return Err(AuthErrorKind::Malformed) };
        let mut headers = HeaderMap::new();
        headers.insert("x-amzn-oidc-data", value);
        let signed_in = self.0.authenticate(&headers).await.map_err(|error| error.kind())?;
        let again =
            self.0.authenticate(&headers).await.expect("a token that is accepted is accepted again, from the cache");
        assert_eq!(seen(&again), seen(&signed_in));
        Ok(seen(&signed_in))
    }
}

fn seen(signed_in: &SignedIn) -> Seen {
    let claims = signed_in.claims();
    let text = |text: Option<&str>| text.map(str::to_owned);
    Seen {
        sub: text(Some(claims.subject())),
        iss: text(Some(claims.issuer())),
        email: text(claims.email()),
        name: text(claims.name()),
        exp: claims.get("exp").expect("a number or none"),
    }
}
