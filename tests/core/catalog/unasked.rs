//! What the catalog is not asked.

use super::{
    catalog,
    server::{CatalogServer, user},
    sign_in,
};

#[tokio::test]
async fn a_name_that_no_entity_can_have_is_not_looked_up_by_name() {
    let server = CatalogServer::start([user("jane.doe", "jane.doe@example.com", &[])]).await;
    let catalog = catalog(&server);
    for local_part in ["-jane", "jane+x", "o'brien", "jane.", &"j".repeat(64)] {
        let answer = sign_in(catalog.by_email_local_part(["example.com"]), &format!("{local_part}@example.com")).await;
        assert_eq!(answer.status.as_u16(), 403, "{local_part}");
    }
    let asked = server.asked();
    assert!(!asked.iter().any(|(question, _)| question.starts_with("name ")), "{asked:?}");
}
