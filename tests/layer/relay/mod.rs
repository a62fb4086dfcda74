//! The verified header goes from service to service: an axum edge, and a tonic or hyper service behind it that verifies it
//! again. Over real connections.

mod client;
mod edge;
mod redirects;
