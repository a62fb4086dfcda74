//! What is not ours.

use axum::{
    body::Body,
    extract::Request,
    http::{Response, StatusCode},
    middleware::Next,
    response::IntoResponse,
};

use super::error::ApiError;

/// Longest provider name that is said back.
const LONGEST_NAME: usize = 64;

/// 404, as Backstage words it: what stands first in a path is the name of a provider there.
pub(super) async fn unknown(request: Request) -> ApiError {
    let name = request.uri().path().split('/').nth(1).unwrap_or_default();
    // Plain names alone: nobody's page is to say a stranger's words.
    let is_plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    let message = match name {
        "" => "There is no such route.".to_owned(),
        name if is_plain && name.len() <= LONGEST_NAME => format!("Unknown auth provider '{name}'"),
        _ => "There is no such route.".to_owned(),
    };
    ApiError::new(StatusCode::NOT_FOUND, message)
}

pub(super) async fn not_implemented() -> ApiError {
    ApiError::new(StatusCode::NOT_IMPLEMENTED, "The load balancer signs users in: there is nothing to start here.")
}

pub(super) async fn wrong_method() -> ApiError {
    ApiError::new(StatusCode::METHOD_NOT_ALLOWED, "This route does not take this method.")
}

/// Hands on what is written plainly. Another server may read an odd path as one of ours, and answer it by rules of its own:
/// Express takes `/AWSALB/refresh` for `/awsalb/refresh`, and a proxy may decode `/%61wsalb/refresh`.
pub(super) async fn plain_paths_alone(request: Request, next: Next) -> Response<Body> {
    if is_plain(request.uri().path()) { next.run(request).await } else { unknown(request).await.into_response() }
}

fn is_plain(path: &str) -> bool {
    let mut segments = path.split('/').skip(1);
    let odd = !path.is_ascii() || path.contains(['%', '\\']) || path.contains("//");
    !is_ours(path) && !odd && segments.all(|segment| !matches!(segment, "." | ".."))
}

/// Whether it is a path of ours to somebody who does not tell capitals from small letters.
fn is_ours(path: &str) -> bool {
    let small = path.trim_end_matches('/').to_ascii_lowercase();
    let first = small.split('/').nth(1).unwrap_or_default();
    matches!(first, "awsalb" | ".well-known") || matches!(&*small, "/v1/userinfo" | "/.backstage/auth/v1/jwks.json")
}

#[cfg(test)]
mod tests {
    use super::is_plain;

    #[test]
    fn odd_paths_and_ours_are_not_plain() {
        for path in ["/", "/github/start", "/github/handler/frame/", "/v1/token", "/awsalb2/refresh"] {
            assert!(is_plain(path), "{path}");
        }
        for path in [
            "/awsalb",
            "/AwsAlb/refresh",
            "/.Well-Known/jwks.json",
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
        ] {
            assert!(!is_plain(path), "{path}");
        }
    }
}
