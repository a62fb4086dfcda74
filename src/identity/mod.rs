//! The values that handlers use: [`BackstageIdentity`], [`EntityRef`], [`Profile`], [`Claims`].
//!
//! All of them are cheap to clone (one or two reference counts). No public constructor turns
//! unverified data into an identity: [`Claims`] come only from a verified token, and a
//! [`BackstageIdentity`] only from a sign-in.
//!
//! | value | content | verified by |
//! |---|---|---|
//! | [`Claims`] | the claims of the identity provider about the user | the load balancer's signature |
//! | [`AccessTokenClaims`] | the claims of the provider's access token, where the configuration verifies it | the provider's signature |
//! | [`BackstageIdentity`] | the user in this organisation: entity ref, ownership | the sign-in policy, from the claims |
//! | [`EntityRef`] | a name in the organisation, `user:default/jane.doe` | nothing: only its form is checked |
//!
//! This folder imports no other part of the crate.

mod access_token_claims;
mod address;
mod backstage_identity;
mod carried;
mod characters;
mod claim_error;
mod claim_value;
mod claims;
mod claims_parts;
mod cleared_user;
mod email;
mod entity_ref;
#[cfg(test)]
mod exhaustive;
mod profile;
mod serializable;
mod shared_claims;
mod token_bytes;
mod token_text;

#[cfg(test)]
pub(crate) use self::exhaustive::every_text;
pub(crate) use self::{
    address::UserAddress,
    carried::Carried,
    claim_error::TEXT_OR_TEXTS,
    claim_value::{ClaimValue, TextList},
    claims_parts::{ClaimsParts, Span},
    cleared_user::ClearedUser,
    email::{Email, EmailProblem},
    token_bytes::{ReceivedToken, TokenBytes},
};
pub use self::{
    backstage_identity::BackstageIdentity,
    claim_error::ClaimError,
    claims::{AccessTokenClaims, Claims, StableId},
    entity_ref::{EntityRef, EntityRefError},
    profile::Profile,
    serializable::{SerializableClaims, SerializableIdentity},
};
