//! How a client proves itself at the token endpoint.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use tower_alb_auth::emulator::provider::DemoClient;

use crate::provider::site::{Answer, CALLBACK, CLIENT, SECRET, Site, Tokens};

async fn with_header(site: &Site, header: &str, form: &[(&str, &str)]) -> Answer {
    let request = site.browser().client.post(site.url("/token")).header("authorization", header);
    Answer::of(request.form(form)).await
}

fn basic(id: &str, secret: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{id}:{secret}")))
}

#[tokio::test]
async fn by_the_header_or_by_the_form() {
    let site = Site::new().await;
    // As in a form, as the RFC wants it, and as many clients do it.
    for secret in ["a+secret+of+development", "a%20secret%20of%20development", SECRET] {
        let code = site.code("jane", &[]).await;
        let form = [("grant_type", "authorization_code"), ("code", &code), ("redirect_uri", CALLBACK)];
        Tokens::of(&with_header(&site, &basic(CLIENT, secret), &form).await);
    }
    let code = site.code("jane", &[]).await;
    let form =
        [("grant_type", "authorization_code"), ("code", &code), ("redirect_uri", CALLBACK), ("client_id", CLIENT)];
    Tokens::of(&with_header(&site, &basic(CLIENT, SECRET).replace("Basic", "basic"), &form).await);
    let code = site.code("jane", &[]).await;
    Tokens::of(&site.redeem(&code, &[]).await);
}

#[tokio::test]
async fn a_secret_with_signs_of_an_encoding_is_taken_either_way() {
    const SIGNS: &str = "100%+more/==:";
    let client = DemoClient::new("signs", SIGNS).redirect_uri("http://app.localhost/");
    let site = Site::with(|builder| builder.client(client)).await;
    for secret in [SIGNS, "100%25%2Bmore%2F%3D%3D%3A"] {
        let form = [("grant_type", "refresh_token"), ("refresh_token", "x")];
        // Proven, and then refused for its token.
        with_header(&site, &basic("signs", secret), &form).await.assert_refused(400, "invalid_grant");
    }
    with_header(&site, &basic("signs", "100%+more"), &[]).await.assert_refused(401, "invalid_client");
}

#[tokio::test]
async fn an_unauthenticated_client_gets_nothing_and_spends_nothing() {
    let site = Site::new().await;
    let code = site.code("jane", &[]).await;
    let form = [("grant_type", "authorization_code"), ("code", code.as_str()), ("redirect_uri", CALLBACK)];
    for header in [
        basic(CLIENT, "wrong"),
        basic(CLIENT, ""),
        basic("nobody", SECRET),
        basic("", ""),
        "Basic".to_owned(),
        "Basic !!!".to_owned(),
        format!("Basic {}", STANDARD.encode("no colon")),
        format!("Bearer {SECRET}"),
    ] {
        let answer = with_header(&site, &header, &form).await;
        answer.assert_refused(401, "invalid_client");
        assert!(answer.header("www-authenticate").is_some_and(|value| value.starts_with("Basic")), "{header}");
        assert!(!answer.body.contains(SECRET), "{header}");
    }
    for proof in [
        vec![],
        vec![("client_id", CLIENT)],
        vec![("client_secret", SECRET)],
        vec![("client_id", CLIENT), ("client_secret", "wrong")],
        vec![("client_id", "other "), ("client_secret", SECRET)],
    ] {
        let answer = site.browser().post("/token", &[&proof, &form[..]].concat()).await;
        answer.assert_refused(401, "invalid_client");
    }
    for more in [
        vec![("client_secret", SECRET)],
        vec![("client_id", CLIENT), ("client_secret", SECRET)],
        vec![("client_id", "other")],
    ] {
        let answer = with_header(&site, &basic(CLIENT, SECRET), &[&more, &form[..]].concat()).await;
        answer.assert_refused(400, "invalid_request");
    }
    Tokens::of(&site.redeem(&code, &[]).await);
}

#[tokio::test]
async fn a_revoked_token_ends_its_sign_in() {
    let site = Site::new().await;
    let proof = [("client_id", CLIENT), ("client_secret", SECRET)];
    let revoke = async |client: &str, token: &str| {
        site.browser().post("/revoke", &[("client_id", client), ("client_secret", SECRET), ("token", token)]).await
    };
    for kind in ["access", "refresh"] {
        let tokens = site.tokens("jane").await;
        let token = if kind == "access" { &tokens.access } else { &tokens.refresh };
        // A request of another client has no effect, and does not show whether a token is known.
        assert_eq!(revoke("other", token).await.status.as_u16(), 200);
        assert_eq!(site.userinfo(&tokens.access).await.status.as_u16(), 200, "{kind}");
        assert_eq!(revoke(CLIENT, token).await.status.as_u16(), 200);
        assert_eq!(site.userinfo(&tokens.access).await.status.as_u16(), 401, "{kind}");
        site.refresh(&tokens.refresh).await.assert_refused(400, "invalid_grant");
    }
    assert_eq!(revoke(CLIENT, "unknown").await.status.as_u16(), 200);
    site.browser().post("/revoke", &proof).await.assert_refused(400, "invalid_request");
    site.browser().post("/revoke", &[("token", "x")]).await.assert_refused(401, "invalid_client");
}
