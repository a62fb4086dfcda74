//! Userinfo: which claims a token gives access to.

use http::StatusCode;
use tower_alb_auth::emulator::provider::DemoUser;

use crate::provider::site::{Answer, Site, Tokens};

/// What userinfo tells under this scope, as text: the order of members counts.
async fn told(site: &Site, user: &str, scope: &str) -> String {
    let code = site.code(user, &[("scope", scope)]).await;
    let tokens = Tokens::of(&site.redeem(&code, &[]).await);
    site.userinfo(&tokens.access).await.body
}

#[tokio::test]
async fn a_scope_brings_its_claims() {
    let site = Site::new().await;
    let name = r#""name":"Jane Doe","family_name":"Doe","given_name":"Jane""#;
    let picture = r#""picture":"https://graph.microsoft.com/v1.0/me/photo/$value""#;
    let (sub, email) = (r#""sub":"Zk3pQv0uM1tX9b2hGd7sLw8yRc5nAe4jTf6oKi0qWxE""#, r#""email":"jane.doe@example.com""#);
    assert_eq!(told(&site, "jane", "openid").await, format!("{{{sub}}}"));
    assert_eq!(told(&site, "jane", "openid email").await, format!("{{{sub},{email}}}"));
    assert_eq!(told(&site, "jane", "openid profile").await, format!("{{{sub},{name},{picture}}}"));
    let whole = format!("{{{sub},{name},{picture},{email}}}");
    assert_eq!(told(&site, "jane", "openid profile email").await, whole);
}

#[tokio::test]
async fn ready_users_have_the_shape_of_their_providers() {
    let site = Site::new().await;
    let all = async |user: &str| -> serde_json::Value {
        serde_json::from_str(&told(&site, user, "openid profile email").await).unwrap()
    };
    let carlos = all("carlos").await;
    assert!(carlos.as_object().unwrap().values().all(serde_json::Value::is_string), "{carlos}");
    assert_eq!(carlos["email_verified"], "true");
    let identities: serde_json::Value = serde_json::from_str(carlos["identities"].as_str().unwrap()).unwrap();
    assert_eq!(identities[0]["primary"], "true");
    let admin = all("admin").await;
    assert_eq!(admin["groups"], serde_json::json!(["platform-admins", "staff"]));
    assert_eq!(admin["email_verified"], true);
    assert!(all("nomail").await["email"].is_null());
    assert_eq!(all("guest").await["email"], "guest@partner.example");
    let jane = all("jane").await;
    assert!(jane["email_verified"].is_null() && jane["groups"].is_null(), "{jane}");
}

/// A load balancer adds `exp` and `iss` to the claims, so a provider's own would stand there twice.
#[tokio::test]
async fn no_ready_user_has_a_claim_that_the_load_balancer_adds() {
    for user in DemoUser::builtin() {
        assert!(user.claims().all(|(name, _)| !matches!(name, "exp" | "iss")), "{}", user.id());
    }
}

#[tokio::test]
async fn only_a_good_token_is_answered() {
    let site = Site::new().await;
    let tokens = site.tokens("jane").await;
    let ask = async |header: Option<String>| {
        let request = site.browser().client.get(site.url("/userinfo"));
        Answer::of(header.into_iter().fold(request, |request, value| request.header("authorization", value))).await
    };
    for (case, header, challenge) in [
        ("no token", None, "Bearer realm"),
        ("Basic", Some("Basic dG91cjp0b3Vy".to_owned()), "Bearer realm"),
        ("no value", Some("Bearer ".to_owned()), "Bearer"),
        ("forged", Some("Bearer forged".to_owned()), "Bearer error=\"invalid_token\""),
        ("an ID token", Some(format!("Bearer {}", tokens.id)), "Bearer error=\"invalid_token\""),
        ("a refresh token", Some(format!("Bearer {}", tokens.refresh)), "Bearer error=\"invalid_token\""),
        ("one letter off", Some(format!("Bearer {}x", tokens.access)), "Bearer error=\"invalid_token\""),
    ] {
        let answer = ask(header).await;
        assert_eq!((answer.status, answer.body.as_str()), (StatusCode::UNAUTHORIZED, ""), "{case}");
        assert!(
            answer.header("www-authenticate").is_some_and(|value| value.starts_with(challenge)),
            "{case}: {answer:?}"
        );
    }
    // In the address a token would stand in logs, so there it does not count.
    let in_query = site.browser().get("/userinfo", &[("access_token", &tokens.access)]).await;
    assert_eq!(in_query.status, StatusCode::UNAUTHORIZED);
    assert_eq!(ask(Some(format!("bearer {}", tokens.access))).await.status, StatusCode::OK);
    let by_post = site.browser().client.post(site.url("/userinfo")).bearer_auth(&tokens.access);
    assert_eq!(Answer::of(by_post).await.json()["name"], "Jane Doe");
}
