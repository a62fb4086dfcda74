//! Settings that change while requests come: files that are watched, and reloads under load.

mod emulator_ca;
mod files;
#[cfg(feature = "app-config")]
mod includes;
mod keys;
mod load;
