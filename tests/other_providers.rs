//! Beside crates that use other TLS and JWT providers.
//!
//! This binary is built as a large application may be: rustls with two providers and jsonwebtoken with two, so that neither
//! knows which to take, and code that uses the process-wide default panics. The layer takes no part in that.

mod support;

use std::panic::{AssertUnwindSafe, catch_unwind};

use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use rustls::{ClientConfig, crypto::CryptoProvider};
use tower_alb_auth::test_util::{MockAlb, User};

use support::https::{server::key, site::Site};

/// What a panic says of its reason, or that there was none.
fn panic_of<T>(act: impl FnOnce() -> T) -> String {
    let Err(panic) = catch_unwind(AssertUnwindSafe(act)) else { return "no panic".to_owned() };
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned())).unwrap_or_default()
}

/// That code which relies on the process-wide defaults fails in this process.
fn assert_ambient_providers_are_ambiguous(alb: &MockAlb, when: &str) {
    let ambiguous = "Could not automatically determine the process-level CryptoProvider";
    let said = panic_of(ClientConfig::builder);
    assert!(said.contains(ambiguous), "rustls, {when}: {said}");

    let key = DecodingKey::from_ec_pem(alb.public_key_pem().as_bytes()).expect("a key");
    let token = alb.token(&User::jane()).unpadded().sign();
    let said = panic_of(|| jsonwebtoken::decode::<serde_json::Value>(&token, &key, &Validation::new(Algorithm::ES256)));
    assert!(said.contains(ambiguous), "jsonwebtoken, {when}: {said}");

    assert!(CryptoProvider::get_default().is_none(), "{when}: nobody has installed a default");
}

#[tokio::test]
async fn the_layer_fetches_and_verifies_where_the_process_wide_providers_are_ambiguous() {
    assert_ambient_providers_are_ambiguous(&MockAlb::new(), "before");
    let (site, server) = Site::of(|_, alb| key(&alb.public_key_pem())).await;
    site.assert_lets_jane_in("keys over TLS").await;
    assert_eq!(server.connections(), 1);
    // And it has chosen nothing for the others.
    assert_ambient_providers_are_ambiguous(&site.alb, "after");
}
