//! What can be demanded of the user in a request.

use std::sync::Arc;

use http::Extensions;

use crate::{
    error::{AuthError, AuthErrorKind},
    identity::{BackstageIdentity, Claims, EntityRef},
    layer::{Anonymous, Unnamed},
    sync::catch_panic,
};

/// What is demanded.
pub(super) enum Demand {
    SignIn,
    Ownership { of: HowMany, entities: Vec<EntityRef> },
    Claims { what: String, test: ClaimsTest },
}

/// Says what is wrong, for the operator. Never the value of a claim.
pub(super) type ClaimsTest = Arc<dyn Fn(&Claims) -> Result<(), String> + Send + Sync>;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum HowMany {
    Any,
    All,
}

impl Demand {
    /// Whether the user of this request has it.
    pub(super) fn check(&self, extensions: &Extensions) -> Result<(), AuthError> {
        let Some(claims) = Claims::of(extensions) else { return Err(nobody(extensions)) };
        match self {
            Self::SignIn => Ok(()),
            Self::Ownership { of, entities } => match extensions.get::<BackstageIdentity>() {
                Some(user) => owns(user, *of, entities),
                None => Err(unnamed(extensions, entities)),
            },
            Self::Claims { what, test } => match catch_panic(|| test(claims)) {
                Some(Ok(())) => Ok(()),
                Some(Err(wrong)) => {
                    Err(AuthError::with_detail(AuthErrorKind::ClaimMissing, format!("demanded: {what}; {wrong}")))
                }
                None => Err(AuthError::with_detail(
                    AuthErrorKind::Misused,
                    format!("the test of RequireClaim::that panicked, demanded: {what}; see the panic's own message"),
                )),
            },
        }
    }

    /// In a few words, for `Debug`.
    pub(super) fn describe(&self) -> String {
        match self {
            Self::SignIn => "a user".to_owned(),
            Self::Ownership { of, entities } => list(*of, entities),
            Self::Claims { what, .. } => what.clone(),
        }
    }
}

fn owns(user: &BackstageIdentity, of: HowMany, entities: &[EntityRef]) -> Result<(), AuthError> {
    let fulfilled = match of {
        HowMany::Any => entities.iter().any(|entity| user.owns(entity)),
        HowMany::All => entities.iter().all(|entity| user.owns(entity)),
    };
    if fulfilled {
        return Ok(());
    }
    // Groups, and not the user: who that is stands in no log unasked.
    let others = user.ownership_entity_refs().iter().skip(1).filter(|entity| entity.kind() != "user");
    let groups: Vec<&str> = others.map(EntityRef::as_str).collect();
    let groups = if groups.is_empty() { "nothing but itself".to_owned() } else { groups.join(", ") };
    let demanded = list(of, entities);
    Err(AuthError::with_detail(
        AuthErrorKind::OwnershipMissing,
        format!("demanded: {demanded}; the user owns for {groups}; ownership comes from the sign-in policy"),
    ))
}

fn nobody(extensions: &Extensions) -> AuthError {
    if extensions.get::<Anonymous>().is_some() {
        return AuthError::with_detail(
            AuthErrorKind::Missing,
            "a part of the application demands a user, and the layer let the request pass without one: the path is exempt, \
             or the layer is optional and no token came",
        );
    }
    AuthError::with_detail(
        AuthErrorKind::Misused,
        "no AlbAuthLayer is around this part of the application: is the layer installed, and added after it?",
    )
}

/// Somebody with claims and without an identity.
fn unnamed(extensions: &Extensions, entities: &[EntityRef]) -> AuthError {
    let demanded = list(HowMany::Any, entities);
    if extensions.get::<Unnamed>().is_some() {
        return AuthError::with_detail(
            AuthErrorKind::OwnershipMissing,
            format!("demanded: {demanded}; the sign-in policy let the user in with claims alone"),
        );
    }
    AuthError::with_detail(
        AuthErrorKind::Misused,
        format!(
            "RequireOwnership demands {demanded}, but the sign-in policy ClaimsOnly names nobody: demand a claim by \
             RequireClaim, or configure a policy that names users"
        ),
    )
}

fn list(of: HowMany, entities: &[EntityRef]) -> String {
    let entities: Vec<&str> = entities.iter().map(EntityRef::as_str).collect();
    entities.join(match of {
        HowMany::Any => " or ",
        HowMany::All => " and ",
    })
}
