//! The route `/awsalb/refresh`: a session for the user that the load balancer signed in.

use axum::{
    body::Body,
    extract::{Request, State},
    http::{Extensions, HeaderMap, Response, StatusCode},
};

use super::{
    error::ApiError,
    session::{ProviderInfo, Session},
    site::OwnSite,
};
use crate::{
    AuthErrorKind, Claims,
    backstage::BackstageAuth,
    internal::{OidcHeaders, Values, sign_in_error},
    layer::Anonymous,
};

pub(super) async fn refresh(
    State(auth): State<BackstageAuth>,
    _own: OwnSite,
    request: Request,
) -> Result<Response<Body>, ApiError> {
    let (parts, _unread) = request.into_parts();
    let user = match auth.alb().sign_in(&parts.headers).await {
        Ok(user) => user,
        Err(refused) => {
            let error = &refused.error;
            if error.kind() == AuthErrorKind::Missing && is_inside_a_layer(&parts.extensions) {
                auth.misused(
                    "Backstage's auth routes are inside an AlbAuthLayer, which removes the headers that they need: nest the \
                     router outside of it",
                    &parts.headers,
                );
            }
            let (user, claims) = refused.user().map_or((None, None), |(user, claims)| (user, Some(claims)));
            auth.session_refused("awsalb", error, (user, claims), &parts.headers);
            return Err(refused.error.into());
        }
    };
    let Some(identity) = user.identity() else {
        auth.misused(
            "the sign-in policy returns only claims for this user, but a Backstage session needs a user",
            &parts.headers,
        );
        auth.no_session(("misused", StatusCode::FORBIDDEN), "awsalb", (None, Some(user.claims())), &parts.headers);
        return Err(ApiError::not_allowed());
    };
    let profile = auth.profile().apply(&user).await.map_err(|error| {
        let error = sign_in_error(error);
        auth.refused(&error, &parts.headers);
        let of = (Some(identity.user_entity_ref()), Some(identity.claims()));
        auth.session_refused("awsalb", &error, of, &parts.headers);
        error
    })?;
    auth.remember_account(identity);
    let left = user.claims().token_expires_at().duration_since(auth.tokens().now());
    let session = Session {
        user: identity.user_entity_ref(),
        claims: Some(user.claims()),
        ownership: identity.ownership_entity_refs(),
        profile: &profile,
        provider_info: Some(ProviderInfo {
            access_token: access_token(&parts.headers).filter(|_| auth.with_access_token()),
            // The token has expired, within the leeway: no time is left.
            expires_in_seconds: left.unwrap_or_default().as_secs(),
        }),
    };
    session.give(&auth, &parts.headers).await
}

/// The provider's access token, unchanged. If there are several, it is unclear which one is the
/// load balancer's.
fn access_token(headers: &HeaderMap) -> Option<&str> {
    match OidcHeaders::scan(headers).access_token {
        Values::One(token) => token.to_str().ok().filter(|token| !token.is_empty()),
        Values::None | Values::Several { .. } => None,
    }
}

/// Whether an `AlbAuthLayer` handled the request before: it adds a user, or the mark that there is
/// none.
fn is_inside_a_layer(extensions: &Extensions) -> bool {
    Claims::of(extensions).is_some() || extensions.get::<Anonymous>().is_some()
}
