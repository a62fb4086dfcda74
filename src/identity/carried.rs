//! What goes along with claims.

use std::{any::Any, fmt, sync::Arc};

/// What the layer leaves for those behind it, with the claims that it inserts anyway: another value in a request's extensions
/// would be another allocation. What it is, is not known here.
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
