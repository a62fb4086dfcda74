//! Private keys stay where they are.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use tower_alb_auth::{
    backstage::{PublicJwk, SigningKeys},
    test_util::TestClock,
};

use crate::{
    issuer::{
        files::Folder,
        site::{Store, builder, settle, token},
    },
    support::traced::Traced,
};

#[test]
fn s_63_a_row_with_a_private_member_is_no_public_key_and_the_error_does_not_show_it() {
    for member in ["d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"] {
        let row = format!(r#"{{"kty":"EC","crv":"P-256","kid":"one","alg":"ES256","{member}":"canary"}}"#);
        let error = PublicJwk::parse(&row).unwrap_err();
        assert_eq!(error.to_string(), "not a public JWK: it has a private member");
        assert!(!format!("{error:?}").contains("canary"));
    }
    let escaped = r#"{"kty":"RSA","kid":"one","n":"AQAB","e":"AQAB","\u0064":"canary"}"#;
    assert!(PublicJwk::parse(escaped).is_err(), "however it is written");
}

#[tokio::test]
async fn s_63_no_private_key_is_ever_logged_shown_or_given_to_a_store() {
    let (traced, _guard) = Traced::begin();
    let (clock, store, folder) = (TestClock::new(), Store::default(), Folder::new());
    let text = folder.add_key("one");
    let body: String = text.lines().filter(|line| !line.starts_with("--")).collect();
    let der = STANDARD.decode(&body).unwrap();
    // PKCS #8 of P-256: the private number stands at 36 (RFC 5958, RFC 5915).
    let private = &der[36..68];
    let hex: String = private.iter().map(|byte| format!("{byte:02x}")).collect();
    let base64url = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(private);

    let keys = SigningKeys::from_folder(folder.path()).unwrap();
    let builder = builder(&clock).user_signing_keys(keys).user_keys(store.clone());
    let mut shown = format!("{builder:?} {builder:#?}");
    let issuer = builder.build().unwrap();
    let issued = issuer.user_token(&crate::issuer::site::jane(), &[]).await.unwrap();
    let token = token(&issuer).await;
    issuer.verify(&token).await.unwrap();
    folder.write("two.pem", &text.replacen("MI", "??", 1));
    shown += &format!("{:?}", issuer.reload_signing_keys().await.unwrap_err());
    settle().await;
    let (listed, readiness) = (issuer.public_keys().await.unwrap(), issuer.readiness());
    shown += &format!("{issuer:?} {issuer:#?} {issued:?} {listed:?} {readiness:?} {:?}", store.rows().await);
    shown += &listed.iter().map(PublicJwk::json).collect::<String>();
    shown += &traced.all();

    let numbers = format!("{private:?}");
    for canary in [&body[..40], &body[50..80], &hex, &base64url, numbers.trim_matches(['[', ']'])] {
        assert!(!shown.contains(canary));
    }
    assert!(!shown.contains(issued.expose()) && !shown.contains(&token), "nor a token");
    assert!(traced.all().contains("published a signing key"), "something was logged");
}
