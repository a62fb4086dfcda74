//! Whether a verified token is an access token of this client and of this user.

use crate::{
    config::AccessTokenRule,
    error::{AuthError, quoted},
    identity::{AccessTokenClaims, Claims},
    token::jwt::{VerifiedJwt, invalid},
};

/// Claims that name the client which a token was issued to: Amazon Cognito and RFC 9068, OpenID Connect
/// and Entra ID 2.0, Okta, Entra ID 1.0.
const CLIENT_CLAIMS: [&str; 4] = ["client_id", "azp", "cid", "appid"];

impl AccessTokenRule {
    /// Checks that the token is an access token, and that it was issued for this application.
    pub(super) fn check_purpose(&self, token: &VerifiedJwt) -> Result<(), AuthError> {
        let claims = &token.claims;
        let text = |name: &str| claims.text(name).map_err(|error| invalid(error.to_string()));
        let token_use = text("token_use")?;
        if let Some(found) = token_use.as_deref().filter(|found| *found != "access") {
            return Err(invalid(format!("its token_use is {}, expected access", quoted(found))));
        }
        // Keycloak: Bearer, ID, Refresh, Logout.
        let kind = text("typ")?;
        if let Some(found) = kind.as_deref().filter(|found| !found.eq_ignore_ascii_case("Bearer")) {
            return Err(invalid(format!("its claim typ is {}, expected Bearer", quoted(found))));
        }
        if claims.kind("at_hash").is_some() || claims.kind("c_hash").is_some() {
            return Err(invalid("it has at_hash or c_hash, so it is an ID token"));
        }
        let client_id = text("client_id")?;
        for name in CLIENT_CLAIMS {
            let (Some(found), Some(ids)) = (text(name)?, &self.client_ids) else { continue };
            if !ids.contains(&found) {
                let ids = ids.join(", ");
                return Err(invalid(format!("its {name} is {}, trusted client ids: {ids}", quoted(&found))));
            }
        }
        if self.audiences.is_empty() {
            return match client_id {
                Some(_) => Ok(()),
                None => Err(invalid(format!(
                    "it has no client_id, and no audience is configured; if it is for this application, name its aud ({}) \
                     as the audience of access tokens",
                    shown_audiences(claims)
                ))),
            };
        }
        let audiences = claims.texts("aud").map_err(|error| invalid(error.to_string()))?.unwrap_or_default();
        let Some(audience) = audiences.iter().find(|audience| self.audiences.contains(audience)) else {
            let expected = self.audiences.join(" or ");
            return Err(invalid(format!("its aud is {}, expected {expected}", shown_audiences(claims))));
        };
        // The aud of an ID token is always the client.
        let marked = token.typed
            || token_use.is_some()
            || kind.is_some()
            || client_id.is_some()
            || claims.kind("scope").is_some()
            || claims.kind("scp").is_some();
        if !marked && self.client_ids.as_ref().is_none_or(|ids| ids.contains(audience)) {
            return Err(invalid(
                "its aud is a client, and it has neither scope nor client_id nor typ at+jwt: it cannot be distinguished from an ID \
                 token",
            ));
        }
        Ok(())
    }

    /// Checks that the token belongs to the user of the signed claims.
    pub(super) fn check_subject(&self, claims: &AccessTokenClaims, subject: &str) -> Result<(), AuthError> {
        let name = &self.subject_claim;
        let found = claims.text(name).map_err(|error| invalid(error.to_string()))?;
        match found {
            Some(found) if found == subject => Ok(()),
            Some(_) => Err(invalid(format!(
                "its {name} is not the subject of the signed claims: a token of another user, or the provider sends the \
                 subject in another claim of access tokens (Okta: uid)"
            ))),
            None => Err(invalid(format!("it has no claim {name} to compare with the subject of the signed claims"))),
        }
    }
}

/// The client that a token was issued to.
pub(super) fn client_of(claims: &AccessTokenClaims) -> Option<String> {
    CLIENT_CLAIMS.iter().find_map(|name| claims.text(name).ok().flatten())
}

fn shown_audiences(claims: &Claims) -> String {
    match claims.texts("aud") {
        Ok(Some(audiences)) => audiences.iter().take(4).map(|one| quoted(one)).collect::<Vec<_>>().join(", "),
        _ => "none".to_owned(),
    }
}
