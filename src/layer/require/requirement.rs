//! What can be required of the user in a request.

use std::sync::Arc;

use http::Extensions;

use crate::{
    error::{AuthError, AuthErrorKind},
    identity::{BackstageIdentity, Claims, EntityRef},
    layer::{Anonymous, Unnamed},
    sync::catch_panic,
};

/// One requirement.
pub(super) enum Requirement {
    SignIn,
    Ownership { of: HowMany, entities: Vec<EntityRef> },
    Claims { what: String, test: ClaimsTest },
}

/// Returns what is wrong, for the operator. It must never contain the value of a claim.
pub(super) type ClaimsTest = Arc<dyn Fn(&Claims) -> Result<(), String> + Send + Sync>;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum HowMany {
    Any,
    All,
}

impl HowMany {
    /// For messages to the developer.
    pub(super) fn constructor(self) -> &'static str {
        match self {
            Self::Any => "RequireLayer::owner_of_any",
            Self::All => "RequireLayer::owner_of_all",
        }
    }
}

impl Requirement {
    /// Whether the user of this request meets it, and is of this issuer if there is one.
    pub(super) fn check(&self, extensions: &Extensions, issuer: Option<&str>) -> Result<(), AuthError> {
        let Some(claims) = Claims::of(extensions) else { return Err(no_user(extensions)) };
        if let Some(issuer) = issuer
            && claims.issuer() != issuer
        {
            // The issuer of an accepted token is one of the configuration, and no secret.
            let found = claims.issuer();
            let detail = format!("required: a user of issuer {issuer}; the user is of issuer {found}");
            return Err(AuthError::with_detail(AuthErrorKind::ClaimMissing, detail));
        }
        match self {
            Self::SignIn => Ok(()),
            Self::Ownership { of, entities } => match extensions.get::<BackstageIdentity>() {
                Some(user) => check_ownership(user, *of, entities),
                None => Err(no_identity(extensions, *of, entities)),
            },
            Self::Claims { what, test } => match catch_panic(|| test(claims)) {
                Some(Ok(())) => Ok(()),
                Some(Err(wrong)) => {
                    Err(AuthError::with_detail(AuthErrorKind::ClaimMissing, format!("required: {what}; {wrong}")))
                }
                None => Err(AuthError::with_detail(
                    AuthErrorKind::Misused,
                    format!(
                        "the closure of RequireLayer::claims_match panicked, required: {what}; see the panic's own message"
                    ),
                )),
            },
        }
    }

    /// A few words for `Debug`.
    pub(super) fn describe(&self) -> String {
        match self {
            Self::SignIn => "a user".to_owned(),
            Self::Ownership { of, entities } => list(*of, entities),
            Self::Claims { what, .. } => what.clone(),
        }
    }
}

fn check_ownership(user: &BackstageIdentity, of: HowMany, entities: &[EntityRef]) -> Result<(), AuthError> {
    let fulfilled = match of {
        HowMany::Any => entities.iter().any(|entity| user.owns(entity)),
        HowMany::All => entities.iter().all(|entity| user.owns(entity)),
    };
    if fulfilled {
        return Ok(());
    }
    // The groups and not the user: a log names users only if the operator switches that on.
    let others = user.ownership_entity_refs().iter().skip(1).filter(|entity| entity.kind() != "user");
    let groups: Vec<&str> = others.map(EntityRef::as_str).collect();
    let groups = if groups.is_empty() { "nothing but itself".to_owned() } else { groups.join(", ") };
    let required = list(of, entities);
    Err(AuthError::with_detail(
        AuthErrorKind::OwnershipMissing,
        format!("required: {required}; the user has ownership of {groups}; ownership comes from the sign-in policy"),
    ))
}

fn no_user(extensions: &Extensions) -> AuthError {
    if extensions.get::<Anonymous>().is_some() {
        return AuthError::with_detail(
            AuthErrorKind::Missing,
            "a part of the application requires a user, and the layer let the request pass without one: the path is exempt, \
             or the layer is optional and no token came",
        );
    }
    AuthError::with_detail(
        AuthErrorKind::Misused,
        "no AlbAuthLayer is around this part of the application: is the layer installed, and added after it?",
    )
}

/// A user with claims and without an identity.
fn no_identity(extensions: &Extensions, of: HowMany, entities: &[EntityRef]) -> AuthError {
    let required = list(of, entities);
    if extensions.get::<Unnamed>().is_some() {
        return AuthError::with_detail(
            AuthErrorKind::OwnershipMissing,
            format!("required: {required}; the sign-in policy accepted the user with claims alone"),
        );
    }
    AuthError::with_detail(
        AuthErrorKind::Misused,
        format!(
            "{} requires {required}, but the sign-in policy ClaimsOnly gives no identity: require a claim \
             (RequireLayer::claim_equals), or configure a policy that gives identities",
            of.constructor()
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
