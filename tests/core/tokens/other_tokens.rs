//! Tokens of other kinds, sound in their own place.

use http::header::AUTHORIZATION;
use serde_json::json;
use tower_alb_auth::{
    AuthErrorKind,
    test_util::{MockAlb, User},
};

use crate::{
    support::App,
    tokens::{
        forge::{encode, sign_text},
        gate::Gate,
    },
};

#[tokio::test]
async fn s_28_tokens_of_other_kinds_are_refused_even_with_the_load_balancers_signature() {
    let gate = Gate::new();
    let now = gate.alb.unix_now();
    let (kid, issuer, client, signer) = (gate.alb.kid(), gate.alb.issuer(), gate.alb.client_id(), gate.alb.signer());
    let user = json!({"iss": issuer, "sub": "jane", "email": "jane.doe@example.com", "exp": now + 100, "iat": now});
    let backstage = json!({
        "iss": "https://backstage.example.com/api/auth", "sub": "user:default/jane.doe", "ent": ["user:default/jane.doe"],
        "aud": "backstage", "iat": now, "exp": now + 3600, "uip": "signature"
    });
    for (case, header, payload, kind) in [
        (
            "Backstage user token",
            json!({"typ": "vnd.backstage.user", "alg": "ES256", "kid": kid}),
            &backstage,
            AuthErrorKind::UnsupportedType,
        ),
        (
            "Backstage user token with the header of a load balancer",
            json!({
                "typ": "vnd.backstage.user", "alg": "ES256", "kid": kid, "iss": issuer, "client": client,
                "signer": signer, "exp": now + 100
            }),
            &backstage,
            AuthErrorKind::UnsupportedType,
        ),
        (
            "Backstage plugin token",
            json!({"typ": "vnd.backstage.plugin", "alg": "ES256", "kid": kid}),
            &backstage,
            AuthErrorKind::UnsupportedType,
        ),
        (
            "Backstage token of before types",
            json!({"alg": "ES256", "kid": kid}),
            &backstage,
            AuthErrorKind::MalformedHeader,
        ),
        (
            "Cognito id token",
            json!({"kid": "3ZP1q0r7bM3c=", "alg": "RS256"}),
            &user,
            AuthErrorKind::UnsupportedAlgorithm,
        ),
        ("id token, ES256", json!({"typ": "JWT", "kid": kid, "alg": "ES256"}), &user, AuthErrorKind::MalformedHeader),
        (
            "id token with exp in its header",
            json!({"typ": "JWT", "kid": kid, "alg": "ES256", "exp": now + 100}),
            &user,
            AuthErrorKind::UntrustedSigner,
        ),
        ("access token", json!({"typ": "at+jwt", "kid": kid, "alg": "ES256"}), &user, AuthErrorKind::UnsupportedType),
        (
            "logout token",
            json!({"typ": "logout+jwt", "kid": kid, "alg": "ES256"}),
            &user,
            AuthErrorKind::UnsupportedType,
        ),
        (
            "proof of possession",
            json!({"typ": "dpop+jwt", "jwk": {}, "alg": "ES256"}),
            &user,
            AuthErrorKind::UnsupportedHeader,
        ),
    ] {
        let token = sign_text(&gate.alb, &encode(header.to_string()), &encode(payload.to_string()));
        gate.refuses_unasked(case, token, kind).await;
    }
    // As the provider signs it: 256 bytes of RSA.
    let header = encode(json!({"kid": "3ZP1q0r7bM3c=", "alg": "RS256"}).to_string());
    let token = format!("{header}.{}.{}", encode(user.to_string()), encode([0x5a; 256]));
    gate.refuses_unasked("Cognito id token, RS256", token, AuthErrorKind::Malformed).await;
    gate.admits_jane().await;
}

#[tokio::test]
async fn s_28_a_good_token_in_another_header_is_no_token() {
    let alb = MockAlb::new();
    let app = App::new(alb.layer());
    let token = alb.sign(&User::jane());
    for (name, value) in [
        (AUTHORIZATION.as_str(), format!("Bearer {token}")),
        ("x-amzn-oidc-accesstoken", token.clone()),
        ("x-amzn-oidc-identity", token.clone()),
        ("cookie", format!("AWSELBAuthSessionCookie-0={token}")),
        ("x-forwarded-access-token", token.clone()),
    ] {
        let answer = app.call(alb.request("/").header(name, &value)).await;
        assert_eq!(answer.kind(), Some(AuthErrorKind::Missing), "{name}");
        answer.assert_401(AuthErrorKind::Missing);
    }
    let in_query = app.call(alb.request(&format!("/?token={token}"))).await;
    in_query.assert_401(AuthErrorKind::Missing);
    assert_eq!((app.calls(), alb.key_fetches()), (0, 0));
}
