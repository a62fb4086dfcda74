//! The stores, without a database.

mod passwords;
