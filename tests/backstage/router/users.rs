//! Which user a session is for: no claim makes a user another one.

use tower_alb_auth::{
    AlbAuthConfig, AlbAuthLayer,
    sign_in::{EmailLocalPart, SignInError, WholeEmail, from_fn},
    test_util::{MockAlb, User},
};

use crate::router::site::{SAYS_403, Site, json, said};

async fn refused(site: &Site, user: &User, row: &str) {
    let answer = site.refresh(user).await;
    assert_eq!(said(&answer), (403, "NotAllowedError".to_owned(), SAYS_403.to_owned()), "{row}");
}

fn email(email: &str) -> User {
    User::jane().claim("email", email)
}

async fn named(site: &Site, user: &User) -> String {
    let answer = site.refresh(user).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    json(&answer)["backstageIdentity"]["identity"]["userEntityRef"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn s_53_a_local_part_is_no_entity_ref() {
    let site = Site::new().await;
    let long = "a".repeat(64);
    for part in ["group:default/admins", "a/b", "a:b", "..", "a%2fb", "", &long, "-a", "a.", "a,b", "a b"] {
        refused(&site, &email(&format!("{part}@example.com")), part).await;
    }
}

#[tokio::test]
async fn s_54_a_domain_is_the_whole_of_what_stands_behind_the_one_at() {
    let site = Site::new().await;
    for address in [
        "a@evil.com@example.com",
        "a@notexample.com",
        "a@sub.example.com",
        "a@example.com.",
        "\"a@example.com\"@evil",
        "@example.com",
        "a@",
        "a@example.com,b",
        "a@example.com b",
        "a@example.com&b",
        "a@example.com%b",
    ] {
        refused(&site, &email(address), address).await;
    }
    assert_eq!(named(&site, &email("Jane.Doe@EXAMPLE.com")).await, "user:default/jane.doe");
}

#[tokio::test]
async fn s_55_an_unverified_email_signs_no_user_in() {
    use serde_json::Value;
    let site = Site::new().await;
    for verified in [Value::Bool(false), "false".into(), 1.into(), "TRUE ".into(), Value::Null] {
        refused(&site, &User::jane().claim("email_verified", verified.clone()), &verified.to_string()).await;
    }
    for verified in [Value::Bool(true), "true".into()] {
        assert_eq!(named(&site, &User::jane().claim("email_verified", verified)).await, "user:default/jane.doe");
    }
    refused(&site, &User::jane().without("email"), "no email at all").await;
}

#[tokio::test]
async fn s_56_letters_that_look_alike_are_other_letters() {
    let site = Site::new().await;
    for address in [
        "\u{212a}ate@example.com",
        "m\u{131}ke@example.com",
        "\u{17f}am@example.com",
        "\u{430}dmin@example.com",
        "a@xn--exmple-cua.com",
        "\u{fb01}@example.com",
    ] {
        refused(&site, &email(address), address).await;
    }
}

#[tokio::test]
async fn s_57_a_plus_address_is_not_its_owner_s() {
    refused(&Site::new().await, &email("jane.doe+x@example.com"), "plus").await;
}

#[tokio::test]
async fn s_59_the_same_subject_of_two_issuers_is_two_users() {
    let mut others = None;
    let site = Site::of(
        |alb| {
            // With the same key and the same claims: what differs is who vouches for them.
            let other = MockAlb::with_keys_of(alb).with_issuer("https://other.example.com");
            let email = |namespace: &str| EmailLocalPart::in_domains(["example.com"]).in_namespace(namespace);
            let config = AlbAuthConfig::builder()
                .trust(alb.trusted().sign_in(email("default")))
                .trust(other.trusted().sign_in(email("others")));
            others = Some(other.clone());
            AlbAuthLayer::new(alb.keys_and_clock(config).build().unwrap())
        },
        |auth| auth,
    )
    .await;
    assert_eq!(named(&site, &User::jane()).await, "user:default/jane.doe");
    let token = others.unwrap().sign(&User::jane());
    let answer = site.call(site.request("/awsalb/refresh").token(&token)).await;
    let jane_of_others = crate::router::site::token(&answer);
    assert!(site.user_info(&jane_of_others).await.body.contains("user:others/jane.doe"));
}

#[tokio::test]
async fn s_70_a_user_without_a_name_gets_no_token() {
    let site = Site::of(
        |alb| {
            let nobody = from_fn(|_| Err(SignInError::not_found("no such user")));
            AlbAuthLayer::new(alb.config_builder().sign_in(nobody).build().unwrap())
        },
        |auth| auth,
    )
    .await;
    refused(&site, &User::jane(), "not in the catalog").await;
    assert!(
        json(&site.get("/.well-known/jwks.json").await)["keys"].as_array().unwrap().is_empty(),
        "nothing was signed"
    );
}

#[tokio::test]
async fn s_75_a_guest_of_the_own_tenant_is_let_in_by_name_alone() {
    let site = Site::new().await;
    refused(&site, &email("guest@partner.com"), "a partner").await;
    refused(&site, &email("guest_partner.com#ext#@example.com"), "a partner's alias").await;
    let site = Site::of(
        |alb| {
            let policy = WholeEmail::in_domains(["example.com", "partner.com"]);
            AlbAuthLayer::new(alb.config_builder().sign_in(policy).build().unwrap())
        },
        |auth| auth,
    )
    .await;
    assert_eq!(named(&site, &email("guest@partner.com")).await, "user:default/guest_partner.com");
}
