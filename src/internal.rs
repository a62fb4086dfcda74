//! What the products of this crate use of its core beside the public names: the one list of it.
//!
//! `test_util`, `auth_proxy`, `backstage` and `emulator` import public names from the crate's root, and everything else from
//! here. A name is added here on purpose or not at all; tests/architecture.rs refuses any other way in.
#![allow(unused_imports, reason = "each product is a feature and uses a part")]

#[cfg(any(feature = "backstage", feature = "proxy"))]
pub(crate) use crate::alb::OwnedTraceId;
#[cfg(feature = "backstage")]
pub(crate) use crate::alb::SPKI_UNCOMPRESSED;
#[cfg(any(feature = "test-util", feature = "emulator"))]
pub(crate) use crate::alb::signer;
#[cfg(any(feature = "test-util", feature = "emulator"))]
pub(crate) use crate::alb::{ACCESS_TOKEN, IDENTITY};
#[cfg(feature = "backstage")]
pub(crate) use crate::authenticator::sign_in_error;
#[cfg(feature = "backstage")]
pub(crate) use crate::config::app_config::provider_keys::{OF_THE_BACKEND, PROVIDER_KEYS};
#[cfg(feature = "backstage")]
pub(crate) use crate::deny_list::Account;
#[cfg(any(feature = "backstage", feature = "proxy"))]
pub(crate) use crate::net::path_readings;
#[cfg(any(feature = "emulator", feature = "proxy"))]
pub(crate) use crate::net::server_tls;
#[cfg(feature = "https")]
pub(crate) use crate::net::{http_client, tls};
#[cfg(any(feature = "emulator", feature = "backstage"))]
pub(crate) use crate::settings::closest;
#[cfg(any(feature = "emulator", feature = "backstage", feature = "proxy"))]
pub(crate) use crate::settings::private_file;
#[cfg(feature = "app-config")]
pub(crate) use crate::settings::{KeyAt, Node, Once, Positions, Problems, Section, Value, once};
#[cfg(all(test, shuttle))]
pub(crate) use crate::sync::model;
#[cfg(feature = "backstage")]
pub(crate) use crate::sync::{BoundedCache, HeapSize, catch_panics, timeout};
#[cfg(any(feature = "emulator", feature = "backstage", feature = "proxy"))]
pub(crate) use crate::{
    alb::strip_oidc_headers,
    net::{private_key, proxy},
};
pub(crate) use crate::{
    alb::{DATA, OidcHeaders, TraceId, Values},
    error::quoted,
    identity::{ClaimsParts, Span},
    net::{HttpUrl, HttpUrlError, encoded, is_loopback, is_private_host},
    settings::files,
    sync::{Arc, Mutex, SharedClock, SingleFlight, catch_panic, spawn},
    telemetry::{self, Warnings},
};
#[cfg(feature = "postgres")]
pub(crate) use crate::{
    deny_list::{Entry, WeakDenyList},
    sync::timestamp,
};
#[cfg(feature = "proxy")]
pub(crate) use crate::{
    identity::UserAddress,
    net::HostName,
    server,
    settings::{Unsettled, yaml},
    sign_in::check_email_verified,
};
