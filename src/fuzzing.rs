//! Parts that are not public, for the oracles of `fuzz/`.
//!
//! It exists with `--cfg fuzzing` only, which no feature sets. Where the public API reaches a reader, the oracle uses that
//! API. The functions here only call the readers and hand out what these return; no check is made here.

use std::time::SystemTime;

use crate::{
    Claims, EntityRef,
    sign_in::{Resolution, SignInResolver},
    sync::timestamp,
};
pub use crate::{
    auth_proxy::fuzzing as auth_proxy, backstage::fuzzing as backstage, config::fuzzing as app_config,
    emulator::fuzzing as emulator, token::fuzzing as token,
};

/// The readings of a path; `None` if there are too many.
pub fn path_readings(path: &str) -> Option<Vec<String>> {
    crate::net::path_readings::readings(path)
}

/// Whether two servers may read the path differently.
pub fn is_oddly_written(path: &str) -> bool {
    crate::net::path_readings::is_oddly_written(path)
}

/// Whether a reading is the mount or below it.
pub fn is_below(reading: &str, mount: &str) -> bool {
    crate::net::path_readings::is_below(reading, mount)
}

/// Local part and domain of an email that a sign-in policy may use.
pub fn email(text: &str) -> Option<(&str, &str)> {
    crate::identity::Email::parse(text).ok().map(|email| (email.local_part, email.domain))
}

/// Reads a timestamp.
pub fn read_timestamp(text: &str) -> Option<SystemTime> {
    timestamp::read(text)
}

/// Writes a timestamp.
pub fn write_timestamp(time: SystemTime) -> Option<String> {
    timestamp::write(time)
}

/// The user whom a policy that needs no query names.
pub fn user_of(policy: &dyn SignInResolver, claims: &Claims) -> Option<EntityRef> {
    match policy.resolve(claims) {
        Resolution::Ready(signed_in) => signed_in.ok()?.user,
        Resolution::Waiting(_) => None,
    }
}
