//! S-93: a user who is shut out gets no session, and no answer with a token from before.

use std::time::Duration;

use tower_alb_auth::{
    Clock,
    backstage::Guest,
    deny_list::{Denied, DenyList},
    test_util::{MockAlb, User},
};

use crate::router::site::{SAYS_403, Site, said, shown, token};

const JANE: &str = "user:default/jane.doe";
const REFUSED: (u16, &str) = (403, "NotAllowedError");

async fn site(list: &DenyList) -> Site {
    let list = list.clone();
    Site::of(move |alb| alb.layer().deny_list(&list), |auth| auth).await
}

#[tokio::test]
async fn s_93_a_denied_user_gets_no_session_and_userinfo_refuses_an_earlier_token() {
    for (by, jane) in [
        ("entity ref", Denied::user(JANE.parse().unwrap())),
        ("email", Denied::email("Jane.Doe+x@example.com").unwrap()),
        ("subject", Denied::subject(MockAlb::new().issuer(), "AAAAAAAAAAAAAAAAAAAAAIjane.doe").unwrap()),
    ] {
        let list = DenyList::new();
        let site = site(&list).await;
        let [jane_s, john_s] = [site.token(&User::jane()).await, site.token(&User::entra("john.doe")).await];
        assert_eq!(site.user_info(&jane_s).await.status, 200, "{by}");
        list.deny(jane.clone().until(site.clock.now() + Duration::from_secs(600)));
        for answer in [site.refresh(&User::jane()).await, site.user_info(&jane_s).await] {
            let (status, name, message) = said(&answer);
            assert_eq!(((status, name.as_str()), message.as_str()), (REFUSED, SAYS_403), "{by}");
            assert_eq!(answer.header("cache-control"), Some("no-store"), "{by}");
            assert!(!answer.body.contains("jane"), "{by}: {}", answer.body);
        }
        assert_eq!(site.user_info(&john_s).await.status, 200, "{by}");
        assert_eq!(site.refresh(&User::entra("john.doe")).await.status, 200, "{by}");

        site.clock.advance(Duration::from_secs(601));
        assert_eq!(site.user_info(&jane_s).await.status, 200, "{by}");
        assert_eq!(site.refresh(&User::jane()).await.status, 200, "{by}");
    }
}

#[tokio::test]
async fn s_93_a_guest_can_be_shut_out_too() {
    let list = DenyList::new();
    let of_layer = list.clone();
    let site =
        Site::of(move |alb| alb.layer().deny_list(&of_layer), |auth| auth.dangerously_allow_guest(Guest::new())).await;
    let session = site.get("/guest/refresh").await;
    let earlier = token(&session);
    list.deny(Denied::user("user:development/guest".parse().unwrap()));
    assert_eq!(site.get("/guest/refresh").await.status, 403);
    assert_eq!(site.user_info(&earlier).await.status, 403);
    assert!(!shown(&site.get("/guest/refresh").await).contains("token"));
}
