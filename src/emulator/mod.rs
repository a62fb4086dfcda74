//! The load balancer's sign-in flow on a laptop: what an Application Load Balancer with an `authenticate-oidc` action does,
//! for development.

pub mod cli;
mod inspect;
mod paragraphs;
