//! The profile that the front end shows.

use std::{fmt, pin::Pin, sync::Arc};

use serde::Serialize;

use crate::{
    SignedIn,
    internal::{catch_panic, catch_panics},
    sign_in::SignInError,
};

/// What the front end shows of a user: the member `profile` of a session. Members that are `None`
/// are left out.
///
/// It is for display only: the entity ref, which the sign-in policy returns, identifies the user.
#[derive(Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct SessionProfile {
    /// The email address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// The URL of a picture.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub picture: Option<String>,
    /// The name to show.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
}

impl SessionProfile {
    /// The profile that Backstage creates: the claims `email` and `picture`; as the name the claim
    /// `name`, otherwise the email's local part, otherwise the subject. The access token is never
    /// used, because it is not signed.
    pub fn of(user: &SignedIn) -> Self {
        let Some(profile) = user.identity().map(crate::BackstageIdentity::profile) else { return Self::default() };
        Self {
            email: profile.email().map(str::to_owned),
            picture: profile.picture().map(str::to_owned),
            display_name: Some(profile.display_name().to_owned()),
        }
    }
}

impl fmt::Debug for SessionProfile {
    /// Shows which members are set, not their values.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionProfile")
            .field("email", &self.email.is_some())
            .field("picture", &self.picture.is_some())
            .field("display_name", &self.display_name.is_some())
            .finish()
    }
}

type ProfileFuture = Pin<Box<dyn Future<Output = Result<SessionProfile, SignInError>> + Send>>;

/// Creates a profile: Backstage's `authHandler`.
#[derive(Clone)]
pub(super) struct ProfileTransform(Arc<dyn Fn(SignedIn) -> ProfileFuture + Send + Sync>);

impl ProfileTransform {
    pub(super) fn at_once<F>(function: F) -> Self
    where
        F: Fn(&SignedIn) -> Result<SessionProfile, SignInError> + Send + Sync + 'static,
    {
        Self(Arc::new(move |user| Box::pin(std::future::ready(function(&user)))))
    }

    pub(super) fn waiting<F, Fut>(function: F) -> Self
    where
        F: Fn(SignedIn) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<SessionProfile, SignInError>> + Send + 'static,
    {
        Self(Arc::new(move |user| Box::pin(function(user))))
    }

    pub(super) async fn apply(&self, user: &SignedIn) -> Result<SessionProfile, SignInError> {
        let panicked = || Err(SignInError::unavailable("the profile transform panicked; see the panic's own message"));
        let Some(future) = catch_panic(|| (self.0)(user.clone())) else { return panicked() };
        catch_panics(future).await.unwrap_or_else(panicked)
    }
}

impl Default for ProfileTransform {
    fn default() -> Self {
        Self::at_once(|user| Ok(SessionProfile::of(user)))
    }
}
