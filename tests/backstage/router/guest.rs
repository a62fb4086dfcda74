//! The guest: off unless the application says otherwise.

use http::Method;
use tower_alb_auth::{
    EntityRef,
    backstage::{Guest, SessionProfile},
    test_util::User,
};

use crate::router::site::{Site, said, shown, token};

#[tokio::test]
async fn guests_are_not_let_in() {
    let site = Site::new().await;
    for request in
        [site.request("/guest/refresh"), site.request("/guest/refresh/").method(Method::POST).user(&User::jane())]
    {
        let answer = site.call(request).await;
        assert_eq!(said(&answer), (403, "NotAllowedError".to_owned(), "Guest sign-in is not allowed.".to_owned()));
    }
}

#[tokio::test]
async fn a_guest_is_backstage_s_where_guests_are_let_in() {
    let site = Site::with(|auth| auth.dangerously_allow_guest(Guest::new())).await;
    let answer = site.get("/guest/refresh").await;
    insta::assert_snapshot!(shown(&answer), @r##"
    200
    cache-control: no-store
    content-length: 707
    content-type: application/json; charset=utf-8
    vary: origin
    x-content-type-options: nosniff

    {"profile":{},"backstageIdentity":{"id":"guest","token":"<JWT>","identity":{"type":"user","userEntityRef":"user:development/guest","ownershipEntityRefs":["user:development/guest"]},"expiresInSeconds":3600}}
    "##);
    let info = site.user_info(&token(&answer)).await;
    assert_eq!(info.body, r#"{"claims":{"sub":"user:development/guest","ent":["user:development/guest"]}}"#);
}

#[tokio::test]
async fn a_guest_may_be_a_known_user() {
    let guest = Guest::new()
        .user(EntityRef::user("visitor").unwrap())
        .ownership(["user:default/visitor", "group:default/demo"].map(|text| text.parse().unwrap()));
    let mut profile = SessionProfile::default();
    profile.email = Some("guest@example.com".to_owned());
    profile.picture = Some(String::new());
    profile.display_name = Some("Guest".to_owned());
    let site = Site::with(|auth| auth.dangerously_allow_guest(guest.profile(profile))).await;
    let body = site.get("/guest/refresh").await.body;
    assert!(body.starts_with(r#"{"profile":{"email":"guest@example.com","picture":"","displayName":"Guest"},"backstageIdentity":{"id":"visitor","#), "{body}");
    assert!(body.contains(r#""ownershipEntityRefs":["user:default/visitor","group:default/demo"]"#), "{body}");
}

#[tokio::test]
async fn s_68_another_site_gets_no_guest_session() {
    let site = Site::with(|auth| auth.dangerously_allow_guest(Guest::new())).await;
    let request = site.request("/guest/refresh").header("origin", "https://evil.example");
    assert_eq!(site.call(request).await.status, 403);
}
