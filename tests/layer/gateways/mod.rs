//! The layer behind gateways that ask it whether a request may pass, and what clients of gRPC make of its refusals.

mod forward_auth;
mod grpc_clients;
mod nginx;
mod peers;
mod quickstart;
mod variants;
