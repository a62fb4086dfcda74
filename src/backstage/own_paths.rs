//! Recognizes the paths of this auth backend's own routes, however another server may interpret
//! them.
//!
//! A server behind this one may have the same routes with fewer checks, and interpret paths
//! differently: Express treats `/API/Auth/AWSALB/refresh` as `/api/auth/awsalb/refresh`, a proxy
//! decodes `/api/%61uth`, a servlet container drops `;x`. One guard decides for the fallback of the
//! router and for
//! [`Upstream`](super::Upstream) what may be passed on:
//!
//! | a path | passed on |
//! |---|---|
//! | below the mount, plainly written, and not the path of an own route in any letter case | yes |
//! | below the mount, with `%`, `\`, `;`, `//`, a dot segment or a non-ASCII character | no |
//! | not below the mount in any reading | yes, unchanged |
//! | not below the mount as written, but below it in some reading | no |
//!
//! A reading is the result of any of these steps in any order: percent-decoding, `\` to `/`,
//! removal of `;` parameters, collapsing of slashes, resolution of dot segments, removal of a host
//! after two slashes. Letter case never matters.

use crate::internal::path_readings::{is_below, is_oddly_written, readings};

/// Mount of Backstage's plugin `auth` in every stock backend.
pub(super) const USUAL_MOUNT: &str = "/api/auth";

/// The own routes that have routes of others beside them.
const OWN_PATHS: [&str; 4] =
    ["/.well-known/jwks.json", "/.well-known/openid-configuration", "/v1/userinfo", "/.backstage/auth/v1/jwks.json"];

/// Whether a path below the mount may be passed to another server. `guests` says whether `/guest`
/// is an own route.
pub(super) fn is_of_others(path: &str, guests: bool) -> bool {
    !is_oddly_written(path) && !is_own(path, guests)
}

/// The same for a whole path, with the mounts of the own routes.
pub(super) fn may_pass<'m>(path: &str, mounts: impl Iterator<Item = &'m str> + Clone) -> bool {
    let is_plainly_below = |mount: &str| match path.strip_prefix(mount) {
        Some(rest) if rest.is_empty() || rest.starts_with('/') => Some(rest),
        _ => None,
    };
    if let Some(rest) = mounts.clone().find_map(is_plainly_below) {
        return is_of_others(rest, false);
    }
    let is_below = |reading: &str| mounts.clone().any(|mount| is_below(reading, mount));
    if !is_oddly_written(path) {
        return !is_below(path);
    }
    readings(path).is_some_and(|readings| !readings.iter().any(|reading| is_below(reading)))
}

/// Whether the path can be a mount: plainly written, without a slash at its end.
pub(super) fn is_mount(path: &str) -> bool {
    path.len() > 1 && path.starts_with('/') && !path.ends_with('/') && !is_oddly_written(path) && !path.contains('?')
}

