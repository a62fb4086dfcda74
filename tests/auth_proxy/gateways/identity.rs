//! Headers of a client that services read as a user, at each gateway, and names of others that must not pass.

use super::Gateway;
use crate::identity::spellings;

/// The names that the proxy itself removes.
const REMOVED_BY_THE_PROXY: &str = include_str!("../../../src/auth_proxy/identity_headers.rs");

/// Members of the families of names that the proxy removes, as programs send them.
const MEMBERS: [&str; 84] = [
    "Remote-User",
    "Remote-Group",
    "Remote-Groups",
    "Remote-Name",
    "Remote-Email",
    "X-Remote-User",
    "X-Remote-Group",
    "X-Remote-Groups",
    "X-Remote-Email",
    "X-Remote-Name",
    "X-Auth-Request-User",
    "X-Auth-Request-Email",
    "X-Auth-Request-Groups",
    "X-Auth-Request-Preferred-Username",
    "X-Auth-Request-Access-Token",
    "X-Authenticated-User",
    "X-Authenticated-Userid",
    "X-Authenticated-Email",
    "X-Authenticated-Groups",
    "X-Authentik-Username",
    "X-Authentik-Email",
    "X-Authentik-Groups",
    "X-Authentik-Name",
    "X-Authentik-Uid",
    "X-Authentik-Jwt",
    "X-WEBAUTH-USER",
    "X-WEBAUTH-EMAIL",
    "X-WEBAUTH-NAME",
    "X-WEBAUTH-GROUPS",
    "X-WEBAUTH-ROLE",
    "X-AKHQ-USER",
    "X-AKHQ-GROUP",
    "X-Vouch-User",
    "X-Vouch-Token",
    "X-Pomerium-Jwt-Assertion",
    "X-Pomerium-Claim-Email",
    "X-Pomerium-Claim-User",
    "X-Pomerium-Claim-Groups",
    "X-Goog-Authenticated-User-Email",
    "X-Goog-Authenticated-User-Id",
    "X-Goog-Iap-Jwt-Assertion",
    "X-MS-CLIENT-PRINCIPAL",
    "X-MS-CLIENT-PRINCIPAL-ID",
    "X-MS-CLIENT-PRINCIPAL-NAME",
    "X-MS-CLIENT-PRINCIPAL-IDP",
    "X-MS-TOKEN-AAD-ACCESS-TOKEN",
    "X-MS-TOKEN-AAD-ID-TOKEN",
    "Cf-Access-Authenticated-User-Email",
    "Cf-Access-Jwt-Assertion",
    "Tailscale-User-Login",
    "Tailscale-User-Name",
    "Tailscale-User-Profile-Pic",
    "OIDC_CLAIM_sub",
    "Oidc-Claim-Sub",
    "Oidc-Claim-Email",
    "Oidc-Id-Token",
    "Oidc-Access-Token",
    "X-Consumer-Id",
    "X-Consumer-Custom-Id",
    "X-Consumer-Username",
    "X-Consumer-Groups",
    "X-Credential-Identifier",
    "X-Credential-Username",
    "X-Forwarded-Client-Cert",
    "X-Forwarded-Tls-Client-Cert",
    "X-Forwarded-Tls-Client-Cert-Info",
    "X-Ssl-Client-Cert",
    "X-Ssl-Client-Dn",
    "X-Ssl-Client-Cn",
    "X-Ssl-Client-S-Dn",
    "X-Ssl-Client-Verify",
    "Ssl-Client-Cert",
    "Ssl-Client-Verify",
    "Ssl-Client-Subject-Dn",
    "Ssl-Client-Issuer-Dn",
    "X-Client-Cert",
    "Client-Cert",
    "Client-Cert-Chain",
    "X-Amzn-Mtls-Clientcert",
    "X-Amzn-Mtls-Clientcert-Serial-Number",
    "X-Amzn-Mtls-Clientcert-Issuer",
    "X-Amzn-Mtls-Clientcert-Subject",
    "X-Amzn-Mtls-Clientcert-Validity",
    "X-Amzn-Mtls-Clientcert-Leaf",
];

/// The texts of the list with this name in the source of the proxy.
fn listed(name: &str) -> Vec<&'static str> {
    listed_in(REMOVED_BY_THE_PROXY, name)
}

fn listed_in(source: &'static str, name: &str) -> Vec<&'static str> {
    let (_, list) = source.split_once(&format!("const {name}: ")).expect("the list");
    let (list, _) = list.split_once("];\n").expect("its end");
    list.split('"').skip(1).step_by(2).collect()
}

/// The names and the spellings.
pub(super) fn names() -> Vec<String> {
    let names = listed("NAMES").into_iter().chain(MEMBERS).map(str::to_owned);
    spellings().into_iter().chain(names).collect()
}

/// Headers by which some services take another path, method or host, with spellings.
pub(super) fn other_targets() -> Vec<String> {
    let source = include_str!("../../../src/auth_proxy/other_targets.rs");
    let names: Vec<&str> = ["PATHS", "HOSTS", "METHODS"].iter().flat_map(|list| listed_in(source, list)).collect();
    assert!(names.len() >= 25 && names.contains(&"script-name"), "{names:?}");
    names.iter().flat_map(|name| [(*name).to_owned(), name.replace('-', "_"), name.replace('-', ".")]).collect()
}

/// Anywhere in a value, since a gateway may join values.
pub(super) fn has_forged(headers: &http::HeaderMap) -> bool {
    headers.values().any(|value| value.as_bytes().windows(6).any(|part| part == b"forged"))
}

#[test]
fn each_family_of_names_has_a_member_in_the_tests_of_gateways() {
    let families = listed("PREFIXES");
    assert!(families.len() > 10 && listed("NAMES").len() > 30, "{families:?}");
    for family in families {
        assert!(MEMBERS.iter().any(|name| name.to_lowercase().starts_with(family)), "{family}");
    }
}

impl Gateway {
    /// The marker is the value, so a spelling that this test does not know of would be found too.
    pub(super) async fn passes_no_identity_of_a_client(&self) {
        let jane = format!("x-amzn-oidc-data: {}\r\n", self.site.token());
        let names = names();
        let mut passed = Vec::new();
        for name in &names {
            let forged = format!("{name}: forged-admin\r\n{name}: forged-twice\r\n");
            let is_of_alb = name.to_lowercase() == "x-amzn-oidc-identity";
            for (path, lines) in
                [("/page", format!("{jane}{forged}")), ("/public/x", forged.clone()), ("/healthz", forged.clone())]
            {
                let code = self.get(path, &lines).await;
                let seen = self.site.log.take();
                if path == "/page" && is_of_alb {
                    // An identity that is not the signed subject.
                    assert_eq!((code, seen.len()), (401, 0), "{name}");
                    continue;
                }
                assert_eq!((code, seen.len()), (200, 1), "{name} {path}");
                let headers = &seen[0].headers;
                if has_forged(headers) {
                    passed.push(format!("{name} {path}"));
                }
                let user = headers.get("x-forwarded-user").filter(|value| !value.is_empty());
                assert_eq!(user.is_some_and(|user| user == "jane.doe@example.com"), path == "/page", "{name} {path}");
            }
        }
        assert!(passed.is_empty(), "{} of {} names reach the application: {passed:?}", passed.len(), names.len());
    }
}
