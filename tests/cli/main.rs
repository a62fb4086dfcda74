//! The program `alb-emulator`, run as users run it.
#![cfg(all(feature = "emulator", feature = "test-util"))]

mod inspect;
mod program;
