//! Issuers with accounts of many organisations.
//!
//! Anyone can create an account there, with an email address that is not verified or that the
//! administrator of the account's tenant sets.

use std::sync::OnceLock;

/// Hosts of issuers where anyone can create an account.
const HOSTS: [&str; 17] = [
    "accounts.google.com",
    "access.line.me",
    "api.login.yahoo.com",
    "appleid.apple.com",
    "discord.com",
    "id.twitch.tv",
    "identity.xero.com",
    "kauth.kakao.com",
    "www.facebook.com",
    "www.paypal.com",
    "gitlab.com",
    "slack.com",
    "www.linkedin.com",
    "linkedin.com",
    // The issuer of a single organisation has the host <name>.my.salesforce.com.
    "login.salesforce.com",
    "test.salesforce.com",
    // Personal Microsoft accounts.
    "login.live.com",
];

/// Hosts of Microsoft Entra ID, national clouds included. The first segment of the path is the
/// tenant.
const MICROSOFT_HOSTS: [&str; 11] = [
    "login.microsoftonline.com",
    "login.microsoft.com",
    "login.windows.net",
    "sts.windows.net",
    // US government.
    "login.microsoftonline.us",
    "login-us.microsoftonline.com",
    // China.
    "login.partner.microsoftonline.cn",
    "login.chinacloudapi.cn",
    "sts.chinacloudapi.cn",
    // Germany, closed in 2021.
    "login.microsoftonline.de",
    "sts.microsoftonline.de",
];

/// Tenants of Entra ID that stand for several tenants, and the placeholder for a tenant in the
/// discovery document of `common`.
const SHARED_TENANTS: [&str; 8] = [
    "",
    "common",
    "organizations",
    "consumers",
    "{tenantid}",
    "{tenant}",
    "%7btenantid%7d",
    // The tenant of personal Microsoft accounts.
    "9188040d-6c67-4c5b-b112-36a304b66dad",
];

/// The result of [`is_shared`] for the first issuer that it was called with. A policy belongs to one
/// issuer, so that its users cost a comparison each.
#[derive(Debug, Clone, Default)]
pub(super) struct SharedIssuerMemo(OnceLock<(Box<str>, bool)>);

impl SharedIssuerMemo {
    pub(super) fn is_shared(&self, issuer: &str) -> bool {
        let (known, shared) = self.0.get_or_init(|| (issuer.into(), is_shared(issuer)));
        if &**known == issuer { *shared } else { is_shared(issuer) }
    }
}

/// Whether an issuer has accounts of many organisations. Letter case, trailing slashes, the default
/// port and the version in the path are ignored.
pub(crate) fn is_shared(issuer: &str) -> bool {
    let rest = issuer.split_once("://").map_or(issuer, |(_, rest)| rest);
    let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    let host = authority.strip_suffix(":443").unwrap_or(authority);
    let host = host.strip_suffix('.').unwrap_or(host);
    if HOSTS.iter().any(|shared| shared.eq_ignore_ascii_case(host)) {
        return true;
    }
    if !MICROSOFT_HOSTS.iter().any(|shared| shared.eq_ignore_ascii_case(host)) {
        return false;
    }
    let tenant = path.split(['/', '?', '#']).find(|segment| !segment.is_empty()).unwrap_or_default();
    SHARED_TENANTS.iter().any(|shared| shared.eq_ignore_ascii_case(tenant))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s_55_the_memo_of_one_issuer_is_not_used_for_another() {
        let memo = SharedIssuerMemo::default();
        for _ in 0..2 {
            assert!(!memo.is_shared("https://idp.example.com"));
            assert!(memo.is_shared("https://accounts.google.com"));
            assert!(!memo.is_shared("https://idp.example.co"));
        }
    }
}
