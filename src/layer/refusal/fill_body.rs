//! Writes a text into a body whose type is not known at compile time.

use std::any::Any;

use bytes::Bytes;
use http_body_util::Full;

/// Writes `text` into `body` if this crate knows its type, otherwise leaves it as it is. Returns
/// whether it was written.
pub(super) fn fill<B: 'static>(body: &mut B, text: String) -> bool {
    let body: &mut dyn Any = body;
    if let Some(body) = body.downcast_mut::<String>() {
        *body = text;
    } else if let Some(body) = body.downcast_mut::<Vec<u8>>() {
        *body = text.into_bytes();
    } else if let Some(body) = body.downcast_mut::<Bytes>() {
        *body = text.into();
    } else if let Some(body) = body.downcast_mut::<Full<Bytes>>() {
        *body = text.into();
    } else {
        #[cfg(feature = "axum")]
        if let Some(body) = body.downcast_mut::<axum_core::body::Body>() {
            *body = text.into();
            return true;
        }
        return false;
    }
    true
}
