//! Compares the user of a decision with the deny lists.

use std::mem::replace;
#[cfg(feature = "backstage")]
use std::{borrow::Cow, iter::once};

use super::{
    Authenticator, Snapshot,
    outcome::{Authenticated, Outcome, Refused},
};
#[cfg(feature = "backstage")]
use crate::{deny_list::Account, identity::Claims};
use crate::{
    deny_list::{Attached, Cleared, DeniedUser, Hit, Lists, Verdict},
    error::{AuthError, AuthErrorKind},
};

impl Authenticator {
    /// Why this user is shut out, if a deny list names the user now.
    pub(crate) fn denial(&self, user: DeniedUser<'_>) -> Option<AuthError> {
        self.current.load().denial(&self.denied, user)
    }

    /// As [`denial`](Self::denial), by the entity ref alone.
    #[cfg(feature = "backstage")]
    pub(crate) fn denial_of(&self, user: &crate::identity::EntityRef) -> Option<AuthError> {
        let snapshot = self.current.load();
        let lists = self.denied.with(snapshot.settings().denied.as_ref());
        lists.find_user(user, || snapshot.settings().clock.unix_now()).into_hit().map(|hit| denied_by(&hit))
    }

    /// Whether a deny list has entries that need an account to be compared with.
    #[cfg(feature = "backstage")]
    pub(crate) fn denies_accounts(&self) -> bool {
        self.denied.with(self.current.load().settings().denied.as_ref()).name_accounts()
    }

    /// As [`denial`](Self::denial), by an account of another replica.
    #[cfg(feature = "backstage")]
    pub(crate) fn denial_of_account(&self, account: &Account) -> Option<AuthError> {
        let snapshot = self.current.load();
        let lists = self.denied.with(snapshot.settings().denied.as_ref());
        lists.find_account(account, snapshot.settings().clock.unix_now()).into_hit().map(|hit| denied_by(&hit))
    }

    /// What another replica compares with its lists in place of these claims.
    #[cfg(feature = "backstage")]
    pub(crate) fn account(&self, claims: &Claims) -> Account {
        let snapshot = self.current.load();
        let of_policy = snapshot.settings().trust.email_claims(claims.issuer());
        let of_policy = of_policy.map(|claim| claim.read(claims).map(|email| email.map(Cow::into_owned)).ok());
        let emails = once(claims.email_text().map(|email| email.map(str::to_owned)).ok()).chain(of_policy);
        let emails = emails.collect::<Option<Vec<_>>>().map(|emails| {
            let mut emails: Vec<String> = emails.into_iter().flatten().collect();
            emails.dedup();
            emails
        });
        Account { issuer: claims.issuer().to_owned(), subject: claims.subject().to_owned(), emails }
    }
}

impl Snapshot {
    /// Refuses a user whom a deny list names. The one place for it: each decision passes here, however it was made.
    #[inline]
    pub(super) fn deny(&self, attached: &Attached, outcome: &mut Outcome) {
        let lists = attached.with(self.settings().denied.as_ref());
        if lists.are_none() {
            return;
        }
        let Ok(authenticated) = &*outcome else { return };
        let (claims, user) = (authenticated.claims(), DeniedUser::from(authenticated));
        let now = || self.settings().clock.unix_now();
        // A policy may read the address from the access token, which differs between requests with the same claims.
        let verdict = match claims.access_token() {
            None => lists.find_once(user, Cleared::of(claims), now, || self.find_address(lists, user)),
            Some(_) => lists.find(user, now).or_else(|| self.find_address(lists, user)),
        };
        if let Verdict::Denied(hit) = verdict {
            let error = denied_by(&hit);
            let before = replace(outcome, Err(AuthErrorKind::Denied.into()));
            *outcome = before.and_then(|authenticated| Err(Refused::of_user(error, authenticated)));
        } else if let Authenticated::ClaimsOnly(_) = authenticated {
            lists.warn_of_unnamed_user();
        }
    }

    pub(super) fn denial(&self, attached: &Attached, user: DeniedUser<'_>) -> Option<AuthError> {
        let lists = attached.with(self.settings().denied.as_ref());
        let verdict = lists.find(user, || self.settings().clock.unix_now()).or_else(|| self.find_address(lists, user));
        verdict.into_hit().map(|hit| denied_by(&hit))
    }

    /// An entry by email denies the user whom the sign-in policy knows by that address, in whichever claim it is.
    fn find_address(&self, lists: Lists<'_>, DeniedUser { claims, .. }: DeniedUser<'_>) -> Verdict {
        if !lists.names_emails() {
            return Verdict::Clear;
        }
        let settings = self.settings();
        let of_claims = settings.trust.email_claims(claims.issuer()).map(|claim| match claim.read(claims) {
            Ok(None) => Verdict::Clear,
            Ok(Some(address)) => lists.find_address(&address, || settings.clock.unix_now()),
            Err(error) => Verdict::Denied(Hit::AddressIsUnread(error.message().into())),
        });
        of_claims.fold(Verdict::Clear, |strictest, verdict| strictest.or_else(|| verdict))
    }
}

fn denied_by(hit: &Hit) -> AuthError {
    AuthError::with_detail(AuthErrorKind::Denied, hit.reason())
}
