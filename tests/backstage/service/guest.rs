//! Guests: in development alone, unless the files say otherwise by name.

use crate::{
    service::settings::{SOUND, folder_with},
    support::backstage_auth::Service,
};

async fn asked(settings: &str, variables: &[(&str, &str)]) -> (u16, String) {
    let folder = folder_with(&format!("{SOUND}{settings}"));
    let service = Service::start_in(folder.path(), &["--without-catalog", "--listen", "127.0.0.1:0"], variables);
    let answer = reqwest::get(service.at("/api/auth/guest/refresh")).await.expect("an answer");
    (answer.status().as_u16(), answer.text().await.expect("a text"))
}

#[tokio::test]
async fn guests_come_in_in_development_alone() {
    let guest = "    guest: {}\n";
    assert_eq!(asked("", &[("NODE_ENV", "development")]).await.0, 403, "there is no such provider in the files");
    assert_eq!(asked(guest, &[]).await.0, 403);
    assert_eq!(asked(guest, &[("NODE_ENV", "production")]).await.0, 403);
    let (status, session) = asked(guest, &[("NODE_ENV", "development")]).await;
    assert!(status == 200 && session.contains("user:development/guest"), "{status} {session}");
    let waived = "    guest: { dangerouslyAllowOutsideDevelopment: true, userEntityRef: 'user:default/visitor' }\n";
    let (status, session) = asked(waived, &[]).await;
    assert!(status == 200 && session.contains("user:default/visitor"), "{status} {session}");
}
