//! Tokens that an attacker made to get in, or to break something.
//!
//! Each test is named after its row in the list of threats and speaks to the layer as a load balancer would. Whatever can be
//! refused without a key is sent to a layer that holds none, and must not make it ask for one.

mod der;
mod forge;
mod gate;

mod algorithms;
mod base64url;
mod bytes;
mod claims;
mod json;
mod key_ids;
mod lifetime;
mod limits;
mod numbers;
mod other_tokens;
mod other_verifiers;
mod panics;
mod properties;
mod public_keys;
mod signatures;
mod times;
mod trust;
