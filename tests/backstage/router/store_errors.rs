//! What the log says of a store that gives no result: each kind of error has its own words.

use std::time::SystemTime;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL};
use serde_json::{Value, json};
use tower_alb_auth::{
    backstage::store::{StoreError, StoreFuture, UserInfo, UserInfoStore},
    test_util::User,
};

use crate::{router::site::Site, support::traced::Traced};

/// A store of an application, whose database cannot hold the times of this clock.
struct WrongClock;

const CANNOT_WRITE: &str = "the expiry is after the last date of the database: correct the system clock";

impl UserInfoStore for WrongClock {
    fn put(&self, _: UserInfo, _: SystemTime) -> StoreFuture<'_, ()> {
        Box::pin(async { Err(StoreError::clock(CANNOT_WRITE)) })
    }

    fn find<'a>(&'a self, _: &'a str) -> StoreFuture<'a, Option<UserInfo>> {
        Box::pin(async { Err(StoreError::clock(CANNOT_WRITE)) })
    }
}

#[tokio::test]
async fn f_77_a_clock_error_of_an_applications_store_is_not_logged_as_a_store_out_of_reach() {
    let site = Site::with(|builder| builder.user_info(WrongClock)).await;
    let (traced, _guard) = Traced::begin();
    assert_eq!(site.refresh(&User::jane()).await.status, 503);
    let lines = traced.lines(tracing::Level::WARN);
    assert_eq!(lines, [format!("the store of users was not used, because the system clock is wrong: {CANNOT_WRITE}")]);
}

/// Its store answers all the time: an operator who looks for an outage of the database looks at the wrong place.
#[tokio::test]
async fn f_77_tokens_with_unknown_kids_are_not_logged_as_a_store_out_of_reach() {
    let site = Site::new().await;
    let token = site.token(&User::jane()).await;
    let parts: Vec<&str> = token.split('.').collect();
    let mut header: Value = serde_json::from_slice(&BASE64URL.decode(parts[0]).expect("base64")).expect("JSON");
    let (traced, _guard) = Traced::begin();
    let mut refused = 0;
    for number in 0..100 {
        header["kid"] = json!(format!("unknown-{number}"));
        let unknown = format!("{}.{}.{}", BASE64URL.encode(header.to_string()), parts[1], parts[2]);
        refused += u32::from(site.user_info(&unknown).await.status == 503);
    }
    assert!(refused > 10, "{refused}");
    let lines = traced.lines(tracing::Level::WARN);
    let expected =
        "the store of public keys was not queried: too many tokens with unknown kids: the query budget is spent";
    assert_eq!(lines, [expected; 10]);
}
