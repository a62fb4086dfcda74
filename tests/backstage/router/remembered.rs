//! S-140: what is read for each request, although the user's token was verified before.

use std::sync::atomic::Ordering;

use tower_alb_auth::{
    deny_list::{Denied, DenyList},
    test_util::User,
};

use crate::router::site::Site;

#[tokio::test]
async fn s_140_the_deny_list_is_read_for_each_use_of_a_remembered_token() {
    let list = DenyList::new();
    let of_layer = list.clone();
    let site = Site::of(move |alb| alb.layer().deny_list(&of_layer), |auth| auth).await;
    let token = site.token(&User::jane()).await;
    for jane in [
        Denied::user("user:default/jane.doe".parse().unwrap()),
        Denied::email("jane.doe@example.com").unwrap(),
        Denied::subject(site.alb.issuer(), "AAAAAAAAAAAAAAAAAAAAAIjane.doe").unwrap(),
    ] {
        for _ in 0..2 {
            assert_eq!(site.user_info(&token).await.status, 200);
        }
        list.deny(jane.clone());
        for _ in 0..2 {
            let answer = site.user_info(&token).await;
            assert_eq!((answer.status.as_u16(), answer.body.contains("jane")), (403, false), "{jane:?}");
        }
        list.allow(&jane);
    }
    assert_eq!(site.user_info(&token).await.status, 200);
}

#[tokio::test]
async fn s_140_the_store_of_users_is_read_for_each_use_of_a_remembered_token() {
    let site = Site::new().await;
    let token = site.token(&User::jane()).await;
    assert_eq!(site.user_info(&token).await.status, 200);
    site.stores.users_down.store(true, Ordering::SeqCst);
    assert_eq!(site.user_info(&token).await.status, 503);
    site.stores.users_down.store(false, Ordering::SeqCst);
    assert_eq!(site.user_info(&token).await.status, 200);
}
