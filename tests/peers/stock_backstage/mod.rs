//! The auth backend beside what Backstage publishes: its front ends in a browser, its back end with the catalog, its own
//! awsalb provider, and the library that reads its tokens.
//!
//! `.ci/peers` installs them; `cargo test --all-features --test peers stock_backstage -- --ignored` runs these. Set `SCREENSHOTS`
//! to a directory to look at the pages yourself.

mod auth_backend;
mod both;
mod site;
mod stock;

mod back_end;
mod clients;
mod example;
mod front_ends;
mod guide;
mod proxy_plugin;
mod side_by_side;
mod tokens;
