//! Which claim holds the address of a user, and when it counts as the user's.

use std::borrow::Cow;

use super::{
    SignInError,
    email_claim::{EMAIL, EmailClaim, not_text},
    is_shared,
    shared_issuers::SharedIssuerMemo,
};
use crate::identity::{Claims, UserAddress};

/// How a policy reads the address of a user.
#[derive(Debug, Clone, Default)]
pub(crate) struct AddressRule {
    /// `None`: the claim `email`.
    claim: Option<EmailClaim>,
    verification: Verification,
    shared_issuer: SharedIssuerMemo,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Verification {
    #[default]
    NotDenied,
    Required,
    Ignored,
}

impl AddressRule {
    /// Reads the address from this claim.
    pub(super) fn of_claim(claim: String) -> Self {
        Self { claim: Some(claim).filter(|claim| claim != EMAIL).map(EmailClaim::new), ..Self::default() }
    }

    pub(super) fn read_from(&mut self, claim: String) {
        self.claim = Self::of_claim(claim).claim;
    }

    pub(super) fn set_verification(&mut self, verification: Verification) {
        self.verification = verification;
    }

    pub(super) fn verification(&self) -> Verification {
        self.verification
    }

    /// The claim with the address, if it is another one than `email`.
    pub(crate) fn claim(&self) -> Option<&EmailClaim> {
        self.claim.as_ref()
    }

    /// The same claim, and only a verified address.
    #[cfg(feature = "app-config")]
    pub(crate) fn required(mut self) -> Self {
        self.verification = Verification::Required;
        self
    }

    /// The address, if it counts as the user's. `None` if the claim is missing.
    pub(crate) fn read<'c>(&self, claims: &'c Claims) -> Result<Option<Cow<'c, str>>, SignInError> {
        let Some(address) = self.as_sent(claims)? else { return Ok(None) };
        self.check_verified(claims, &address)?;
        Ok(Some(address))
    }

    fn as_sent<'c>(&self, claims: &'c Claims) -> Result<Option<Cow<'c, str>>, SignInError> {
        match &self.claim {
            None => Ok(claims.email_text().map_err(|_| not_text(claims, EMAIL))?.map(Cow::Borrowed)),
            Some(claim) => claim.read(claims),
        }
    }

    fn check_verified(&self, claims: &Claims, address: &str) -> Result<(), SignInError> {
        let verified = match (claims.email_verified(), &self.claim) {
            // The claim is about the claim `email`, and not about a different address.
            (Some(true), Some(_)) => {
                claims.email().is_some_and(|email| email.eq_ignore_ascii_case(address)).then_some(true)
            }
            (verified, _) => verified,
        };
        match (self.verification, verified) {
            (Verification::Ignored, _) | (_, Some(true)) => Ok(()),
            (Verification::NotDenied, None) if self.shared_issuer.is_shared(claims.issuer()) => {
                Err(SignInError::refused(
                    "there is no claim email_verified, and the issuer has users of many organisations; use the issuer of \
                 your tenant instead",
                ))
            }
            (Verification::NotDenied, None) => Ok(()),
            (Verification::Required, None) if claims.email_verified().is_some() => Err(SignInError::refused(
                "the claim email_verified is about the claim email, which is a different address or missing, and \
                 require_verified_email is set",
            )),
            (Verification::Required, None) => {
                Err(SignInError::refused("there is no claim email_verified, and require_verified_email is set"))
            }
            (_, Some(false)) => Err(SignInError::refused(not_verified(claims))),
        }
    }

    /// Whether it reads the claim `email` as it is read where no policy says anything about it.
    fn is_default(&self) -> bool {
        self.claim.is_none() && self.verification == Verification::NotDenied
    }
}

/// The address by these rules, which are those of the policies of a chain. `None` if all of them are the default, so that the
/// claim `email` has to be read.
pub(crate) fn address_by(rules: &[AddressRule], claims: &Claims) -> Option<UserAddress> {
    if rules.iter().all(AddressRule::is_default) {
        return None;
    }
    let mut read = rules.iter().filter_map(|rule| match rule.as_sent(claims) {
        Ok(address) => Some(Ok((rule, address?))),
        Err(error) => Some(Err(error)),
    });
    let unusable = |error: &SignInError| UserAddress::Unusable(error.message().into());
    let (rule, address) = match read.next() {
        None => return Some(UserAddress::Missing),
        Some(Err(error)) => return Some(unusable(&error)),
        Some(Ok(first)) => first,
    };
    if let Err(error) = rule.check_verified(claims, &address) {
        return Some(unusable(&error));
    }
    // Which of the policies named the user is not known.
    let differs = read.any(|other| !other.is_ok_and(|(_, other)| other.eq_ignore_ascii_case(&address)));
    Some(match differs {
        true => UserAddress::Unusable("the sign-in policies read different addresses from different claims".into()),
        false => UserAddress::Known(address.into()),
    })
}

/// Whether the claim `email` counts as the address of the user, where no policy says how it is read.
///
/// # Errors
/// For the operator: why it does not.
pub(crate) fn check_email_verified(claims: &Claims) -> Result<(), String> {
    match claims.email_verified() {
        Some(false) => Err("the provider reports the email as not verified".to_owned()),
        None if is_shared(claims.issuer()) => {
            Err("there is no claim email_verified, and the issuer has users of many organisations, who can enter any \
                 address there; use the issuer of your tenant instead"
                .to_owned())
        }
        Some(true) | None => Ok(()),
    }
}

/// Why a claim `email_verified` counts as false.
fn not_verified(claims: &Claims) -> String {
    const CLAIM: &str = "email_verified";
    let is =
        |value: &str| claims.text(CLAIM).is_ok_and(|text| text.is_some_and(|text| text.eq_ignore_ascii_case(value)));
    let is_false = claims.get(CLAIM) == Ok(Some(false)) || is("false");
    match claims.kind(CLAIM) {
        _ if is_false => format!(
            "the claim {CLAIM} is false; if the provider verifies addresses, map its attribute to {CLAIM} (Amazon Cognito: \
             attribute mapping of the identity provider in the user pool, without which it is false for all federated \
             users); if users cannot change their address at the provider, waive the check by \
             dangerously_accept_unverified_email() (app-config.yaml: dangerouslyAcceptUnverifiedEmail: true, environment: \
             ALB_AUTH_DANGEROUSLY_ACCEPT_UNVERIFIED_EMAIL=true); requireVerifiedEmail: false does not waive it"
        ),
        Some("a text") if is("true") => format!(
            "the claim {CLAIM} is true in another letter case, which does not count: the provider has to send true"
        ),
        Some("a text") => format!("the claim {CLAIM} is another text, not true or false"),
        found => format!("the claim {CLAIM} is {}, not true or false", found.unwrap_or("missing")),
    }
}
