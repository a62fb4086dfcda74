//! Who the user is: [`BackstageIdentity`], [`EntityRef`], [`Profile`], [`Claims`].
//!
//! The values that handlers hold. All of them are cheap to clone (a reference count or two) and none has a public
//! constructor that turns unproven data into an identity: [`Claims`] come out of a verified token only, a
//! [`BackstageIdentity`] out of a sign-in only.
//!
//! | value | what it is | proven by |
//! |---|---|---|
//! | [`Claims`] | what the identity provider said of the user | the load balancer's signature |
//! | [`BackstageIdentity`] | who that is in this organisation: entity ref, ownership | the sign-in policy, from the claims |
//! | [`EntityRef`] | a name in the organisation, `user:default/jane.doe` | nothing: a checked form, not a proof |
//!
//! This folder imports nothing of the rest of the crate.

mod backstage_identity;
mod carried;
mod characters;
mod claims;
mod email;
mod entity_ref;
mod profile;
mod token_bytes;

pub use self::{
    backstage_identity::BackstageIdentity,
    claims::{ClaimError, Claims, StableId},
    entity_ref::{EntityRef, EntityRefError},
    profile::Profile,
};
pub(crate) use self::{
    carried::Carried,
    claims::{ClaimsParts, Span},
    email::{Email, EmailProblem},
    token_bytes::{ReceivedToken, TokenBytes},
};
