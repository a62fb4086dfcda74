//! The stores, without a database.

mod causes;
mod passwords;
