//! Pages and examples, against the code.

#[path = "../support/mod.rs"]
mod support;

mod deploy;
mod examples;
mod otlp;
mod pages;
