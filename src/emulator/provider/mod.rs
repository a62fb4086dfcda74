//! An OpenID Connect provider for development: everything an application's sign-in needs, and no passwords.
//!
//! The emulator starts one with `--demo`. By itself it serves tests of anything that signs users in by authorization code.
//!
//! # What it promises
//! | request | answer |
//! |---|---|
//! | anything, under a name that is neither the issuer's nor this machine's | 421 |
//! | `/authorize`, client or redirect URI not known | a page that says so; nobody is sent anywhere |
//! | `/authorize`, anything else wrong | back to the redirect URI with the error of OAuth |
//! | `/authorize`, nobody signed in, or `prompt=login` | the login page; `prompt=none` goes back with `login_required` |
//! | `/authorize`, somebody signed in who fits `login_hint` and `max_age` | back with a code |
//! | the login page's answer | good once, for 15 minutes, in the browser that was shown the page |
//! | `/token` with a code | good once, for a minute, with the redirect URI and verifier it was made for; a second use ends what the first gave |
//! | `/token` with a refresh token | a new one; the old one is good for [a while](DemoProviderBuilder::refresh_reuse_grace), after which its use ends the sign-in |
//! | `/userinfo` | the claims of the user as they are now, by scope |
//! | `/logout` | ends the sign-in and its tokens; on to a registered address, or a page |
//! | `/revoke` | ends a sign-in's tokens |
//!
//! It takes `client_secret_basic` and `client_secret_post`, with or without PKCE (S256), and signs ID tokens by ES256. Access
//! tokens are opaque. The scopes `profile` and `email` bring their claims, as they do at real providers; other claims are
//! always told. Without the scope `openid` there is neither an ID token nor userinfo.
//!
//! Everything is in memory, bounded, and gone with the process. There is nothing here to protect, and still no way to use it
//! against others: what users, clients and files say is text on its pages, it redirects to registered addresses alone, and no
//! other site can answer its login page.
//!
//! # Own users
//! A YAML file, read again whenever somebody signs in or is asked about. A file that went wrong leaves the users of before, and
//! the login page and the log say what is wrong in which line.
//!
//! ```yaml
//! ready_users: false        # leaves the ready ones out; they are there if nothing is said
//! users:
//!   - id: amy               # names her on the command line and in login_hint
//!     note: sends roles     # for the login page; may be left out
//!     claims:
//!       sub: "10769150350006150715113082367"
//!       name: Amy Auditor
//!       email: amy@example.com
//!       roles: [auditor]
//! ```

mod authorize;
mod authorize_request;
mod builder;
mod builtin_users;
mod client;
mod client_auth;
mod cookies;
mod demo_provider;
mod discovery;
mod end_session;
mod expiring;
mod html;
mod login;
mod memory;
mod pages;
mod params;
mod paths;
mod routes;
mod scope;
mod secret;
mod server;
mod signing;
mod token;
mod token_error;
mod user;
mod userinfo;
mod users;
mod users_file;

pub use self::{
    builder::DemoProviderBuilder, client::DemoClient, demo_provider::DemoProvider, server::DemoProviderServer,
    user::DemoUser,
};
