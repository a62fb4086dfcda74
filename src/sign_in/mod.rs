//! From claims to an identity: the sign-in policy.
//!
//! A policy is a [`SignInResolver`]. Each one is chosen on purpose, because each of them decides who becomes whom:
//!
//! | resolver | gives | right where |
//! |---|---|---|
//! | [`ClaimsOnly`] | no identity, the claims alone | there is no Backstage catalog to name people by |
//! | [`EmailLocalPart`] | `jane.doe@example.com` -> `user:default/jane.doe` | one organisation, one or few domains, listed |
//! | [`WholeEmail`] | `jane.doe@example.com` -> `user:default/jane.doe_example.com` | several domains; names as Microsoft Graph's |
//! | [`Subject`] | the subject, or a hash of it | nothing but `sub` is stable or there at all |
//! | [`NamedClaim`] | the text of a claim | the provider is set up to send the name |
//! | [`FirstMatch`] | the first of several that finds somebody | migrations |
//! | [`GroupOwnership`] | what another gives, plus groups by a mapping | groups or roles stand in the claims |
//! | `Catalog` (feature `https`) | the user of Backstage's catalog who carries the email or the name | there is a Backstage |
//! | [`from_fn`], [`from_async_fn`] | what your code says | anything else, a catalog for instance |
//!
//! Names are built by [`EntityRef`](crate::EntityRef) from checked parts. An email that is not plain ASCII, not in an allowed
//! domain, or said to be unverified signs nobody in. A policy belongs to one issuer: see
//! [`TrustedAlb::sign_in`](crate::TrustedAlb::sign_in).

mod cache;
#[cfg(feature = "https")]
mod catalog;
mod chain;
mod claim;
mod email;
mod email_rule;
mod function;
mod names;
mod outcome;
mod ownership;
mod resolver;
mod shared_issuers;
mod subject;

#[cfg(feature = "https")]
pub use self::catalog::{Catalog, CatalogBuilder, CatalogSignIn};
pub(crate) use self::{
    cache::{Asked, SignInCache},
    shared_issuers::is_shared,
};
pub use self::{
    chain::FirstMatch,
    claim::NamedClaim,
    email::{EmailLocalPart, EmailSignIn, WholeEmail},
    function::{AsyncFunction, Function, from_async_fn, from_fn},
    outcome::{SignIn, SignInError, SignInErrorKind},
    ownership::GroupOwnership,
    resolver::{ClaimsOnly, Policy, Resolution, SignInFuture, SignInResolver},
    subject::Subject,
};
