//! Passwords for Amazon RDS and Aurora: authentication tokens of IAM.
//!
//! A token is a presigned request (Signature Version 4) of the service `rds-db`, without its scheme. It is
//! valid for 15 minutes at most, and signed without a request. Only the credentials that sign it are
//! fetched, and kept while they are valid.
//!
//! | situation | result |
//! |---|---|
//! | the credentials expire in less than 5 minutes | they are fetched again |
//! | the same, and the endpoint is unavailable | the credentials that are held, while they are valid |
//! | no credentials | [`StoreError`] that names the variables |

mod credentials;
mod http_client;

use std::{
    env,
    time::{Duration, SystemTime},
};

use aws_credential_types::Credentials;
use aws_sigv4::{
    http_request::{SignableBody, SignableRequest, SignatureLocation, SigningSettings, sign},
    sign::v4::SigningParams,
};

use self::credentials::ContainerCredentials;
use super::password::PasswordSource;
use crate::{
    backstage::{
        settings::Secret,
        store::{StoreError, StoreFuture},
    },
    internal::encoded,
};

/// RDS accepts no longer ones.
const MAX_TOKEN_LIFETIME: Duration = Duration::from_secs(15 * 60);
const REGION_VARIABLES: [&str; 2] = ["AWS_REGION", "AWS_DEFAULT_REGION"];

pub(super) struct RdsTokens {
    /// `host:port`.
    endpoint: String,
    user: String,
    region: String,
    credentials: ContainerCredentials,
}

impl RdsTokens {
    /// # Errors
    /// What is missing, and where to set it.
    pub(super) fn new(host: &str, port: u16, user: &str, region: Option<&str>) -> Result<Self, String> {
        let of_environment =
            || REGION_VARIABLES.iter().find_map(|name| env::var(name).ok().filter(|text| !text.is_empty()));
        let region = region.map(str::to_owned).or_else(of_environment).ok_or(
            "the region of the database is missing, which tokens of IAM for RDS name: set AWS_REGION, connection.region in \
             app-config.yaml, or the parameter of rds_iam(..)",
        )?;
        let valid = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if region.is_empty() || !region.bytes().all(valid) {
            return Err(format!(
                "{} is not the name of an AWS region such as eu-central-1: correct AWS_REGION or connection.region",
                crate::internal::quoted(&region)
            ));
        }
        let credentials = ContainerCredentials::new(&region)?;
        Ok(Self { endpoint: format!("{host}:{port}"), user: user.to_owned(), region, credentials })
    }

    fn token(&self, credentials: Credentials, now: SystemTime) -> Result<Secret, StoreError> {
        let failed =
            |error: &dyn std::fmt::Display| StoreError::new(format!("a token for RDS cannot be signed: {error}"));
        let left = credentials.expiry().map(|expiry| expiry.duration_since(now).unwrap_or_default());
        let url = format!("https://{}/?Action=connect&DBUser={}", self.endpoint, encoded(&self.user));
        let mut settings = SigningSettings::default();
        settings.signature_location = SignatureLocation::QueryParams;
        settings.expires_in = Some(left.unwrap_or(MAX_TOKEN_LIFETIME).min(MAX_TOKEN_LIFETIME));
        let identity = credentials.into();
        let parameters = SigningParams::builder()
            .identity(&identity)
            .region(&self.region)
            .name("rds-db")
            .time(now)
            .settings(settings)
            .build()
            .map_err(|error| failed(&error))?;
        let request = SignableRequest::new("GET", url.as_str(), std::iter::empty(), SignableBody::Bytes(&[]));
        let signed =
            sign(request.map_err(|error| failed(&error))?, &parameters.into()).map_err(|error| failed(&error))?;
        let mut request = http::Request::get(&url).body(()).map_err(|error| failed(&error))?;
        signed.into_parts().0.apply_to_request_http1x(&mut request);
        let token = request.uri().to_string();
        Ok(Secret::new(token.strip_prefix("https://").unwrap_or(&token)))
    }
}

impl PasswordSource for RdsTokens {
    fn password(&self) -> StoreFuture<'_, Secret> {
        Box::pin(async { self.token(self.credentials.current().await?, SystemTime::now()) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The token that botocore's `generate_db_auth_token` makes of the same input.
    #[test]
    fn a_token_is_that_of_another_sdk() {
        let tokens = RdsTokens::new("db.example.com", 5432, "back stage", Some("eu-central-1")).unwrap();
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
        for (session_token, expected) in EXPECTED {
            let credentials =
                Credentials::new("AKIDEXAMPLE", "canary/secret+key", session_token.map(str::to_owned), None, "test");
            assert_eq!(parts(tokens.token(credentials, now).unwrap().expose()), parts(expected));
        }
    }

    #[test]
    fn a_token_does_not_outlive_the_credentials_that_sign_it() {
        let tokens = RdsTokens::new("db.example.com", 5432, "backstage", Some("eu-central-1")).unwrap();
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
        for (left, expected) in [(60, 60), (3600, 900)] {
            let expiry = now + Duration::from_secs(left);
            let credentials = Credentials::new("AKIDEXAMPLE", "canary", None, Some(expiry), "test");
            let token = tokens.token(credentials, now).unwrap();
            assert!(token.expose().contains(&format!("X-Amz-Expires={expected}&")), "{left}");
        }
    }

    /// Host and path, and the parameters in any order.
    fn parts(token: &str) -> (&str, Vec<&str>) {
        let (place, query) = token.split_once('?').unwrap();
        let mut parameters: Vec<&str> = query.split('&').collect();
        parameters.sort_unstable();
        (place, parameters)
    }

    const EXPECTED: [(Option<&str>, &str); 2] = [
        (
            None,
            "db.example.com:5432/?Action=connect&DBUser=back%20stage&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIDEXAMPLE%2F20270115%2Feu-central-1%2Frds-db%2Faws4_request&X-Amz-Date=20270115T080000Z&X-Amz-Expires=900&X-Amz-SignedHeaders=host&X-Amz-Signature=1c8e6a22f05fce9cef1e01ece476ac56f38abfcd81649ea8eaa20ab2c92fd001",
        ),
        (
            Some("session/token+=="),
            "db.example.com:5432/?Action=connect&DBUser=back%20stage&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIDEXAMPLE%2F20270115%2Feu-central-1%2Frds-db%2Faws4_request&X-Amz-Date=20270115T080000Z&X-Amz-Expires=900&X-Amz-SignedHeaders=host&X-Amz-Security-Token=session%2Ftoken%2B%3D%3D&X-Amz-Signature=81e5c227efc6f9607a1aa219b6db903ea291eca28c87f3295c9321c24e9ad185",
        ),
    ];
}
