//! Access tokens of machines.

use jsonwebtoken::{DecodingKey, crypto::aws_lc, decode_header, jwk::JwkSet};
use serde_json::json;
use tower_alb_auth::emulator::provider::{DemoClient, DemoProvider};

use crate::provider::site::{CLIENT, SECRET, Site, payload};

async fn site() -> Site {
    Site::with(|builder| builder.client(DemoClient::machine("report", SECRET))).await
}

const GRANT: (&str, &str) = ("grant_type", "client_credentials");

#[tokio::test]
async fn s_148_a_machine_gets_a_signed_token_about_itself() {
    let site = site().await;
    let client = site.browser();
    let machine = [GRANT, ("client_id", "report"), ("client_secret", SECRET)];
    let answer = client.post("/token", &machine).await;
    let token = answer.json()["access_token"].as_str().expect("a token").to_owned();
    let found = payload(&token);
    assert_eq!((&found["iss"], &found["aud"]), (&json!(site.provider.issuer()), &json!(site.provider.issuer())));
    assert_eq!((&found["sub"], &found["client_id"]), (&json!("report"), &json!("report")));
    assert_eq!(found["exp"].as_u64().unwrap() - found["iat"].as_u64().unwrap(), 3600);
    assert!(answer.json().get("refresh_token").is_none() && answer.json().get("id_token").is_none());
    let resource = [&machine[..], &[("resource", "https://api.example.com"), ("scope", "a b")]].concat();
    let found = payload(client.post("/token", &resource).await.json()["access_token"].as_str().expect("a token"));
    assert_eq!((&found["aud"], &found["scope"]), (&json!("https://api.example.com"), &json!("a b")));

    // The published key verifies it, and has no private half.
    let jwks = client.get("/jwks", &[]).await.body;
    let keys: JwkSet = serde_json::from_str(&jwks).expect("a key set");
    let header = decode_header(&token).expect("a header");
    assert_eq!((format!("{:?}", header.alg), header.typ.as_deref()), ("RS256".to_owned(), Some("at+jwt")));
    let key =
        DecodingKey::from_jwk(keys.find(header.kid.as_deref().expect("a kid")).expect("published")).expect("a key");
    let verifier = (aws_lc::DEFAULT_PROVIDER.verifier_factory)(&header.alg, &key).expect("a verifier");
    let (message, signature) = token.rsplit_once('.').expect("a signature");
    use base64::Engine as _;
    let signature = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(signature).expect("base64url");
    verifier.verify(message.as_bytes(), &signature).expect("a valid signature");
    for private in ["\"d\"", "\"p\"", "\"q\"", "\"dp\"", "\"qi\""] {
        assert!(!jwks.contains(private), "{private}");
    }
    let grants = client.get("/.well-known/openid-configuration", &[]).await.json()["grant_types_supported"].clone();
    assert!(grants.as_array().expect("a list").contains(&json!("client_credentials")), "{grants}");
    // It is no user.
    assert_eq!(site.userinfo(&token).await.status, 401);
}

#[tokio::test]
async fn s_148_no_other_client_gets_a_token_of_a_machine() {
    let site = site().await;
    let client = site.browser();
    let of = |id: &'static str, secret: &'static str| vec![GRANT, ("client_id", id), ("client_secret", secret)];
    client.post("/token", &of(CLIENT, SECRET)).await.assert_refused(400, "unauthorized_client");
    client.post("/token", &of("report", "wrong")).await.assert_refused(401, "invalid_client");
    client.post("/token", &of("unknown", SECRET)).await.assert_refused(401, "invalid_client");
    client.post("/token", &[GRANT]).await.assert_refused(401, "invalid_client");
    let both = [of("report", SECRET), vec![("audience", "a"), ("resource", "b")]].concat();
    client.post("/token", &both).await.assert_refused(400, "invalid_request");
    let twice = [of("report", SECRET), vec![("audience", "a"), ("audience", "b")]].concat();
    client.post("/token", &twice).await.assert_refused(400, "invalid_request");
    let long = "x".repeat(2_000);
    let long = [of("report", SECRET), vec![("audience", long.as_str())]].concat();
    client.post("/token", &long).await.assert_refused(400, "invalid_request");
    // Where no machine is registered, there is no such grant.
    let without = Site::new().await;
    without.browser().post("/token", &of(CLIENT, SECRET)).await.assert_refused(400, "unsupported_grant_type");
}

#[test]
fn a_client_of_machines_signs_no_users_in() {
    let machine = DemoClient::machine("report", SECRET).redirect_uri("http://app.localhost:9000/callback");
    let error =
        DemoProvider::builder().issuer("http://idp.localhost:9001").client(machine).build().expect_err("refused");
    assert!(error.to_string().contains("of machines has a redirect URI"), "{error}");
}
