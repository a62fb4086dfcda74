//! S-58: who a user is, and what is shown of the user, comes from the signed token alone.

use std::convert::Infallible;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use http::{Request, Response};
use serde_json::json;
use tower::{Layer, ServiceExt, service_fn};
use tower_alb_auth::{
    AlbAccessToken, AlbAuthLayer, BackstageIdentity, Claims,
    sign_in::{EmailLocalPart, FirstMatch, GroupOwnership, Subject},
    test_util::{MockAlb, User},
};

/// Everything there is to see of the user.
async fn show(request: Request<String>) -> Result<Response<String>, Infallible> {
    let user = request.extensions().get::<BackstageIdentity>().expect("an identity");
    let (profile, claims) = (user.profile(), Claims::of(request.extensions()).unwrap());
    let seen = format!(
        "{} {:?} {} {:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?}",
        user.user_entity_ref(),
        user.ownership_entity_refs(),
        profile.display_name(),
        profile.email(),
        profile.picture(),
        claims.stable_id(),
        claims.name(),
        claims.email_verified(),
        claims.groups(),
        claims.roles(),
        claims.get::<String>("preferred_username"),
        claims.get::<serde_json::Value>("iss"),
    );
    Ok(Response::new(seen))
}

fn access_token() -> String {
    let evil = json!({
        "iss": "https://idp.example.com", "sub": "evil", "email": "evil@example.com", "email_verified": true, "name": "Evil",
        "picture": "https://evil.example/", "groups": ["admins"], "roles": ["admins"], "preferred_username": "evil",
        "exp": 253_402_300_799_u64,
    });
    let part = |value: serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}.{}", part(json!({ "typ": "JWT", "alg": "RS256" })), part(evil), URL_SAFE_NO_PAD.encode([7; 256]))
}

#[tokio::test]
async fn s_58_an_access_token_that_is_a_jwt_changes_nothing() {
    let alb = MockAlb::new();
    let policy = || {
        let names = FirstMatch::of(EmailLocalPart::in_domains(["example.com"])).or(Subject::new());
        GroupOwnership::of(names).claim("groups").map("admins", "group:default/admins")
    };
    let evil = access_token();
    // What looks like a token of this load balancer is one only in its own header.
    let signed = alb.sign(&User::entra("evil"));
    for user in [User::jane(), User::okta("jane"), User::google("jane").claim("groups", ["people"])] {
        let token = alb.sign(&user);
        let mut seen = Vec::new();
        for access_token in
            [None, Some("opaque"), Some(evil.as_str()), Some(signed.as_str()), Some("a.b.c"), Some("..")]
        {
            for expose in [false, true] {
                let layer = AlbAuthLayer::new(alb.config_builder().sign_in(policy()).build().unwrap());
                let layer = if expose { layer.expose_access_token() } else { layer };
                let request = alb.request("/").token(&token);
                let request = match access_token {
                    Some(text) => request.header("x-amzn-oidc-accesstoken", text),
                    None => request,
                };
                let answer = layer.layer(service_fn(show)).oneshot(request.into()).await.unwrap();
                assert_eq!(answer.status(), 200, "{access_token:?}");
                seen.push(answer.into_body());
            }
        }
        assert!(!seen[0].to_lowercase().contains("evil") && !seen[0].contains("admins"), "{}", seen[0]);
        assert!(seen.iter().all(|other| *other == seen[0]), "{seen:#?}");
    }
}

#[tokio::test]
async fn s_58_an_access_token_alone_names_no_user() {
    let alb = MockAlb::new();
    let app = crate::sign_in::app(&alb, EmailLocalPart::in_domains(["example.com"]));
    let request = alb.request("/").header("x-amzn-oidc-accesstoken", alb.sign(&User::jane()));
    app.call(request).await.assert_401(tower_alb_auth::AuthErrorKind::Missing);
}

#[tokio::test]
async fn an_exposed_access_token_is_the_header_as_it_came() {
    let alb = MockAlb::new();
    let handler = |request: Request<String>| async move {
        let token = request.extensions().get::<AlbAccessToken>().and_then(AlbAccessToken::as_str).map(str::to_owned);
        Ok::<_, Infallible>(Response::new(token.unwrap_or_default()))
    };
    for (expose, expected) in [(true, "opaque-access-token"), (false, "")] {
        let layer = if expose { alb.layer().expose_access_token() } else { alb.layer() };
        let request = alb.request("/").user(&User::jane()).into();
        assert_eq!(layer.layer(service_fn(handler)).oneshot(request).await.unwrap().into_body(), expected);
    }
}
