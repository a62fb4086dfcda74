//! Closures as sign-in policies.

use super::{Policy, Resolution, SignIn, SignInError, SignInResolver};
use crate::identity::Claims;

/// A policy from a closure that returns its result at once.
///
/// ```
/// use tower_alb_auth::{EntityRef, sign_in::{self, SignIn, SignInError}};
///
/// let policy = sign_in::from_fn(|claims| match claims.subject() {
///     "248289761001" => EntityRef::user("jane").map(SignIn::user).map_err(|e| SignInError::refused(e.to_string()).caused_by(e)),
///     _ => Err(SignInError::not_found("not in the list of users")),
/// });
/// # let _ = policy;
/// ```
pub fn from_fn<F>(function: F) -> Function<F>
where
    F: Fn(&Claims) -> Result<SignIn, SignInError> + Send + Sync + 'static,
{
    Function { function, policy: Policy::new("a function of the application") }
}

/// A policy from a closure that queries a catalog, a directory or a database. Its results are
/// cached, and concurrent requests of a user share one query.
///
/// The closure is called for each request. Its future is polled only if no result is cached.
///
/// ```
/// use tower_alb_auth::{EntityRef, sign_in::{self, SignIn, SignInError}};
///
/// # async fn look_up(_: &str) -> Option<String> { None }
/// let policy = sign_in::from_async_fn(|claims| async move {
///     let name = look_up(claims.subject()).await.ok_or_else(|| SignInError::not_found("not in the directory"))?;
///     EntityRef::user(&name).map(SignIn::user).map_err(|e| SignInError::refused(e.to_string()).caused_by(e))
/// })
/// .using_claims(["sub"]);
/// # let _ = policy;
/// ```
pub fn from_async_fn<F, Fut>(function: F) -> AsyncFunction<F>
where
    F: Fn(Claims) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<SignIn, SignInError>> + Send + 'static,
{
    AsyncFunction { function, policy: Policy::new("an async function of the application") }
}

/// A policy from a closure, made by [`from_fn`].
#[derive(Clone)]
pub struct Function<F> {
    function: F,
    policy: Policy,
}

/// A policy from an async closure, made by [`from_async_fn`].
#[derive(Clone)]
pub struct AsyncFunction<F> {
    function: F,
    policy: Policy,
}

macro_rules! describe {
    ($type:ident) => {
        impl<F> $type<F> {
            /// The only namespace that the closure names users in: see [`Policy::in_namespace`].
            #[must_use]
            pub fn in_namespace(mut self, namespace: impl Into<String>) -> Self {
                self.policy = self.policy.in_namespace(namespace);
                self
            }

            /// The claims that the result depends on: see [`Policy::using_claims`].
            #[must_use]
            pub fn using_claims(mut self, claims: impl IntoIterator<Item = impl Into<String>>) -> Self {
                self.policy = self.policy.using_claims(claims);
                self
            }
        }

        impl<F> std::fmt::Debug for $type<F> {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.debug_struct(stringify!($type)).field("policy", &self.policy).finish_non_exhaustive()
            }
        }
    };
}

describe!(Function);
describe!(AsyncFunction);

impl<F> SignInResolver for Function<F>
where
    F: Fn(&Claims) -> Result<SignIn, SignInError> + Send + Sync + 'static,
{
    fn resolve(&self, claims: &Claims) -> Resolution {
        (self.function)(claims).into()
    }

    fn policy(&self) -> Policy {
        self.policy.clone()
    }
}

impl<F, Fut> SignInResolver for AsyncFunction<F>
where
    F: Fn(Claims) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<SignIn, SignInError>> + Send + 'static,
{
    fn resolve(&self, claims: &Claims) -> Resolution {
        Resolution::waiting((self.function)(claims.clone()))
    }

    fn policy(&self) -> Policy {
        self.policy.clone()
    }
}
