//! What the pages and the examples say, held against the code.

#[path = "../support/mod.rs"]
mod support;

mod examples;
mod pages;
