//! The layer's form of refusals, left in the request for refusals behind it.

use std::{any::Any, sync::Arc};

use http::{Extensions, Response};

use super::{RefusedRequest, StandardRefusal};
use crate::{
    error::AuthError,
    identity::{Carried, Claims},
};

/// The form in which a layer refuses.
///
/// Behind the layer it is stored with the claims, or in the extensions if the request has no user.
/// The standard form is not stored: it is the default of all refusals in this crate.
pub(crate) enum RefusalForm {
    Standard(StandardRefusal),
    /// By a closure.
    Own {
        /// An [`OwnForm`] of the body that the closure makes.
        closure: Box<dyn Any + Send + Sync>,
        /// Whether refusals with a different body, which cannot use the closure, keep their HTTP
        /// status for gRPC calls too.
        http_status_only: bool,
    },
}

type Closure<B> = dyn Fn(&AuthError, &RefusedRequest<'_>) -> Response<B> + Send + Sync;

struct OwnForm<B>(Box<Closure<B>>);

/// The form, in a request without a user.
#[derive(Clone)]
pub(crate) struct LeftForm(pub(crate) Carried);

impl RefusalForm {
    /// By this closure. `previous` is the form that the layer had before.
    pub(crate) fn own<F, B>(refuse: F, previous: Option<&Carried>) -> Self
    where
        F: Fn(&AuthError, &RefusedRequest<'_>) -> Response<B> + Send + Sync + 'static,
        B: 'static,
    {
        let previous = previous.and_then(|carried| carried.downcast_ref::<Self>());
        Self::Own {
            closure: Box::new(OwnForm::<B>(Box::new(refuse))),
            http_status_only: previous.is_some_and(Self::is_http_status_only),
        }
    }

    /// To be left in requests.
    pub(crate) fn carried(self) -> Carried {
        Carried::new(Arc::new(self))
    }

    /// The form that the outer layer left.
    pub(crate) fn left_in(extensions: &Extensions) -> Option<&Self> {
        let carried = match extensions.get::<LeftForm>() {
            Some(LeftForm(carried)) => Some(carried),
            None => Claims::of(extensions).and_then(Claims::carried),
        };
        carried?.downcast_ref()
    }

    pub(super) fn is_http_status_only(&self) -> bool {
        match self {
            Self::Standard(form) => form.http_status_only,
            Self::Own { http_status_only, .. } => *http_status_only,
        }
    }

    /// The refusal in this form; `None` for a closure that makes a different body.
    pub(super) fn refuse<B: Default + 'static>(
        &self,
        error: &AuthError,
        request: &RefusedRequest<'_>,
    ) -> Option<Response<B>> {
        match self {
            Self::Standard(form) => Some(form.write(error, request)),
            Self::Own { closure, .. } => {
                closure.downcast_ref::<OwnForm<B>>().map(|OwnForm(refuse)| refuse(error, request))
            }
        }
    }
}
