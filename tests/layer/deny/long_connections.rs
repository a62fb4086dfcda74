//! A connection that outlives its request.

use std::time::Duration;

use tower_alb_auth::{
    AuthErrorKind,
    deny_list::Denied,
    test_util::{MockAlb, User},
};

use super::janes;

#[tokio::test(start_paused = true)]
async fn s_93_a_long_connection_learns_that_its_user_is_denied() {
    let alb = MockAlb::new();
    for (by, jane) in janes(&alb) {
        let handle = alb.layer().handle();
        let request = alb.request("/").user(&User::jane()).body(());
        let signed_in = handle.authenticate(request.headers()).await.unwrap();
        let identity = signed_in.identity().unwrap().clone();
        assert!(handle.check_denied(&identity).is_ok());
        handle.deny(Denied::user("user:default/john".parse().unwrap()));
        let waiting = tokio::spawn({
            let handle = handle.clone();
            async move { handle.until_denied(&identity).await.kind() }
        });
        tokio::time::sleep(Duration::from_secs(3600)).await;
        assert!(!waiting.is_finished(), "{by}");
        handle.deny(jane);
        let refused = tokio::time::timeout(Duration::from_secs(2), waiting).await;
        assert_eq!(refused.expect("within two seconds").unwrap(), AuthErrorKind::Denied, "{by}");
        // By claims alone, an entity ref is unknown.
        assert_eq!(handle.check_denied(signed_in.claims()).is_err(), by != "entity ref");
    }
}
