//! What the settings take from claims, and what that needs.
//!
//! | use | with one issuer | with several issuers |
//! |---|---|---|
//! | a template of `{entity}`, `{ownership}` and `{iss}` alone, or one that begins with `{iss}#` | accepted | accepted: it names the issuer |
//! | another template; `keep_alb_headers`, which has the subject without the issuer | accepted | refused, or waived |
//! | a requirement on a claim | accepted | with `issuer` in the same `require`; otherwise refused, or waived |
//! | the email of a user, in a template or a requirement | a warning if `email_verified` may be missing | the same |

use std::{cell::Cell, collections::BTreeSet};

use crate::{
    AlbAuthConfigBuilder, AlbAuthSettings,
    auth_proxy::template::Template,
    config::{Problem, ProblemKind},
    internal::{KeyAt, Section},
};

pub(super) const WAIVER: &str = "dangerously_share_claims_between_issuers";

/// What settings take from claims, collected while they are read.
pub(super) struct ClaimUses {
    /// As they are written.
    trusted: BTreeSet<String>,
    /// Without a slash at the end, with and without which two are one.
    issuers: BTreeSet<String>,
    is_waived: bool,
    reads_email: Cell<bool>,
}

/// What was collected, for the warnings at the start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::auth_proxy) struct ClaimWarnings {
    reads_email: bool,
    shared: Option<String>,
}

impl ClaimUses {
    pub(super) fn new(top: &Section<'_>, alb_auth: &AlbAuthSettings) -> Self {
        let trusted: BTreeSet<String> = alb_auth.trust.iter().map(|entry| entry.issuer.clone()).collect();
        let issuers = trusted.iter().map(|issuer| issuer.trim_end_matches('/').to_owned()).collect();
        Self { trusted, issuers, is_waived: top.flag(WAIVER), reads_email: Cell::new(false) }
    }

    /// Whether what two issuers send for two users must not be taken for one user.
    pub(super) fn must_name_issuer(&self) -> bool {
        self.issuers.len() > 1 && !self.is_waived
    }

    /// A template that is used, the operator's or a default.
    pub(super) fn read(&self, template: &Template) {
        if template.reads_email() {
            self.reads_email.set(true);
        }
    }

    /// A template of `what`, such as a header, that the operator has written.
    pub(super) fn template(&self, top: &Section<'_>, at: KeyAt, what: &str, template: &Template) {
        self.read(template);
        let names_issuer = template.names_issuer() && self.issuers.iter().all(|issuer| !issuer.contains('#'));
        if self.must_name_issuer() && !names_issuer {
            let fix = format!("write it as '{{entity}}' or '{{iss}}#{{sub}}'{}", self.or_waive());
            self.refuse(top, at, &format!("{what} does not name the issuer"), fix);
        }
    }

    /// A requirement on this claim, or on whether it is there (`None`).
    pub(super) fn requirement(&self, section: &Section<'_>, at: KeyAt, compared: Option<&str>, of_one_issuer: bool) {
        if compared == Some("email") {
            self.reads_email.set(true);
        }
        if self.must_name_issuer() && !of_one_issuer {
            let fix = format!(
                "add the issuer whose users may meet it to require (issuer: <one of them>), or require owner_of_any{}",
                self.or_waive()
            );
            self.refuse(section, at, "is a requirement on a claim of any issuer", fix);
        }
    }

    /// The issuer of a requirement: one that is trusted.
    pub(super) fn issuer(&self, section: &Section<'_>, issuer: &str) {
        // Without any, trust has a problem already.
        if !self.trusted.is_empty() && !self.trusted.contains(issuer) {
            let known = self.trusted.iter().map(String::as_str);
            section.problems.add(Problem::unknown_value(section.at("issuer"), issuer, known));
        }
    }

    pub(super) fn keeps_alb_headers(&self, top: &Section<'_>) {
        if self.must_name_issuer() {
            let fix = format!("leave it out, and set headers{}", self.or_waive());
            let what = "passes x-amzn-oidc-identity on, which is the subject and does not name the issuer";
            self.refuse(top, top.at("keep_alb_headers"), what, fix);
        }
    }

    fn refuse(&self, section: &Section<'_>, at: KeyAt, what: &str, fix: String) {
        let what =
            format!("{what}, and {} are trusted: one of them may send what belongs to a user of another", self.names());
        section.problems.add(Problem::of(ProblemKind::Insecure, at, what).with_fix(fix));
    }

    /// The issuers, for a message.
    pub(super) fn names(&self) -> String {
        self.issuers.iter().map(String::as_str).collect::<Vec<_>>().join(" and ")
    }

    pub(super) fn or_waive(&self) -> String {
        format!("; if the same value is the same user at all issuers, set {WAIVER}: true")
    }

    pub(super) fn warnings(&self) -> ClaimWarnings {
        let is_shared = self.is_waived && self.issuers.len() > 1;
        let shared = is_shared.then(|| {
            format!(
                "headers, assertions and requirements by claims do not tell the users of {} apart ({WAIVER}): one issuer can \
                 send what belongs to a user of another",
                self.names()
            )
        });
        ClaimWarnings { reads_email: self.reads_email.get(), shared }
    }
}

impl ClaimWarnings {
    pub(in crate::auth_proxy) fn add_to(&self, builder: AlbAuthConfigBuilder) -> AlbAuthConfigBuilder {
        let builder = if self.reads_email { builder.email_is_read() } else { builder };
        self.shared.iter().fold(builder, |builder, text| builder.warning(text.clone()))
    }
}
