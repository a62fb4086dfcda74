//! The address in a session's profile, under a policy that reads it from another claim than `email`.

use serde_json::{Value, json};
use tower_alb_auth::{AlbAuthLayer, sign_in::EmailLocalPart, test_util::User};

use crate::router::site::{Site, json};

#[tokio::test]
async fn s_108_the_profile_of_a_session_has_the_address_that_the_policy_reads() {
    let site = Site::of(
        |alb| {
            let policy = EmailLocalPart::in_domains(["example.com"]).email_claim("upn");
            AlbAuthLayer::new(alb.config_builder().accept_missing_email_verified().sign_in(policy).build().unwrap())
        },
        |auth| auth,
    )
    .await;
    let jane = || User::jane().claim("upn", "jane.doe@example.com").without("name");
    for user in [jane().claim("email", "admin@example.com"), jane().without("email")] {
        let answer = site.refresh(&user).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let session: Value = json(&answer);
        assert_eq!(session["profile"]["email"], json!("jane.doe@example.com"));
        // Without a name, it is the local part of that address.
        assert_eq!(session["profile"]["displayName"], json!("jane.doe"));
    }
}