fn is_own(path: &str, guests: bool) -> bool {
    let small = path.trim_end_matches('/').to_ascii_lowercase();
    match small.split('/').nth(1).unwrap_or_default() {
        "awsalb" => true,
        "guest" => guests,
        _ => OWN_PATHS.contains(&&*small),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::internal::path_readings::{MAX_ODD_PATH, MAX_READINGS};

    fn passes(path: &str) -> bool {
        may_pass(path, [USUAL_MOUNT].into_iter())
    }

    #[test]
    fn odd_paths_and_own_ones_are_not_of_others() {
        for path in [
            "",
            "/",
            "/github/start",
            "/github/handler/frame/",
            "/v1/token",
            "/awsalb2/refresh",
            "/guest/refresh",
            "/.well-known/oauth-client/cli.json",
            "/.well-known/oauth-authorization-server",
        ] {
            assert!(is_of_others(path, false), "{path}");
        }
        for path in [
            "/awsalb",
            "/AwsAlb/refresh",
            "/.Well-Known/jwks.json",
            "/.well-known/JWKS.json/",
            "/.well-known/OpenID-Configuration",
            "/V1/UserInfo/",
            "/.backstage/Auth/v1/jwks.json",
            "//awsalb/refresh",
            "/github//start",
            "/github/start//",
            "/%61wsalb/refresh",
            "/github/../awsalb/refresh",
            "/./awsalb/refresh",
            "/github/..",
            "/github\\..\\awsalb",
            "/aw\u{17f}alb/refresh",
            "/awsalb;x/refresh",
            "/;x/awsalb/refresh",
        ] {
            assert!(!is_of_others(path, false), "{path}");
        }
        assert!(!is_of_others("/Guest/refresh", true));
    }

    #[test]
    fn s_91_what_is_below_the_mount_in_some_reading_alone_does_not_pass() {
        for path in [
            "/api/auth/awsalb/refresh",
            "/api/auth/AWSALB/refresh",
            "/api/auth/awsalb;x/refresh",
            "/api/auth/x/%2e%2e/awsalb/refresh",
            "/API/auth/awsalb/refresh",
            "/api/Auth",
            "/Api/auth/github/start",
            "//api/auth/github/start",
            "/api//auth/github/start",
            "/api/%61uth/awsalb/refresh",
            "/api/%2561uth/awsalb/refresh",
            "/api%2fauth/awsalb/refresh",
            "/api%252Fauth/awsalb/refresh",
            "/api\\auth\\awsalb\\refresh",
            "/api%5cauth/awsalb/refresh",
            "/./api/auth/awsalb/refresh",
            "/catalog/../api/auth/awsalb/refresh",
            "/api/catalog/..%2fauth/awsalb/refresh",
            "/api/catalog/%2e%2e/auth/awsalb/refresh",
            "/api/catalog/..;/auth/awsalb/refresh",
            "/api/catalog/..%3b/auth/awsalb/refresh",
            "/api;x=y/auth;z/awsalb/refresh",
            "/;/api/auth/awsalb/refresh",
            "/x\\..\\api\\auth",
            // Dot segments before the slash is decoded, and after slashes are collapsed.
            "/x%2fy/../api/auth/awsalb/refresh",
            "/x//../api/auth/awsalb/refresh",
            "/x/..//api/auth/awsalb/refresh",
            // What follows two slashes is a host.
            "//x/api/auth/awsalb/refresh",
            "/\\x\\api/auth/awsalb/refresh",
            "/x/..//y/api/auth/awsalb/refresh",
            // Dots alone are decoded, by the URL Standard.
            "/x%2fy/%2e%2e/api/auth/awsalb/refresh",
            "/x%2fy/.%2E/api/auth/awsalb/refresh",
            "/api/au%E2%84%AAth/../auth",
            "/api/auth%00/awsalb/refresh",
            "/api/auth%20/awsalb/refresh",
            "/api/auth%3f/awsalb/refresh",
        ] {
            assert!(!passes(path), "{path}");
        }
        assert!(
            !may_pass("/bac%E2%84%AA/awsalb/refresh", ["/back"].into_iter()),
            "some servers treat a Kelvin sign as a small k"
        );
    }

    #[test]
    fn honest_paths_of_others_pass() {
        for path in [
            "/",
            "*",
            "/api",
            "/api/auth",
            "/api/auth/",
            "/api/auth/github/start",
            "/api/auth-backend/x",
            "/api/authorization/check",
            "/API/catalog/entities",
            "/api/catalog/entities/by-name/component/default/awsalb",
            "/api/techdocs/static/docs/default/component/My%20Docs/a%2Fb/../c;v=1//d",
            "/api/search/query%3Fterm=%25",
            "/docs/default/component/%E6%97%A5%E6%9C%AC/index.html",
            "/.well-known/oauth-protected-resource",
            "/v1/userinfo",
        ] {
            assert!(passes(path), "{path}");
        }
    }

    #[test]
    fn what_has_too_many_readings_does_not_pass() {
        assert!(!passes(&format!("/x/%{}41", "25".repeat(MAX_READINGS))));
        assert!(!passes(&format!("/x/{}%20", "y".repeat(MAX_ODD_PATH))));
        // Work for milliseconds, where it is as long as it may be: readings of 8 KiB each.
        assert!(!passes(&"/%2525/..;a\\b//%255c.%2e;".repeat(300)));
        assert!(passes(&format!("/x/{}%2F%20//d;v=1", "y".repeat(4 * 1024))), "long, with few readings");
        assert!(passes(&format!("/x/{}", "y".repeat(MAX_ODD_PATH))), "plainly written");
    }
}
