//! An OpenID Connect provider for development: everything that an application's sign-in needs,
//! without passwords.
//!
//! The emulator starts one with `--demo`. It can also be used alone, in tests of anything that
//! signs users in by the authorization code flow.
//!
//! # Guarantees
//! | request | response |
//! |---|---|
//! | any, with a host name that is neither the issuer's nor this machine's | 421 |
//! | `/authorize`, unknown client or redirect URI | an error page; no redirect |
//! | `/authorize`, any other mistake | redirect to the redirect URI with the OAuth error |
//! | `/authorize`, no user signed in, or `prompt=login` | the login page; with `prompt=none` a redirect with `login_required` |
//! | `/authorize`, a signed-in user who matches `login_hint` and `max_age` | redirect with a code |
//! | the form of the login page | valid once, for 15 minutes, in the browser that got the page |
//! | `/token` with a code | valid once, for a minute, with the redirect URI and verifier of the request; a second use revokes the tokens of the first |
//! | `/token` with a refresh token | a new one; the old one stays valid for [a while](DemoProviderBuilder::refresh_reuse_grace), and its later use ends the sign-in |
//! | `/token` with `client_credentials` | a JWT of a [client of machines](DemoClient::machine), signed with RS256 |
//! | `/userinfo` | the user's current claims, by scope |
//! | `/logout` | ends the sign-in and revokes its tokens; redirects to a registered URI, or shows a page |
//! | `/revoke` | revokes the tokens of a sign-in |
//!
//! It accepts `client_secret_basic` and `client_secret_post`, with or without PKCE (S256), and
//! signs ID tokens with ES256. Access tokens of users are opaque. The scopes `profile` and `email` include
//! their claims, as at real providers; other claims are always included. Without the scope `openid`
//! there is neither an ID token nor userinfo.
//!
//! All state is in memory, bounded, and lost when the process ends. The provider protects no data,
//! but it must not be usable against others: input from users, clients and files is text on its
//! pages, it redirects to registered URIs only, and other sites cannot submit its login page.
//!
//! # Own users
//! A YAML file, which is read again at every sign-in and lookup. If the file has a mistake, the
//! previous users stay, and the login page and the log report the mistake with its line.
//!
//! ```yaml
//! ready_users: false        # removes the built-in users; default true
//! users:
//!   - id: amy               # for the command line and login_hint
//!     note: sends roles     # for the login page; optional
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
mod machine_signer;
mod machine_tokens;
mod memory;
mod pages;
mod params;
mod paths;
mod provider_users;
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
