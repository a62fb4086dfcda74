// For development only: no AWS account has this signer.
use tower_alb_auth::{AlbAuthConfig, ConfigError, TrustedAlb, sign_in::EmailLocalPart};

pub fn alb_auth() -> Result<AlbAuthConfig, ConfigError> {
    let emulator = TrustedAlb::new(
        "arn:aws:elasticloadbalancing:eu-central-1:000000000000:loadbalancer/app/emulator/0000000000000001",
        "http://idp.localhost:9001",
    )
    .client_id("alb-emulator")
    .key_endpoint("http://127.0.0.1:9002");
    AlbAuthConfig::builder().trust(emulator).sign_in(EmailLocalPart::in_domains(["example.com"])).build()
}
