//! Numbers, without the feature `metrics`: nothing.

use std::time::{Duration, Instant};

use crate::{
    error::AuthErrorKind,
    sign_in::{SignIn, SignInError},
};

pub(crate) fn describe() {}

pub(crate) fn decision(_: &'static str) {}

pub(crate) fn requirement_failed(_: AuthErrorKind) {}

pub(crate) fn token_cache(_: &'static str) {}

pub(crate) fn key_fetch(_: &'static str) {}

pub(crate) fn sign_in_cache(_: &'static str) {}

pub(crate) fn oldest_key(_: impl Iterator<Item = Instant>, _: Instant) {}

pub(crate) fn sign_in(_: &Result<SignIn, SignInError>, _: Duration) {}

pub(crate) struct FetchUnderWay;

impl FetchUnderWay {
    pub(crate) fn begin() -> Self {
        Self
    }
}
