//! Sign-in policies, which map claims to an identity.
//!
//! A policy is a [`SignInResolver`]. There is no default policy, because the policy decides which
//! user a token stands for:
//!
//! | resolver | result | use it if |
//! |---|---|---|
//! | [`ClaimsOnly`] | no identity, only the claims | there is no Backstage catalog to name users by |
//! | [`EmailLocalPart`] | `jane.doe@example.com` -> `user:default/jane.doe` | there is one organisation with one or few domains, which are listed |
//! | [`WholeEmail`] | `jane.doe@example.com` -> `user:default/jane.doe_example.com` | there are several domains, or names follow Microsoft Graph |
//! | [`Subject`] | the subject, or a hash of it | `sub` is the only stable claim, or the only claim |
//! | [`NamedClaim`] | the text of a claim | the provider is configured to send the user name |
//! | [`FirstMatch`] | the result of the first policy that finds a user | a migration is in progress |
//! | [`GroupOwnership`] | the result of another policy, plus mapped groups | the claims have groups or roles |
//! | `Catalog` (feature `https`) | the user in Backstage's catalog who has the email or the name | there is a Backstage |
//! | [`from_fn`], [`from_async_fn`] | the result of a closure | none of the others fits, for example for a directory |
//!
//! [`EntityRef`](crate::EntityRef) builds names from checked parts. The policies refuse an email
//! that is not plain ASCII, is not in an allowed domain, or is reported as unverified. Each policy
//! belongs to one issuer: see [`TrustedAlb::sign_in`](crate::TrustedAlb::sign_in).

mod address_rule;
mod cache;
#[cfg(feature = "https")]
mod catalog;
mod chain;
mod claim;
mod email;
mod email_claim;
mod email_rule;
mod function;
mod group_claim;
mod names;
mod outcome;
mod ownership;
mod resolver;
mod shared_issuers;
mod subject;

#[cfg(feature = "https")]
pub use self::catalog::{Catalog, CatalogBuilder, CatalogSignIn};
pub(crate) use self::{
    address_rule::{AddressRule, address_by, check_email_verified},
    cache::{CachedSignIn, SignInCache},
    email_claim::EmailClaim,
    resolver::OfThisCrate,
    shared_issuers::is_shared,
};
pub use self::{
    chain::FirstMatch,
    claim::NamedClaim,
    email::{EmailLocalPart, EmailSignIn, WholeEmail},
    function::{AsyncFunction, Function, from_async_fn, from_fn},
    group_claim::{ClaimsOf, GroupClaim, GroupFormat},
    outcome::{SignIn, SignInError, SignInErrorKind},
    ownership::GroupOwnership,
    resolver::{ClaimsOnly, Policy, Resolution, SignInFuture, SignInResolver},
    subject::Subject,
};
