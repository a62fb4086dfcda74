//! Sizes and times of a token at a limit, and one beyond it.

use std::time::{Duration, UNIX_EPOCH};

use tower_alb_auth::{
    AuthErrorKind, TokenLimits,
    test_util::{MockAlb, TestClock, User},
};

use crate::tokens::{
    forge::{Parts, decode},
    gate::Gate,
};

/// The default of `max_header_bytes`, which is fixed.
const MAX_HEADER_BYTES: usize = 2048;

#[tokio::test]
async fn s_08_a_token_is_accepted_up_to_max_token_bytes_and_not_beyond() {
    let alb = MockAlb::new();
    let token = alb.token(&User::jane()).claim("filler", "x".repeat(1000)).sign();
    let gate =
        |max| Gate::with(alb.clone(), alb.config_builder().token_limits(TokenLimits::new().max_token_bytes(max)));
    for max in [token.len() - 1, token.len() - 2, 1024] {
        gate(max).refuses_unasked(&format!("{} bytes of {max}", token.len()), &token, AuthErrorKind::TooLarge).await;
    }
    for max in [token.len(), token.len() + 1] {
        gate(max).admits(&format!("{} bytes of {max}", token.len()), &token).await;
    }
}

#[tokio::test]
async fn s_08_a_jose_header_is_accepted_up_to_its_limit_and_not_beyond() {
    let with = |alb: &MockAlb, filler: usize| alb.token(&User::jane()).header("filler", "x".repeat(filler)).sign();
    let length = |token: &str| decode(&Parts::of(token).header).len();
    let gate = Gate::new();
    let room = MAX_HEADER_BYTES - length(&with(&gate.alb, 0));
    for beyond in [1, 2, 3, 500] {
        let token = with(&gate.alb, room + beyond);
        assert_eq!(length(&token), MAX_HEADER_BYTES + beyond);
        gate.refuses_unasked(&format!("{beyond} bytes beyond"), token, AuthErrorKind::MalformedHeader).await;
    }
    for less in [0, 1, 2, 3, 1000] {
        let token = with(&gate.alb, room - less);
        gate.admits(&format!("{} bytes", MAX_HEADER_BYTES - less), token).await;
    }
}

/// Headers are decoded to a smaller buffer up to 768 bytes, and to a larger one above.
#[tokio::test]
async fn a_jose_header_of_any_length_within_its_limit_is_read() {
    let gate = Gate::new();
    for filler in (0..MAX_HEADER_BYTES - 600).step_by(7).chain(350..480) {
        let token = gate.alb.token(&User::jane()).header("filler", "x".repeat(filler)).sign();
        gate.admits(&format!("a filler of {filler} bytes"), token).await;
    }
}

#[tokio::test]
async fn s_60_a_subject_is_accepted_up_to_255_characters_and_not_beyond() {
    let gate = Gate::new();
    let token = |sub: String| gate.alb.token(&User::jane()).claim("sub", sub).sign();
    for letter in ["s", "\u{e9}", "\u{20ac}", "\u{1f600}"] {
        gate.admits(letter, token(letter.repeat(255))).await;
        gate.refuses(letter, token(letter.repeat(256)), AuthErrorKind::MalformedClaims).await;
        gate.refuses(letter, token(letter.repeat(600)), AuthErrorKind::MalformedClaims).await;
    }
}

#[tokio::test]
async fn s_39_how_far_ahead_an_expiry_is_and_its_limit_are_reported() {
    const NOW: u64 = 1_800_000_000;
    let alb = MockAlb::new().with_clock(&TestClock::at(UNIX_EPOCH + Duration::from_secs(NOW)));
    let token = alb.token(&User::jane()).expires_at(NOW + 901).sign();
    let builder = alb.config_builder();
    let response = Gate::with(alb, builder).call(token).await;
    assert_eq!(response.kind(), Some(AuthErrorKind::LifetimeTooLong));
    let message = response.error.expect("an error").operator_message();
    assert!(message.contains("exp is 901 s ahead, max_lifetime is 900 s"), "{message}");
}
