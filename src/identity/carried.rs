//! A value that is attached to claims.

use std::{any::Any, fmt, sync::Arc};

/// A value that the layer passes to inner services. It is attached to the claims, which the layer
/// inserts in any case, because another value in a request's extensions would take another
/// allocation. This folder does not know its type.
#[derive(Clone)]
pub(crate) struct Carried(Arc<dyn Any + Send + Sync>);

impl Carried {
    pub(crate) fn new(value: Arc<dyn Any + Send + Sync>) -> Self {
        Self(value)
    }

    pub(crate) fn downcast_ref<T: Any>(&self) -> Option<&T> {
        self.0.downcast_ref()
    }
}

impl fmt::Debug for Carried {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Carried(..)")
    }
}
