//! The demo provider over real HTTP, as a browser and a client see it.

mod site;

mod authorize;
mod bounds;
mod builder;
mod client_auth;
mod codes;
mod hosts;
mod id_tokens;
mod login_page;
mod logs;
mod machines;
mod pages;
mod refresh;
mod sign_out;
mod switches;
mod userinfo;
mod users_file;
